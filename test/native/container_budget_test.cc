// SPDX-License-Identifier: Apache-2.0
// How much containers may make that is charged to the agent.
#include "acting/container_budget.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

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

void begin_some(ContainerBudget& budget) {
  for (const std::uint32_t token : {1U, 2U, 3U, 4U}) budget.begin(token);
}

void counts_what_is_made() {
  ContainerBudget budget({.own = 60, .all = 240});
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
  ContainerBudget budget({.own = 60, .all = 60});
  budget.note({1, 0}, some(10, Made::kUntold));
  CHECK_EQUAL(budget.left({2, 0}), 30U);
  budget.begin(1);
  budget.note({1, 0}, some(10, Made::kUntold));
  CHECK_EQUAL(budget.left({2, 0}), 25U);
  budget.end_of(1);
  // the answer to a call that came before the end
  budget.note({1, 0}, some(10, Made::kUntold));
  CHECK_EQUAL(budget.left({2, 0}), 30U);
}

void counts_for_all_listeners_of_a_container() {
  ContainerBudget budget({.own = 60, .all = 60});
  for (int listener = 0; listener < 3; ++listener) budget.begin(1);
  budget.note({1, 0}, some(10, Made::kUntold));
  budget.end_of(1);
  budget.note({1, 0}, some(10, Made::kUntold));
  budget.end_of(1);
  CHECK_EQUAL(budget.left({2, 0}), 20U);
  CHECK_EQUAL(budget.left({1, 0}), 0U);
  budget.end_of(1);
  CHECK_EQUAL(budget.left({2, 0}), 30U);
}

// Until nothing is left.
std::uint64_t made_by(ContainerBudget& budget, const Holder& holder,
                      std::uint64_t existing = Made::kUntold) {
  std::uint64_t made = 0;
  for (; budget.left(holder) > 0; ++made) budget.note(holder, some(1, existing));
  return made;
}

void leaves_something_for_other_users() {
  ContainerBudget budget({.own = 100, .all = 1000});
  begin_some(budget);
  CHECK_EQUAL(made_by(budget, {1, 1000}), 50U);
  CHECK_EQUAL(made_by(budget, {1, 0}), 25U);
  CHECK_EQUAL(made_by(budget, {2, 1000}), 50U);
}

void leaves_something_for_other_containers() {
  ContainerBudget budget({.own = 1000, .all = 300});
  begin_some(budget);
  CHECK_EQUAL(made_by(budget, {1, 0}), 100U);
  for (std::uint32_t token = 2; token < 5; ++token) CHECK(made_by(budget, {token, 0}) > 5);
}

void gives_back_what_a_place_tells() {
  ContainerBudget budget({.own = 100, .all = 1000});
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
  ContainerBudget budget({.own = 100, .all = 1000});
  begin_some(budget);
  budget.note({1, 0}, {.place = kPlace, .amount = 30, .existing = 0, .largest = 30});
  budget.note({1, 0}, {.place = kPlace, .amount = 1, .existing = 1, .largest = 1});
  CHECK_EQUAL(budget.left({1, 0}), 38U);
}

void never_gives_back_what_nobody_tells() {
  ContainerBudget budget({.own = 100, .all = 1000});
  begin_some(budget);
  budget.note({1, 0}, some(30, Made::kUntold));
  budget.note({1, 0}, some(0, 0));
  CHECK_EQUAL(budget.left({1, 0}), 40U);
}

Result<ContainerBudget::Places> first_lasts() { return ContainerBudget::Places{kPlace}; }

Made refused_at(std::uint64_t place, std::uint64_t existing = Made::kNotAsked) {
  Made refused = some(50, existing, place);
  refused.is_over = true;
  return refused;
}

void counts_what_was_left_for_nobody() {
  ContainerBudget budget({.own = 300, .all = 300}, nullptr, first_lasts);
  begin_some(budget);
  budget.note({1, 0}, some(20, 0));
  budget.note({1, 1000}, some(10, Made::kNotAsked));
  budget.note({1, 0}, some(20, 0, kOther));
  CHECK_EQUAL(budget.left({2, 0}), 75U);
  budget.end_of(1);
  // what was made at the other place is gone
  CHECK_EQUAL(budget.left({2, 0}), 85U);
  // all that it has is what it made itself
  budget.note({2, 0}, some(5, 30));
  CHECK_EQUAL(budget.left({2, 0}), 77U);
  // which goes first is not to be known, and does not matter: there are 4
  budget.note({2, 0}, refused_at(kPlace, 4));
  CHECK_EQUAL(budget.left({3, 0}), 98U);
  budget.note({2, 0}, refused_at(kPlace, 0));
  CHECK_EQUAL(budget.left({3, 0}), 100U);
}

void listens_to_who_has_nothing_there() {
  ContainerBudget budget({.own = 300, .all = 300}, nullptr, first_lasts);
  begin_some(budget);
  budget.note({1, 0}, some(100, 0));
  budget.end_of(1);
  CHECK_EQUAL(budget.left({2, 0}), 50U);
  budget.note({2, 0}, refused_at(kPlace, 40));
  CHECK_EQUAL(budget.left({2, 0}), 80U);
}

void bounds_what_is_left_by_one_after_the_other() {
  ContainerBudget budget({.own = 150, .all = 300}, nullptr, first_lasts);
  std::uint64_t made = 0;
  for (std::uint32_t token = 1; token < 100; ++token) {
    budget.begin(token);
    made += made_by(budget, {token, 0});
    budget.end_of(token);
  }
  CHECK(made > 190);
  CHECK(made <= 200);
  // what goes with its container has a third of all to itself
  budget.begin(100);
  CHECK_EQUAL(budget.left_at({100, 0}, kPlace), 0U);
  CHECK(budget.left_at({100, 0}, kOther) >= 50);
}

// As one in which programs are executed, each of which has a listener.
void gives_a_container_that_comes_again_no_more() {
  ContainerBudget budget({.own = 150, .all = 300}, nullptr, first_lasts);
  std::uint64_t made = 0;
  for (std::uint32_t user = 0; user < 100; ++user) {
    budget.begin(1);
    made += made_by(budget, {1, user}, Made::kNotAsked);
    budget.end_of(1);
  }
  // of two thirds of all
  CHECK_EQUAL(made, 67U);
  budget.begin(2);
  CHECK_EQUAL(made_by(budget, {2, 0}, Made::kNotAsked), 44U);
  // what its place does not have any more it gets again
  budget.begin(1);
  budget.note({1, 0}, refused_at(kPlace, 0));
  CHECK_EQUAL(budget.left({1, 0}), 78U);
  budget.end_of(1);
  budget.end_of(2);
  budget.note({3, 0}, refused_at(kPlace, 0));
  CHECK_EQUAL(budget.left({3, 0}), 78U);
  budget.begin(3);
  budget.note({3, 0}, refused_at(kPlace, 0));
  CHECK_EQUAL(budget.left({3, 0}), 100U);
}

void remembers_some_of_those_that_come_and_go() {
  constexpr std::uint32_t kMany = 100'000;
  ContainerBudget budget({.own = kMany, .all = 100 * kMany}, nullptr, first_lasts);
  const std::size_t before = __sanitizer_get_current_allocated_bytes();
  for (std::uint32_t token = 1; token <= kMany; ++token) {
    budget.begin(token);
    budget.note({token, 0}, some(1, Made::kUntold));
    budget.end_of(token);
  }
  CHECK(__sanitizer_get_current_allocated_bytes() - before < kMany);
}

void forgets_what_is_gone() {
  static bool is_there = true;
  ContainerBudget budget({.own = 300, .all = 300}, nullptr, [] -> Result<ContainerBudget::Places> {
    return is_there ? first_lasts() : ContainerBudget::Places{};
  });
  begin_some(budget);
  budget.note({1, 0}, some(60, Made::kUntold));
  budget.note({2, 0}, some(10, Made::kNotAsked, kOther));
  budget.end_of(1);
  budget.note({3, 0}, refused_at(kPlace, 0));
  CHECK_EQUAL(budget.left({3, 0}), 65U);
  is_there = false;
  budget.end_of(2);
  CHECK_EQUAL(budget.left({3, 0}), 100U);
}

void keeps_what_was_left_while_nobody_can_look() {
  static bool can_look = true;
  ContainerBudget budget({.own = 300, .all = 300}, nullptr, [] -> Result<ContainerBudget::Places> {
    return can_look ? first_lasts() : fail(EMFILE);
  });
  begin_some(budget);
  budget.note({1, 0}, some(60, 0));
  budget.note({2, 0}, some(20, 0));
  budget.end_of(1);
  can_look = false;
  budget.end_of(2);
  CHECK_EQUAL(budget.left({3, 0}), 60U);
}

void keeps_lasting_places_apart() {
  ContainerBudget budget({.own = 100'000, .all = 300'000}, nullptr, first_lasts);
  begin_some(budget);
  constexpr std::uint64_t kMany = 10'000;
  for (std::uint64_t place = 100; place < 100 + kMany; ++place)
    budget.note({1, 0}, some(1, 0, place));
  budget.note({1, 0}, some(60, 0));
  CHECK_EQUAL(budget.left({1, 0}), 100'000 - 2 * (kMany + 60));
  budget.end_of(1);
  CHECK_EQUAL(budget.left({2, 0}), 100'000U - 30);
}

void keeps_nothing_of_users_that_make_nothing() {
  constexpr std::uint32_t kMany = 100'000;
  ContainerBudget budget({.own = 10, .all = 1000});
  begin_some(budget);
  CHECK_EQUAL(made_by(budget, {1, 0}), 5U);
  const std::size_t before = __sanitizer_get_current_allocated_bytes();
  for (std::uint32_t user = 1; user < kMany; ++user) budget.note({1, user}, refused_at(kPlace, 5));
  CHECK(__sanitizer_get_current_allocated_bytes() - before < kMany);
}

void counts_many_users_as_one() {
  constexpr std::uint32_t kMany = 10'000;
  ContainerBudget budget({.own = 100'000, .all = 1'000'000});
  begin_some(budget);
  for (std::uint32_t user = 0; user < kMany; ++user)
    budget.note({1, user}, some(1, Made::kNotAsked));
  CHECK_EQUAL(budget.left({1, 0}), 100'000 - kMany - 1);
  constexpr std::uint64_t kOfOthers = kMany - ContainerBudget::kMaxUsers;
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
  ContainerBudget budget({.own = 100, .all = 1000},
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
  ContainerBudget budget({.own = 200, .all = 1000},
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
  static ContainerBudget* asked = nullptr;
  static std::uint64_t left = 0;
  ContainerBudget budget({.own = 100, .all = 1000},
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

void counts_many_places_as_one() {
  ContainerBudget budget({.own = 100'000, .all = 1'000'000});
  begin_some(budget);
  constexpr std::uint64_t kMany = 10'000;
  for (std::uint64_t place = 1; place <= kMany; ++place) budget.note({1, 0}, some(1, 0, place));
  CHECK_EQUAL(budget.left({1, 0}), 100'000 - 2 * kMany);
}

// A part that is there for the last one as for the first, but not where it would stay.
void leaves_something_however_many_there_are() {
  constexpr std::uint64_t kAll = 256'000;
  constexpr std::uint32_t kMany = 30;
  ContainerBudget budget({.own = kAll, .all = kAll}, nullptr, first_lasts);
  for (std::uint32_t token = 1; token <= kMany; ++token) {
    budget.begin(token);
    budget.note({token, 0}, some(budget.left_at({token, 0}, kOther), Made::kUntold, kOther));
  }
  budget.begin(kMany + 1);
  CHECK_EQUAL(budget.left_at({kMany + 1, 0}, kOther), 1000U);
  CHECK(budget.left_at({kMany + 1, 0}, kPlace) < 10);
  // it is divided among more
  for (std::uint32_t token = kMany + 2; token <= 100; ++token) budget.begin(token);
  CHECK_EQUAL(budget.left_at({100, 0}, kOther), 320U);
  ContainerBudget mounts({.own = kAll, .all = kAll});
  for (std::uint32_t token = 1; token <= kMany; ++token) {
    mounts.begin(token);
    mounts.note({token, 0}, some(mounts.left({token, 0}), Made::kUntold));
  }
  CHECK_EQUAL(mounts.left({kMany + 1, 0}), 1000U);
}

// Nobody tells whether somebody keeps it.
void keeps_what_users_have_made() {
  static bool is_ample = true;
  constexpr Payer kUser = user_payer(1000);
  constexpr Nanoseconds kKeptFor = 50 * kMillisecond;
  ContainerBudget budget({.own = 300, .all = 300, .kept_for = kKeptFor}, nullptr, first_lasts,
                         [] { return is_ample; });
  const auto make_by_another = [&](std::uint64_t place) {
    budget.begin(kUser);
    budget.note({kUser, 1000}, refused_at(place));
    const std::uint64_t left = budget.left_at({kUser, 1000}, place);
    budget.note({kUser, 1000}, some(left, Made::kUntold, place));
    budget.end_of(kUser);
    return left;
  };
  budget.begin(1);
  budget.note({1, 0}, some(10, Made::kUntold, kOther));
  CHECK_EQUAL(make_by_another(11), 145U);
  CHECK_EQUAL(make_by_another(12), 0U);
  CHECK_EQUAL(budget.left_at({2, 0}, kOther), 72U);
  is_ample = false;
  poll(nullptr, 0, 2 * kKeptFor / kMillisecond);
  CHECK_EQUAL(make_by_another(13), 0U);
  is_ample = true;
  budget.note({1, 0}, refused_at(14));
  // as long as places are looked for
  poll(nullptr, 0, kSecond / kMillisecond);
  CHECK_EQUAL(make_by_another(15), 145U);
  // what root's have made is theirs
  CHECK_EQUAL(budget.left_at({1, 0}, kOther), 62U);
}

void keeps_what_users_have_made_at_places_that_last() {
  constexpr Payer kUser = user_payer(1000);
  ContainerBudget budget({.own = 300, .all = 300, .kept_for = 0}, nullptr, first_lasts);
  budget.begin(kUser);
  budget.note({kUser, 1000}, some(60, Made::kUntold));
  budget.end_of(kUser);
  budget.begin(kUser);
  CHECK_EQUAL(budget.left({kUser, 1000}), 10U);
}

constexpr Case kCases[] = {
    {"A12: budget: there is something for each container, however many have made something",
     leaves_something_however_many_there_are},
    {"A12: budget: what was made at all places is counted, for each container",
     counts_what_is_made},
    {"A12: budget: nothing is counted for a container that has ended",
     counts_nothing_for_containers_that_have_ended},
    {"A12: budget: no more is counted at a place than there is", gives_back_what_a_place_tells},
    {"A12: budget: each thing at a place may be one of the largest", takes_all_for_the_largest},
    {"A12: budget: what nobody can tell stays counted", never_gives_back_what_nobody_tells},
    {"A12: budget: a user leaves something for others of its container",
     leaves_something_for_other_users},
    {"A12: budget: a container leaves something for the next one",
     leaves_something_for_other_containers},
    {"A12: budget: what one leaves behind is counted, for nobody", counts_what_was_left_for_nobody},
    {"A12: budget: all listeners of a container have one", counts_for_all_listeners_of_a_container},
    {"A12: budget: a container that comes again has what it has left behind",
     gives_a_container_that_comes_again_no_more},
    {"A12: budget: of those that come and go only some are remembered",
     remembers_some_of_those_that_come_and_go},
    {"A12: budget: who has nothing at a place tells what was left there",
     listens_to_who_has_nothing_there},
    {"A12: budget: what many leave behind is bounded, and leaves something for others",
     bounds_what_is_left_by_one_after_the_other},
    {"A12: budget: what is left behind goes with its place", forgets_what_is_gone},
    {"A12: budget: what is left behind stays while nobody can look for places",
     keeps_what_was_left_while_nobody_can_look},
    {"A12: budget: a place that lasts is not counted as one with others",
     keeps_lasting_places_apart},
    {"A12: budget: nothing is kept of users that make nothing",
     keeps_nothing_of_users_that_make_nothing},
    {"A12: budget: many users are counted as one", counts_many_users_as_one},
    {"A12: budget: what is there is counted again before anything is refused",
     counts_again_when_it_refuses},
    {"A12: budget: each of those that are counted again may be one of the largest",
     counts_again_by_the_largest},
    {"A12: budget: nobody waits for the kernel's counting", asks_nobody_while_others_wait},
    {"A12: budget: many places are counted as one", counts_many_places_as_one},
    {"A10: budget: what a user's containers have made stays his until it may be gone and there is "
     "plenty",
     keeps_what_users_have_made},
    {"A10: budget: what a user's containers have made where it lasts stays his",
     keeps_what_users_have_made_at_places_that_last}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
