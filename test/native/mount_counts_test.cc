// SPDX-License-Identifier: Apache-2.0
// How many mounts containers may have made for them.
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "acting/mount_budget.h"
#include "check.h"

// Of the sanitizers, whose headers not every machine has.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();

namespace seccompagent::test {
namespace {

constexpr std::uint64_t kPlace = 7;
constexpr std::uint64_t kOther = 8;

Made some(std::uint64_t amount, std::uint64_t existing, std::uint64_t place = kPlace) {
  return {.place = place, .amount = amount, .existing = existing, .largest = 1};
}

std::uint64_t nobody_tells(std::uint64_t, Nanoseconds, std::uint64_t) { return Made::kUntold; }

void begin_some(MountBudget& budget) {
  for (const std::uint32_t token : {1U, 2U, 3U, 4U}) budget.begin(token);
}

void counts_what_is_made() {
  MountBudget budget({.own = 60, .all = 240}, nobody_tells);
  begin_some(budget);
  CHECK_EQUAL(budget.left({1, 0}), 60U);
  budget.note({1, 0}, some(10, 0));
  budget.note({1, 0}, some(15, Made::kNotAsked, kOther));
  CHECK_EQUAL(budget.left({1, 0}), 10U);
  budget.note({1, 0}, {});
  CHECK_EQUAL(budget.left({1, 0}), 10U);
  CHECK_EQUAL(budget.left({2, 0}), 60U);
}

void counts_nothing_for_containers_that_have_ended() {
  MountBudget budget({.own = 60, .all = 60}, nobody_tells);
  budget.note({1, 0}, some(10, Made::kUntold));
  CHECK_EQUAL(budget.left({2, 0}), 30U);
  budget.begin(1);
  budget.end_of(1);
  // the answer to a call that came before the end
  budget.note({1, 0}, some(10, Made::kUntold));
  CHECK_EQUAL(budget.left({2, 0}), 30U);
}

void counts_for_all_listeners_of_a_container() {
  MountBudget budget({.own = 60, .all = 60}, nobody_tells);
  for (int listener = 0; listener < 3; ++listener) budget.begin(1);
  budget.note({1, 0}, some(10, Made::kUntold));
  budget.end_of(1);
  budget.note({1, 0}, some(10, Made::kUntold));
  budget.end_of(1);
  CHECK_EQUAL(budget.left({2, 0}), 20U);
  CHECK_EQUAL(budget.left({1, 0}), 0U);
  budget.end_of(1);
  // which nobody knows to be gone
  CHECK_EQUAL(budget.left({2, 0}), 20U);
}

// Until nothing is left.
std::uint64_t made_by(MountBudget& budget, const Holder& holder,
                      std::uint64_t existing = Made::kUntold) {
  std::uint64_t made = 0;
  for (; budget.left(holder) > 0; ++made) budget.note(holder, some(1, existing));
  return made;
}

void leaves_something_for_other_users() {
  MountBudget budget({.own = 100, .all = 1000}, nobody_tells);
  begin_some(budget);
  CHECK_EQUAL(made_by(budget, {1, 1000}), 50U);
  CHECK_EQUAL(made_by(budget, {1, 0}), 25U);
  CHECK_EQUAL(made_by(budget, {2, 1000}), 50U);
}

void leaves_something_for_other_containers() {
  MountBudget budget({.own = 1000, .all = 300}, nobody_tells);
  begin_some(budget);
  CHECK_EQUAL(made_by(budget, {1, 0}), 100U);
  for (std::uint32_t token = 2; token < 5; ++token) CHECK(made_by(budget, {token, 0}) > 5);
}

void gives_back_what_a_place_tells() {
  MountBudget budget({.own = 100, .all = 1000}, nobody_tells);
  begin_some(budget);
  budget.note({1, 0}, some(40, 0));
  Made refused = some(50, 5);
  refused.is_over = true;
  budget.note({1, 0}, refused);
  CHECK_EQUAL(budget.left({1, 0}), 90U);
  // of all makers there are more than this one's
  budget.note({1, 0}, some(1, 1000));
  CHECK_EQUAL(budget.left({1, 0}), 88U);
  // another place says nothing of this one
  budget.note({1, 0}, some(0, 0, kOther));
  CHECK_EQUAL(budget.left({1, 0}), 88U);
}

void takes_all_for_the_largest() {
  MountBudget budget({.own = 100, .all = 1000}, nobody_tells);
  begin_some(budget);
  budget.note({1, 0}, {.place = kPlace, .amount = 30, .existing = 0, .largest = 30});
  budget.note({1, 0}, {.place = kPlace, .amount = 1, .existing = 1, .largest = 1});
  CHECK_EQUAL(budget.left({1, 0}), 38U);
}

void never_gives_back_what_nobody_tells() {
  MountBudget budget({.own = 100, .all = 1000}, nobody_tells);
  begin_some(budget);
  budget.note({1, 0}, some(30, Made::kUntold));
  budget.note({1, 0}, some(0, 0));
  CHECK_EQUAL(budget.left({1, 0}), 40U);
}

Made refused_at(std::uint64_t place, std::uint64_t existing = Made::kNotAsked) {
  Made refused = some(50, existing, place);
  refused.is_over = true;
  return refused;
}

void keeps_nothing_of_users_that_make_nothing() {
  constexpr std::uint32_t kMany = 100'000;
  MountBudget budget({.own = 10, .all = 1000}, nobody_tells);
  begin_some(budget);
  CHECK_EQUAL(made_by(budget, {1, 0}), 5U);
  const std::size_t before = __sanitizer_get_current_allocated_bytes();
  for (std::uint32_t user = 1; user < kMany; ++user) budget.note({1, user}, refused_at(kPlace, 5));
  CHECK(__sanitizer_get_current_allocated_bytes() - before < kMany);
}

void counts_many_users_as_one() {
  constexpr std::uint32_t kMany = 10'000;
  MountBudget budget({.own = 100'000, .all = 1'000'000}, nobody_tells);
  begin_some(budget);
  for (std::uint32_t user = 0; user < kMany; ++user)
    budget.note({1, user}, some(1, Made::kNotAsked));
  CHECK_EQUAL(budget.left({1, 0}), 100'000 - kMany - 1);
  constexpr std::uint64_t kOfOthers = kMany - MountBudget::kMaxUsers;
  CHECK_EQUAL(budget.left({1, kMany - 1}), 100'000 - kMany - kOfOthers);
  CHECK_EQUAL(budget.left({1, kMany}), 100'000 - kMany - kOfOthers);
  // one that has nothing any more makes room
  budget.note({1, 0}, refused_at(kPlace, 0));
  budget.note({1, kMany}, some(1, Made::kNotAsked));
  CHECK_EQUAL(budget.left({1, kMany}), 100'000 - kMany - 1);
  budget.end_of(1);
  CHECK_EQUAL(budget.left({2, 0}), 100'000U);
}

void counts_again_when_it_refuses() {
  static std::uint64_t there = 0;
  MountBudget budget({.own = 100, .all = 1000},
                     [](std::uint64_t place, Nanoseconds, std::uint64_t max) {
                       return place == kPlace ? std::min(there, max) : Made::kUntold;
                     });
  begin_some(budget);
  budget.note({1, 0}, some(20, Made::kNotAsked));
  budget.note({1, 0}, some(10, Made::kNotAsked, kOther));
  budget.note({2, 0}, some(10, Made::kNotAsked));
  CHECK_EQUAL(budget.left({1, 0}), 40U);
  there = 15;
  budget.note({1, 0}, refused_at(kOther));
  CHECK_EQUAL(budget.left({1, 0}), 50U);
  CHECK_EQUAL(budget.left({2, 0}), 80U);
  // also those of others, since they share what all have
  there = 0;
  budget.note({1, 0}, refused_at(kOther));
  CHECK_EQUAL(budget.left({1, 0}), 80U);
}

// Which of them are still there nobody says.
void counts_again_by_the_largest() {
  static std::uint64_t there = 0;
  MountBudget budget({.own = 200, .all = 1000},
                     [](std::uint64_t, Nanoseconds, std::uint64_t) { return there; });
  begin_some(budget);
  for (const std::uint64_t amount : {10, 30, 20}) {
    Made made = some(amount, Made::kNotAsked);
    made.largest = amount;
    budget.note({1, 0}, made);
  }
  CHECK_EQUAL(budget.left({1, 0}), 80U);
  for (const auto& [count, left] : {std::pair(3U, 80U), std::pair(1U, 140U), std::pair(0U, 200U)}) {
    there = count;
    budget.note({1, 0}, {.place = kPlace, .amount = 200, .largest = 1, .is_over = true});
    CHECK_EQUAL(budget.left({1, 0}), left);
  }
}

void asks_nobody_while_others_wait() {
  static MountBudget* asked = nullptr;
  static std::uint64_t left = 0;
  MountBudget budget({.own = 100, .all = 1000},
                     [](std::uint64_t, Nanoseconds, std::uint64_t) -> std::uint64_t {
                       // what is made meanwhile is not in the answer
                       asked->note({1, 0}, some(5, Made::kNotAsked));
                       left = asked->left({1, 0});
                       return 0;
                     });
  asked = &budget;
  begin_some(budget);
  budget.note({1, 0}, some(20, Made::kNotAsked));
  budget.note({1, 0}, refused_at(kPlace));
  CHECK_EQUAL(left, 50U);
  CHECK_EQUAL(budget.left({1, 0}), 90U);
}

// Another may keep the mount namespaces of a container that has ended, and what its sender begins
// next is not to have the whole budget once more.
void keeps_what_containers_have_made_until_it_is_gone() {
  constexpr std::uint32_t kSender = 5;
  constexpr std::uint32_t kRounds = 30;
  static std::uint64_t there = Made::kUntold;
  MountBudget budget({.own = 100, .all = 1000},
                     [](std::uint64_t, Nanoseconds, std::uint64_t) { return there; });
  std::uint64_t made = 0;
  for (std::uint32_t token = 1; token <= kRounds; ++token) {
    budget.begin(token, kSender);
    for (; budget.left({token, 0}) > 0; ++made)
      budget.note({token, 0}, some(1, Made::kNotAsked, token));
    budget.end_of(token);
  }
  CHECK(made <= 100);
  // others have theirs
  budget.begin(kRounds + 1, kSender + 1);
  CHECK_EQUAL(budget.left({kRounds + 1, 0}), 100U);
  // one that is executed in again has its own
  budget.begin(1, kSender);
  const std::uint64_t left = budget.left({1, 0});
  CHECK(left < 50);
  budget.end_of(1);
  there = 0;
  budget.note({kRounds + 1, 0}, refused_at(kOther));
  budget.begin(kRounds + 2, kSender);
  CHECK_EQUAL(budget.left({kRounds + 2, 0}), 100U);
}

void keeps_nothing_of_containers_that_are_gone() {
  constexpr std::uint32_t kMany = 10'000;
  MountBudget budget({.own = 10, .all = 100},
                     [](std::uint64_t, Nanoseconds, std::uint64_t) -> std::uint64_t { return 0; });
  const std::size_t before = __sanitizer_get_current_allocated_bytes();
  for (std::uint32_t token = 1; token < kMany; ++token) {
    budget.begin(token, 5);
    if (budget.left({token, 0}) == 0) budget.note({token, 0}, refused_at(token));
    CHECK(budget.left({token, 0}) > 0);
    budget.note({token, 0}, some(1, Made::kNotAsked, token));
    budget.end_of(token);
  }
  CHECK(__sanitizer_get_current_allocated_bytes() - before < 100'000);
}

// Another may keep the mount namespace of a user's container.
void keeps_what_users_have_made_until_it_is_gone() {
  static std::uint64_t there = 50;
  constexpr Payer kUser = user_payer(1000);
  MountBudget budget({.own = 100, .all = 200},
                     [](std::uint64_t, Nanoseconds, std::uint64_t) { return there; });
  for (int rounds = 0; rounds < 3; ++rounds) {
    budget.begin(kUser);
    if (rounds == 0) budget.note({kUser, 1000}, some(50, Made::kNotAsked));
    CHECK_EQUAL(budget.left({kUser, 1000}), 0U);
    budget.end_of(kUser);
  }
  CHECK_EQUAL(budget.left({1, 0}), 75U);
  budget.begin(1);
  there = 0;
  budget.note({1, 0}, refused_at(kOther));
  CHECK_EQUAL(budget.left({kUser, 1000}), 100U);
  CHECK_EQUAL(budget.left({1, 0}), 100U);
}

constexpr Case kCases[] = {
    {"A12: mount budget: what was made at all places is counted, for each container",
     counts_what_is_made},
    {"A12: mount budget: nothing is counted for a container that has ended",
     counts_nothing_for_containers_that_have_ended},
    {"A12: mount budget: no more is counted at a place than there is",
     gives_back_what_a_place_tells},
    {"A12: mount budget: each thing at a place may be one of the largest",
     takes_all_for_the_largest},
    {"A12: mount budget: what nobody can tell stays counted", never_gives_back_what_nobody_tells},
    {"A12: mount budget: a user leaves something for others of its container",
     leaves_something_for_other_users},
    {"A12: mount budget: a container leaves something for the next one",
     leaves_something_for_other_containers},
    {"A12: mount budget: all listeners of a container have one",
     counts_for_all_listeners_of_a_container},
    {"A12: mount budget: nothing is kept of users that make nothing",
     keeps_nothing_of_users_that_make_nothing},
    {"A12: mount budget: many users are counted as one", counts_many_users_as_one},
    {"A12: mount budget: what is there is counted again before anything is refused",
     counts_again_when_it_refuses},
    {"A12: mount budget: each of those that are counted again may be one of the largest",
     counts_again_by_the_largest},
    {"A12: mount budget: nobody waits for the kernel's counting", asks_nobody_while_others_wait},
    {"A12: mount budget: what an ended container has made stays its sender's until it is gone",
     keeps_what_containers_have_made_until_it_is_gone},
    {"A12: mount budget: nothing is kept of containers that are gone",
     keeps_nothing_of_containers_that_are_gone},
    {"A10: mount budget: what a user's containers have made stays his until it is gone",
     keeps_what_users_have_made_until_it_is_gone},
};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
