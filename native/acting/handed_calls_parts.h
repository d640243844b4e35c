// SPDX-License-Identifier: Apache-2.0
// Parts of HandedCalls that its callers do not see.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "acting/handed_calls.h"
#include "acting/helper.h"
#include "helper/wire.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

struct HandedCalls::Parts {
  struct Handed {
    std::unique_ptr<Helper> helper;
    std::shared_ptr<HandedCall> call;
    TimeTaken taken = {};
    bool is_waiting = false;
    // Of a call that comes again: the file that the helper has opened for it.
    UniqueFd opened = {};
  };
  // By the number of their helper.
  using All = std::map<std::uint64_t, Handed>;

  std::mutex mutex;
  UniqueFd epoll;
  UniqueFd wake;
  All all;
  // Of helpers that are watched.
  std::uint64_t last_number = 0;
  bool is_asleep = true;
  // Calls whose descriptors are being given, by payer: they are not among all any more.
  std::map<Payer, std::size_t> giving;
  // They end without the mutex, which may take a moment.
  std::vector<std::unique_ptr<Helper>> dropped;
  // interruption_looks.cc
  struct Looker;
  std::shared_ptr<Looker> looker;
  // Whose callers keep a looker waiting: nobody looks at others of theirs.
  std::set<Payer> kept_looking;

  void run();
  void look();
  [[nodiscard]] static bool is_over(Handed& handed, bool& may_ask);
  void hear(std::uint64_t number);
  [[nodiscard]] bool take_opened(Handed& handed, int number);
  void complete(All::iterator at, const HelperAnswer& answer);
  void give(std::shared_ptr<HandedCall> call, const HelperAnswer& answer, UniqueFd opened);
  void end_giving(Payer payer);
  // Of a payer, and of all others: calls that are not answered yet.
  struct Counts {
    std::size_t own;
    std::size_t others;
  };
  [[nodiscard]] Counts count(Payer payer, bool are_waiting) const;
  [[nodiscard]] bool may_wait(const Helper& helper) const;
  void have_interruptions_looked_for();
  void look_for_interruptions(Looker& by);
  void drop(All::iterator at);
  [[nodiscard]] int look_after_ms() const;
  [[nodiscard]] std::uint64_t watch(Helper& helper);
};

// The mutex; those that were dropped meanwhile end after it.
class HandedCalls::Locked {
 public:
  explicit Locked(Parts& parts) : parts_(parts), lock_(parts.mutex) {}
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;
  ~Locked() {
    const auto dropped = std::exchange(parts_.dropped, {});
    lock_.unlock();
  }

 private:
  Parts& parts_;
  std::unique_lock<std::mutex> lock_;
};

}  // namespace seccompagent
