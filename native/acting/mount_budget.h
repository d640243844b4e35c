// SPDX-License-Identifier: Apache-2.0
// Mounts that are made for containers: much of what they take in the kernel is charged to nobody.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "caller/target.h"
#include "kernel/clock.h"
#include "kernel/made.h"
#include "kernel/payer.h"

namespace seccompagent {

// A user of a container, or of all containers of one payer, which are as one here.
struct Holder {
  Payer payer;
  std::uint32_t user;

  friend auto operator<=>(const Holder&, const Holder&) = default;
};

// A container also removes mounts by itself, which nobody tells the agent: of a mount namespace
// that tells how many there are, no more is counted than that. Others may keep the mount namespaces
// of a container that has ended: what was made there is counted until they are gone, for all that
// its sender begins as well. Each place and each ended container has one mount at least, so there
// are no more of them than mounts.
class MountBudget {
 public:
  // All containers together have `all`, and each one at most `own`. A container has no more than
  // half of what is left of the first, and a user no more than what is left of the second: so one
  // alone gets a third, or a half, and there is always something left for the next one.
  struct Limits {
    std::uint64_t own;
    std::uint64_t all;
  };
  // Of a container; all others are one.
  static constexpr std::size_t kMaxUsers = 256;
  // Number of things at a place that was not used for so long; no more than `max` have to be
  // counted. Made::kUntold: nobody can tell. It may take its time.
  using Count = std::uint64_t (*)(std::uint64_t place, Nanoseconds unused_for, std::uint64_t max);
  MountBudget(Limits limits, Count count) : limits_(limits), count_(count) {}

  [[nodiscard]] static MountBudget& of_process();

  // At any place.
  [[nodiscard]] std::uint64_t left(const Holder& holder);
  // A container has one listener more: what is made for those that never had one counts for nobody.
  // `sender`: see Sender; 0: nobody's in particular.
  void begin(Payer payer, std::uint32_t sender = 0);
  // Counts what was made, and what was not as far as it tells what there is; where it was not made,
  // all that is there is counted again. A call may end after its container: then it is counted if
  // there is something of that already.
  void note(const Holder& holder, const Made& made);
  // One of its listeners has ended.
  void end_of(Payer payer);

 private:
  struct AtPlace {
    std::uint64_t amount = 0;
    std::uint64_t largest = 0;
    bool is_told = true;
    Nanoseconds last_used = 0;
    Nanoseconds last_count = 0;
  };
  // Count of a place at the time of asking.
  struct Asked {
    Holder holder;
    std::uint64_t place;
    std::uint64_t amount;
    Nanoseconds unused_for;
  };
  // There is one only while something is counted there.
  struct Account {
    std::unordered_map<std::uint64_t, AtPlace> places = {};
    std::uint64_t sum = 0;
  };
  struct Container {
    std::size_t listeners = 0;
    // Those that have an account of their own.
    std::size_t users = 0;
    std::uint64_t sum = 0;
    std::uint32_t sender = 0;
  };
  using Accounts = std::map<Holder, Account>;

  void add(const Holder& holder, const Made& made);
  // For a call of a container, whose places are counted each time, and those of others now and
  // then.
  void count_again(Payer payer);
  // With the mutex held.
  [[nodiscard]] std::uint64_t left_by_earlier(Payer payer) const;
  void note_ended(std::uint32_t sender, std::uint64_t change);
  [[nodiscard]] Holder account_of(const Holder& holder) const;
  [[nodiscard]] AtPlace* find_place(const Holder& holder, const Made& made);
  void set(const Holder& holder, AtPlace& at, std::uint64_t amount);
  void forget_nothing_at(const Holder& holder, std::uint64_t place);
  [[nodiscard]] std::vector<Asked> begin_count(Payer payer);
  void end_count(const Asked& asked, std::uint64_t there);

  std::mutex mutex_;
  Limits limits_;
  Count count_;
  // Those that have listeners, and ended ones of which there is something, by their payers.
  std::unordered_map<Payer, Container> containers_ = {};
  // In the order of the payers.
  Accounts accounts_ = {};
  // Sums of ended containers, by their senders.
  std::unordered_map<std::uint32_t, std::uint64_t> ended_ = {};
  // Of all containers.
  std::uint64_t sum_ = 0;
};

// Lets `act` make a mount with what is left, for a call of a container; it gives what it made. It
// is asked once more where it was refused too early: by now the place has told that there are
// fewer.
template <typename Act>
void act_within(MountBudget& budget, Payer payer, const Target& target, Act act) {
  const Holder holder = {.payer = payer, .user = target.credentials.uid.fs};
  std::uint64_t left = budget.left(holder);
  for (const bool is_last : {false, true}) {
    const Made made = act(left);
    if (made.place == 0) return;
    budget.note(holder, made);
    if (is_last || !made.is_over) return;
    left = budget.left(holder);
    if (left < made.amount) return;
  }
}

}  // namespace seccompagent
