// SPDX-License-Identifier: Apache-2.0
// How much containers may make that is charged to the agent.
#include "container_budget.h"

#include <algorithm>

#include "check.h"

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

// Until nothing is left.
std::uint64_t made_by(ContainerBudget& budget, const Holder& holder) {
  std::uint64_t made = 0;
  for (; budget.left(holder) > 0; ++made) budget.note(holder, some(1, Made::kUntold));
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

void gives_a_place_of_one_that_ended_to_the_next() {
  ContainerBudget budget({.own = 100, .all = 1000});
  begin_some(budget);
  budget.note({1, 0}, some(20, 0));
  budget.note({1, 1000}, some(10, Made::kNotAsked));
  budget.end_of(1);
  CHECK_EQUAL(budget.left({2, 0}), 100U);
  budget.note({2, 0}, some(5, 30));
  CHECK_EQUAL(budget.left({2, 0}), 30U);
  // only once
  CHECK_EQUAL(budget.left({3, 0}), 100U);
  budget.note({2, 0}, some(0, 3));
  CHECK_EQUAL(budget.left({2, 0}), 94U);
  budget.end_of(2);
  CHECK_EQUAL(budget.left({2, 0}), 100U);
}

Made refused_at(std::uint64_t place) {
  Made refused = some(50, Made::kNotAsked, place);
  refused.is_over = true;
  return refused;
}

void counts_again_when_it_refuses() {
  static std::uint64_t there = 0;
  ContainerBudget budget({.own = 100, .all = 1000},
                         [](std::uint64_t place, Nanoseconds, std::uint64_t most) {
                           return place == kPlace ? std::min(there, most) : Made::kUntold;
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

constexpr Case kCases[] = {
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
    {"A12: budget: what one leaves behind counts for the next one there",
     gives_a_place_of_one_that_ended_to_the_next},
    {"A12: budget: what is there is counted again before anything is refused",
     counts_again_when_it_refuses},
    {"A12: budget: nobody waits for the kernel's counting", asks_nobody_while_others_wait},
    {"A12: budget: many places are counted as one", counts_many_places_as_one}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
