// SPDX-License-Identifier: Apache-2.0
// How much containers may make that is charged to the agent.
#include "container_budget.h"

#include "check.h"

namespace seccompagent::test {
namespace {

constexpr std::uint64_t kPlace = 7;
constexpr std::uint64_t kOther = 8;
constexpr ContainerBudget::Limits kLimits = {.own = 100, .all = 240};

Made some(std::uint64_t amount, std::uint64_t existing, std::uint64_t place = kPlace) {
  return {.place = place, .amount = amount, .existing = existing, .largest = 1};
}

void counts_what_is_made() {
  ContainerBudget budget({.own = 60, .all = 240});
  CHECK_EQUAL(budget.left(1), 60U);
  budget.note(1, some(20, 0));
  budget.note(1, some(30, Made::kNotAsked, kOther));
  CHECK_EQUAL(budget.left(1), 10U);
  budget.note(1, {});
  CHECK_EQUAL(budget.left(1), 10U);
  CHECK_EQUAL(budget.left(2), 60U);
}

void gives_back_what_a_place_tells() {
  ContainerBudget budget(kLimits);
  budget.note(1, some(70, 0));
  Made refused = some(50, 5);
  refused.is_over = true;
  budget.note(1, refused);
  CHECK_EQUAL(budget.left(1), 95U);
  // of all makers there are more than this one's
  budget.note(1, some(1, 1000));
  CHECK_EQUAL(budget.left(1), 94U);
  // another place says nothing of this one
  budget.note(1, some(0, 0, kOther));
  CHECK_EQUAL(budget.left(1), 94U);
}

void takes_all_for_the_largest() {
  ContainerBudget budget(kLimits);
  budget.note(1, {.place = kPlace, .amount = 50, .existing = 0, .largest = 50});
  budget.note(1, {.place = kPlace, .amount = 1, .existing = 1, .largest = 1});
  CHECK_EQUAL(budget.left(1), 43U);
}

void never_gives_back_what_nobody_tells() {
  ContainerBudget budget(kLimits);
  budget.note(1, some(50, Made::kUntold));
  budget.note(1, some(0, 0));
  CHECK_EQUAL(budget.left(1), 45U);
}

void leaves_something_for_others() {
  ContainerBudget budget({.own = 1000, .all = 300});
  for (std::uint32_t token = 1; token <= 50; ++token) {
    std::uint64_t made = 0;
    while (budget.left(token) > 0) {
      budget.note(token, some(1, Made::kUntold));
      ++made;
    }
    if (token == 1) CHECK_EQUAL(made, 100U);
    if (token < 5) CHECK(made > 0);
  }
}

void gives_a_place_of_one_that_ended_to_the_next() {
  ContainerBudget budget(kLimits);
  budget.note(1, some(40, 0));
  budget.end_of(1);
  CHECK_EQUAL(budget.left(2), 100U);
  budget.note(2, some(10, 40));
  CHECK_EQUAL(budget.left(2), 45U);
  // only once
  CHECK_EQUAL(budget.left(3), 95U);
  budget.note(2, some(0, 3));
  CHECK_EQUAL(budget.left(2), 97U);
  budget.end_of(2);
  CHECK_EQUAL(budget.left(2), 100U);
}

void counts_many_places_as_one() {
  ContainerBudget budget({.own = 100'000, .all = 1'000'000});
  constexpr std::uint64_t kMany = 10'000;
  for (std::uint64_t place = 1; place <= kMany; ++place) budget.note(1, some(1, 0, place));
  CHECK_EQUAL(budget.left(1), 100'000 - kMany);
}

constexpr Case kCases[] = {
    {"A12: budget: what was made at all places is counted, for each container", counts_what_is_made},
    {"A12: budget: no more is counted at a place than there is", gives_back_what_a_place_tells},
    {"A12: budget: each thing at a place may be one of the largest", takes_all_for_the_largest},
    {"A12: budget: what nobody can tell stays counted", never_gives_back_what_nobody_tells},
    {"A12: budget: a container leaves something for the next one", leaves_something_for_others},
    {"A12: budget: what one leaves behind counts for the next one there",
     gives_a_place_of_one_that_ended_to_the_next},
    {"A12: budget: many places are counted as one", counts_many_places_as_one}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
