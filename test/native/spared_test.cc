// SPDX-License-Identifier: Apache-2.0
// Tests which mounts nobody takes away, by texts of mountinfo.
#include "helper/spared.h"

#include <string>
#include <string_view>

#include "check.h"

namespace seccompagent::test {
namespace {

// A root, a volume that is called otherwise by now, and what lies on both.
constexpr std::string_view kMounts =
    "20 1 8:1 / / rw - ext4 /dev/sda rw\n"
    "21 20 0:5 / /moved/vol rw - tmpfs tmpfs rw\n"
    "22 21 0:6 / /moved/vol/below rw - tmpfs tmpfs rw\n"
    "23 20 0:7 / /a\\040b rw - tmpfs tmpfs rw\n"
    "24 20 0:8 / /vol2 rw - tmpfs tmpfs rw\n"
    "25 20 0:9 / /new/at rw - tmpfs tmpfs rw\n";

bool spares(int id, const Spared& spared) { return VALUE(is_spared(kMounts, id, spared)); }

void spares_places_by_their_mounts() {
  const Spared whole = {.root = 20, .paths = {"/vol"}, .places = {{21, ""}}};
  for (const int id : {20, 21, 22}) CHECK(spares(id, whole));
  for (const int id : {23, 24, 25}) CHECK(!spares(id, whole));
  const Spared part = {.root = 20, .paths = {"/vol/below"}, .places = {{21, "below"}}};
  for (const int id : {20, 21, 22}) CHECK(spares(id, part));
  const Spared beside = {.root = 20, .paths = {"/vol/other"}, .places = {{21, "other"}}};
  CHECK(spares(21, beside));
  CHECK(!spares(22, beside));
}

void spares_what_has_the_name_later() {
  const Spared spared = {.root = 20, .paths = {"/new"}, .places = {{20, "old"}}};
  CHECK(spares(25, spared));
  CHECK(!spares(24, spared));
  const Spared escaped = {.root = 20, .paths = {"/a b/c"}};
  CHECK(spares(23, escaped));
}

void spares_all_that_it_does_not_know() {
  const Spared spared = {.root = 20, .paths = {"/vol"}, .places = {{21, ""}}};
  // covered by another root
  CHECK(spares(99, spared));
  CHECK(spares(99, {}));
  // a copy of the namespace
  CHECK(spares(24, {.root = 7, .paths = {"/vol"}, .places = {{8, ""}}}));
  CHECK(spares(24, {.root = 0, .paths = {"/vol"}}));
  // without a path nothing has to be found
  CHECK(!spares(24, {.root = 7}));
  // the host has taken it away
  CHECK(!spares(24, {.root = 20, .paths = {"/vol"}, .places = {{77, ""}}}));
  CHECK_EQUAL(ERROR(is_spared("20 1 8:1", 20, {})), Errno{EINVAL});
}

// A volume that is mounted twice, and of which a third mount follows the others.
void spares_what_takes_places_along() {
  constexpr std::string_view kShared =
      "20 1 8:1 / / rw - ext4 /dev/sda rw\n"
      "21 20 0:5 / /vol1 rw shared:7 - tmpfs tmpfs rw\n"
      "22 20 0:5 / /vol2 rw shared:7 - tmpfs tmpfs rw\n"
      "23 20 0:5 /sub /vol3 rw master:7 - tmpfs tmpfs rw\n"
      "24 21 0:6 / /vol1/sub/secret rw shared:8 - tmpfs tmpfs rw\n"
      "25 22 0:6 / /vol2/sub/secret rw shared:8 - tmpfs tmpfs rw\n"
      "26 23 0:6 / /vol3/secret rw - tmpfs tmpfs rw\n"
      "27 21 0:7 / /vol1/other rw - tmpfs tmpfs rw\n"
      "28 22 0:7 / /vol2/other rw - tmpfs tmpfs rw\n";
  const auto is = [&](int id, const Spared& spared) {
    return VALUE(is_spared(kShared, id, spared));
  };
  const Spared first = {.root = 20, .paths = {"/vol1/sub/secret"}, .places = {{24, ""}}};
  const Spared follower = {.root = 20, .paths = {"/vol3/secret"}, .places = {{26, ""}}};
  for (const int id : {24, 25}) CHECK(is(id, first) && is(id, follower));
  // nothing goes from those that follow to the others
  CHECK(!is(26, first));
  // with all that lies on it
  CHECK(is(22, first));
  for (const int id : {27, 28}) CHECK(!is(id, first) && !is(id, follower));
  const Spared none = {.root = 20};
  for (const int id : {24, 25, 26}) CHECK(!is(id, none));
}

void knows_what_others_lose() {
  constexpr std::string_view kVolumes =
      "20 1 8:1 / / rw - ext4 /dev/sda rw\n"
      "21 20 0:5 / /vol rw shared:7 master:3 - tmpfs tmpfs rw\n"
      "22 21 0:6 / /vol/sub rw - tmpfs tmpfs rw\n"
      "23 22 0:7 / /vol/sub/own rw - tmpfs tmpfs rw\n"
      "24 20 0:8 / /follows rw master:9 - tmpfs tmpfs rw\n"
      "25 24 0:9 / /follows/a rw - tmpfs tmpfs rw\n"
      "26 77 0:9 / /nowhere rw - tmpfs tmpfs rw\n";
  const auto loses = [&](int id, bool reaches_below) {
    return VALUE(is_taken_from_others(kVolumes, id, reaches_below));
  };
  for (const bool below : {false, true}) {
    for (const int id : {22, 26, 99}) CHECK(loses(id, below));
    for (const int id : {23, 24, 25}) CHECK(!loses(id, below));
  }
  // with what lies on it
  CHECK(!loses(21, false));
  CHECK(loses(21, true));
}

// A number of a first mount is that of the same mount as long as that is there.
void knows_first_mounts() {
  constexpr std::string_view kText =
      "20 1 8:1 / / rw - ext4 /dev/sda rw\n"
      "21 20 0:5 / /first rw - tmpfs tmpfs rw\n"
      "22 20 0:6 / /later rw - tmpfs tmpfs rw\n"
      "23 22 0:7 / /later/moved rw - tmpfs tmpfs rw\n"
      "24 21 0:8 / /first/later rw - tmpfs tmpfs rw\n";
  const FirstMounts first = {.root = 20, .ids = {20, 21, 23}};
  const auto was_there = [&](int id, bool reaches_below, const FirstMounts& known) {
    return VALUE(is_of_first(kText, id, reaches_below, known));
  };
  for (const bool below : {false, true}) {
    for (const int id : {20, 21, 23, 99}) CHECK(was_there(id, below, first));
    CHECK(!was_there(24, below, first));
    // another mount namespace, and one that nobody knows
    for (const int root : {0, 77}) CHECK(was_there(24, below, {.root = root, .ids = {}}));
  }
  CHECK(!was_there(22, false, first));
  CHECK(was_there(22, true, first));
}

// Whoever has a volume elsewhere exchanges names on it, also with those of mounts that stay.
void knows_who_may_change_places() {
  constexpr std::string_view kVolumes =
      "20 1 8:1 / / rw - ext4 /dev/sda rw\n"
      "21 20 0:5 / /vol rw - tmpfs tmpfs rw\n"
      "22 21 0:6 / /vol/a rw - tmpfs tmpfs rw\n"
      "23 21 0:7 / /vol/b rw - tmpfs tmpfs rw\n"
      "24 20 0:8 / /other rw - tmpfs tmpfs rw\n"
      "25 24 0:9 / /other/a rw - tmpfs tmpfs rw\n"
      "26 20 0:5 / /again rw - tmpfs tmpfs rw\n"
      "27 26 0:6 / /again/c rw - tmpfs tmpfs rw\n";
  const Spared spared = {.root = 20, .paths = {"/vol/b"}, .places = {{23, ""}}};
  const auto may = [&](std::string_view text, int id, const Spared& wanted) {
    return VALUE(may_change_places(text, id, wanted));
  };
  CHECK(may(kVolumes, 22, spared));
  // the same volume at another place
  CHECK(may(kVolumes, 27, spared));
  // on the container's own root, and on another volume
  for (const int id : {21, 24, 25, 26}) CHECK(!may(kVolumes, id, spared));
  // nothing stays
  CHECK(!may(kVolumes, 22, {.root = 20}));
  CHECK(may(kVolumes, 99, spared));
  constexpr std::string_view kHidingVolume =
      "20 1 8:1 / / rw - ext4 /dev/sda rw\n"
      "21 20 0:5 / /vol rw - tmpfs tmpfs rw\n"
      "22 21 0:6 / /vol/a rw - tmpfs tmpfs rw\n"
      "23 21 0:7 / /vol/proc rw - proc proc rw\n";
  CHECK(may(kHidingVolume, 22, {.root = 20}));
  CHECK_EQUAL(ERROR(may_change_places("20 1 8:1", 20, {})), Errno{EINVAL});
}

constexpr std::string_view kProcs =
    "20 1 8:1 / / rw - ext4 /dev/sda rw\n"
    "21 20 0:5 / /proc rw - proc proc rw\n"
    "22 21 0:6 /null /proc/keys rw - tmpfs tmpfs rw\n"
    "23 21 0:5 / /proc rw - proc proc rw\n"
    "24 20 0:5 / /own rw - proc proc rw\n"
    "25 24 0:6 /null /own/keys rw - tmpfs tmpfs rw\n"
    "26 20 0:7 / /sysfs rw - sysfs none rw\n"
    "27 20 0:8 / /tmp rw - tmpfs tmpfs rw\n";
const Spared kAtStart = {.root = 20, .hiding = {21}};

void finds_own_procs() {
  const OwnMount own = VALUE(find_own(kProcs, 24, kAtStart));
  CHECK(own.is_own);
  CHECK_EQUAL(own.below.size(), 1U);
  CHECK_EQUAL(own.below.front().id, 25);
  CHECK_EQUAL(own.below.front().path, "keys");
  const OwnMount sysfs = VALUE(find_own(kProcs, 26, kAtStart));
  CHECK(sysfs.is_own);
  CHECK(sysfs.below.empty());
}

void takes_nothing_else_for_own() {
  // that of the runtime, one on top of it, masks, another file system, what is in no list
  for (const int id : {21, 22, 23, 25, 27, 99})
    CHECK(!VALUE(find_own(kProcs, id, kAtStart)).is_own);
  CHECK(!VALUE(find_own(kProcs, 24, {.root = 20, .hiding = {21, 24}})).is_own);
  // nobody could look at the start, or it is another mount namespace
  CHECK(!VALUE(find_own(kProcs, 24, {})).is_own);
  CHECK(!VALUE(find_own(kProcs, 24, {.root = 7, .hiding = {8}})).is_own);
}

constexpr Case kCases[] = {
    {"A7: is_taken_from_others: what is shared is others'", knows_what_others_lose},
    {"is_of_first: what the runtime has mounted is known", knows_first_mounts},
    {"A15: is_spared: what would take a place along stays", spares_what_takes_places_along},
    {"A15, A16: is_spared: a place is found by its mount, whatever it is called by now",
     spares_places_by_their_mounts},
    {"A15: is_spared: what gets the name of a place later stays as well",
     spares_what_has_the_name_later},
    {"A15: may_change_places: names on a volume are anybody's", knows_who_may_change_places},
    {"A15: is_spared: where places can't be found, all stays", spares_all_that_it_does_not_know},
    {"find_own: a proc or sysfs that came later is the container's own", finds_own_procs},
    {"A8: find_own: nothing that may hide something is", takes_nothing_else_for_own}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
