// SPDX-License-Identifier: Apache-2.0
// Budgets of containers whose kernel memory is charged to the agent: how much may be made there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "caller/target.h"
#include "container/memory_room.h"
#include "kernel/clock.h"
#include "kernel/made.h"
#include "kernel/payer.h"
#include "kernel/result.h"

namespace seccompagent {

// A user of a container, or of all containers of one payer, which are as one here.
struct Holder {
  Payer payer;
  std::uint32_t user;

  friend auto operator<=>(const Holder&, const Holder&) = default;
};

// A container also removes things by itself, which nobody tells the agent: of a place that tells
// how many things there are, no more is counted than that. What a container leaves behind at a
// place that lasts takes of what all have, until the place tells of less or is gone; and of what
// the container has, should it come again, as one does in which programs are executed now and then.
// Others may keep a place that does not last, too, and nobody tells: what a user's containers have
// made there is his for some time more.
class ContainerBudget {
 public:
  // All containers together, and all that was left behind, have `all`, and each one at most `own`.
  // A container has no more than half of what is left of the first, and a user no more than what is
  // left of the second: so one alone gets a third, or a half, and there is always something left
  // for the next one. At places that last there is nothing left once two thirds of all are used, so
  // that what is left behind there leaves a third to places that go with their containers. Whatever
  // others have, each container has a small part at places that go with it, beside all that.
  struct Limits {
    std::uint64_t own;
    std::uint64_t all;
    // Files that users have made at places unused for so long, and not lasting.
    Nanoseconds kept_for = 60 * kSecond;
  };
  // Of a container; all others are one.
  static constexpr std::size_t kMaxUsers = 256;
  // Of one user; all others are one, which tells nothing.
  static constexpr std::size_t kMaxPlaces = 256;
  // Users of ended containers that are remembered at one place; what others leave behind there is
  // nobody's.
  static constexpr std::size_t kMaxEnded = 256;

  // How many things there are at a place that was not used for so long; no more than `max` have to
  // be counted. Made::kUntold: nobody can tell. It may take its time.
  using Count = std::uint64_t (*)(std::uint64_t place, Nanoseconds unused_for, std::uint64_t max);
  // All places that may outlive the containers. It may take its time.
  using Places = std::unordered_set<std::uint64_t>;
  using FindLasting = Result<Places> (*)();
  // Whether there is so much left that what may be there no longer need not be counted.
  using IsAmple = bool (*)();

  // nullptr: nobody can tell of any place; none lasts; it always is.
  explicit ContainerBudget(Limits limits, Count count = nullptr, FindLasting find_lasting = nullptr,
                           IsAmple is_ample = nullptr)
      : limits_(limits), count_(count), find_lasting_(find_lasting), is_ample_(is_ample) {}

  // Bytes of what is made on file systems in memory.
  [[nodiscard]] static ContainerBudget& of_memory();
  // Mounts.
  [[nodiscard]] static ContainerBudget& of_mounts();

  // At any place.
  [[nodiscard]] std::uint64_t left(const Holder& holder);
  // At that one, as far as is known since a second ago.
  [[nodiscard]] std::uint64_t left_at(const Holder& holder, std::uint64_t place);
  // A container has one listener more: what is made for those that have none counts for nobody.
  void begin(Payer payer);
  // Counts what was made, and what was not as far as it tells what there is; where it was not made,
  // all that is there is counted again. A call may end after its container: then nothing is
  // counted.
  void note(const Holder& holder, const Made& made);
  // One of its listeners has ended. What users have made stays theirs.
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
  // Files that ended containers have made at a place.
  struct LeftBehind {
    AtPlace all = {};
    // Of some of them, who take it back if they come again.
    std::map<Holder, std::uint64_t> of = {};
  };
  struct Container {
    std::size_t listeners = 0;
    // Those that have an account of their own.
    std::size_t users = 0;
    std::uint64_t sum = 0;
  };
  using Accounts = std::map<Holder, Account>;

  [[nodiscard]] bool is_full(const Holder& holder, std::uint64_t place);
  // Whether what it has made is to be looked at when a listener of it ends.
  [[nodiscard]] bool is_last_of_maker(Payer payer);
  void add(const Holder& holder, const Made& made);
  // For a call of a container, whose places are counted each time, and those of others now and
  // then.
  void count_again(Payer payer);
  // Forgets what was left behind at places that are gone, and what of users may be.
  void find_lasting_again();
  // Those that were found a second ago will do.
  void find_lasting_now_and_then();
  void make_room(const Holder& holder);
  // With the mutex held.
  [[nodiscard]] Holder account_of(const Holder& holder) const;
  [[nodiscard]] std::uint64_t left_of(std::uint64_t all, std::uint64_t least,
                                      const Holder& holder) const;
  [[nodiscard]] std::uint64_t least() const;
  // Reports leftovers to their place; gives how much of them is still there.
  std::uint64_t tell_left_behind(const Made& made);
  [[nodiscard]] AtPlace* find_place(const Holder& holder, const Made& made);
  void set(const Holder& holder, AtPlace& at, std::uint64_t amount);
  void forget_nothing_at(const Holder& holder, std::uint64_t place);
  void merge_those_that_go(const Holder& holder);
  void forget_unused();
  [[nodiscard]] std::vector<Asked> begin_count(Payer payer);
  void end_count(const Asked& asked, std::uint64_t there);
  void leave_behind(const Holder& holder, const Account& account);
  void take_back(Payer payer);
  void take_back(const Holder& owner, std::uint64_t place, std::uint64_t amount);

  std::mutex mutex_;
  Limits limits_;
  Count count_;
  FindLasting find_lasting_;
  IsAmple is_ample_;
  // Those that have listeners, and users that have had some, by their payers.
  std::unordered_map<Payer, Container> containers_ = {};
  // In the order of the payers.
  Accounts accounts_ = {};
  // Of all containers, and of all that was left behind.
  std::uint64_t sum_ = 0;
  // No more than there are places that last.
  std::unordered_map<std::uint64_t, LeftBehind> left_behind_ = {};
  Places lasting_ = {};
  Nanoseconds last_found_ = 0;
};

// Lets `act` make something with what is left, for a call of a container; it gives what it made. It
// is asked once more where it was refused too early: the place has told that there is less by now,
// or there is more left at that one.
template <typename Act>
void act_within(ContainerBudget& budget, Payer payer, const Target& target, Act act) {
  const Holder holder = {.payer = payer, .user = target.credentials.uid.fs};
  // whatever they have, the agent has to have memory for it
  MemoryRoom& room = MemoryRoom::of_process();
  std::uint64_t left = room.is_short(payer) ? 0 : budget.left(holder);
  for (const bool is_last : {false, true}) {
    const Made made = act(left);
    if (made.place == 0) return;
    budget.note(holder, made);
    if (is_last || !made.is_over || room.is_short(payer)) return;
    left = budget.left_at(holder, made.place);
    if (left < made.amount) return;
  }
}

}  // namespace seccompagent
