// SPDX-License-Identifier: Apache-2.0
// How much may be made for a container whose kernel memory is charged to the agent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "clock.h"
#include "helper/made.h"
#include "target.h"

namespace seccompagent {

// A user of a container. Containers are told apart by their listeners' tokens.
struct Holder {
  std::uint32_t token;
  std::uint32_t user;

  friend auto operator<=>(const Holder&, const Holder&) = default;
};

// A container also removes things by itself, which nobody tells the agent: of a place that tells
// how many things there are, no more is counted than that. What a container leaves behind at a
// place counts for the next one that makes something there.
class ContainerBudget {
 public:
  // All containers together have `all`, and each one at most `own`. A container has no more than
  // half of what is left of the first, and a user no more than what is left of the second: so one
  // alone gets a third, or a half, and there is always something left for the next one.
  struct Limits {
    std::uint64_t own;
    std::uint64_t all;
  };
  static constexpr std::size_t kMostLeftBehind = 1024;
  // Of one user; all others are one, which tells nothing.
  static constexpr std::size_t kMostPlaces = 256;

  // How many things there are at a place that was not used for so long, all of which take 1; no
  // more than `most` have to be counted. Made::kUntold: nobody can tell. It may take its time.
  // nullptr: nobody can tell of any place.
  using Count = std::uint64_t (*)(std::uint64_t place, Nanoseconds unused_for, std::uint64_t most);

  explicit ContainerBudget(Limits limits, Count count = nullptr) : limits_(limits), count_(count) {}

  // Bytes of what is made on file systems in memory.
  [[nodiscard]] static ContainerBudget& of_memory();
  // Mounts.
  [[nodiscard]] static ContainerBudget& of_mounts();

  [[nodiscard]] std::uint64_t left(const Holder& holder);
  // A container has come: what is made for others counts for nobody.
  void begin(std::uint32_t token);
  // Counts what was made, and what was not as far as it tells what there is; where it was not made,
  // all that is there is counted again. A call may end after its container: then nothing is
  // counted.
  void note(const Holder& holder, const Made& made);
  void end_of(std::uint32_t token);

 private:
  struct AtPlace {
    std::uint64_t amount = 0;
    std::uint64_t largest = 0;
    bool is_told = true;
    Nanoseconds last_used = 0;
    Nanoseconds last_count = 0;
  };
  // What was counted at a place when it was asked for.
  struct Asked {
    Holder holder;
    std::uint64_t place;
    std::uint64_t amount;
    Nanoseconds unused_for;
  };
  struct Account {
    std::unordered_map<std::uint64_t, AtPlace> places = {};
    std::uint64_t sum = 0;
  };
  struct LeftBehind {
    std::uint64_t place;
    AtPlace what;
  };
  [[nodiscard]] bool is_full(const Holder& holder, std::uint64_t place);
  void add(const Holder& holder, const Made& made);
  // For a call of a container, whose places are counted each time, and those of others now and
  // then.
  void count_again(std::uint32_t token);
  // With the mutex held.
  [[nodiscard]] AtPlace& find_place(const Holder& holder, Account& account, std::uint64_t place);
  void set(const Holder& holder, Account& account, AtPlace& at, std::uint64_t amount);
  [[nodiscard]] std::vector<Asked> begin_count(std::uint32_t token);
  void end_count(const Asked& asked, std::uint64_t there);
  void leave_behind(const Account& account);

  std::mutex mutex_;
  Limits limits_;
  Count count_;
  // The tokens of containers that there are.
  std::unordered_set<std::uint32_t> containers_ = {};
  // In the order of the tokens.
  std::map<Holder, Account> accounts_ = {};
  // Of all accounts of a container, by its token, and of all containers.
  std::unordered_map<std::uint32_t, std::uint64_t> sums_ = {};
  std::uint64_t sum_ = 0;
  // The oldest is the first.
  std::deque<LeftBehind> left_behind_ = {};
};

// Lets `act` make something with what is left, for a call of a container; it gives what it made. It
// is asked once more where it was refused too early: the place has told that there is less by now.
template <typename Act>
void act_within(ContainerBudget& budget, std::uint32_t token, const Target& target, Act act) {
  const Holder holder = {.token = token, .user = target.credentials.uid.fs};
  for (const bool is_last : {false, true}) {
    const Made made = act(budget.left(holder));
    if (made.place == 0) return;
    budget.note(holder, made);
    if (is_last || !made.is_over || budget.left(holder) < made.amount) return;
  }
}

}  // namespace seccompagent
