// SPDX-License-Identifier: Apache-2.0
// Which cgroups a helper joins, from the texts that the kernel has of them, and that it is there.
#include "container/acting_cgroups.h"

#include <filesystem>
#include <string>
#include <vector>

#include "cgroup_files.h"
#include "check.h"

namespace seccompagent::test {
namespace {

constexpr const char* kVersion1 =
    "memory /cg/memory cgroup rw,memory 0 0\n"
    "freezer /cg/freezer cgroup rw,freezer 0 0\n"
    "devices /cg/devices cgroup rw,devices 0 0\n"
    "unified /cg/unified cgroup2 rw 0 0\n";
constexpr const char* kVersion2 = "cgroup2 /cg cgroup2 rw 0 0\n";

std::string folders(const char* theirs, const char* ours, const char* mounts) {
  std::string all;
  const ActingCgroups cgroups = VALUE(ActingCgroups::from(theirs, ours, mounts));
  for (const std::string& folder : cgroups.folders()) all += folder + " ";
  return all;
}

void joins_what_is_charged_and_asked() {
  CHECK_EQUAL(folders("5:memory:/c\n3:freezer:/c\n4:devices:/d\n0::/u\n",
                      "5:memory:/\n3:freezer:/\n4:devices:/\n0::/\n", kVersion1),
              "/cg/memory/c /cg/devices/d ");
  CHECK_EQUAL(folders("0::/pod/c\n", "0::/agent\n", kVersion2), "/cg/pod/c/seccompagent ");
}

// Memory in one version, devices in the other, as on some machines.
void joins_both_versions_where_each_has_one() {
  CHECK_EQUAL(
      folders("5:memory:/c\n0::/c\n", "5:memory:/\n0::/\n",
              "memory /cg/memory cgroup rw,memory 0 0\ncgroup2 /cg/unified cgroup2 rw 0 0\n"),
      "/cg/memory/c /cg/unified/c/seccompagent ");
}

bool are_charged_apart(const char* theirs, const char* ours, const char* mounts) {
  return VALUE(ActingCgroups::from(theirs, ours, mounts)).are_charged_apart();
}

void stays_where_both_are() {
  CHECK_EQUAL(folders("0::/a\n", "0::/a\n", kVersion2), "");
  CHECK_EQUAL(folders("5:memory:/c\n4:devices:/a\n", "5:memory:/\n4:devices:/a\n", kVersion1),
              "/cg/memory/c ");
  CHECK_EQUAL(folders("0::/a\n", "0::/b\n", ""), "");
  // nobody can divide the first one
  CHECK_EQUAL(folders("0::/\n", "0::/b\n", kVersion2), "/cg ");
}

// Who is charged to the agent, or to nobody, must not be spared.
void tells_who_pays() {
  CHECK(are_charged_apart("5:memory:/c\n4:devices:/a\n", "5:memory:/a\n4:devices:/a\n", kVersion1));
  CHECK(
      !are_charged_apart("5:memory:/a\n4:devices:/c\n", "5:memory:/a\n4:devices:/a\n", kVersion1));
  CHECK(!are_charged_apart("5:memory:/\n4:devices:/c\n", "5:memory:/a\n4:devices:/a\n", kVersion1));
  CHECK(are_charged_apart("0::/c\n", "0::/a\n", kVersion2));
  CHECK(!are_charged_apart("0::/\n", "0::/a\n", kVersion2));
}

void refuses_what_it_does_not_see() {
  CHECK_EQUAL(ERROR(ActingCgroups::from("0::/../c\n", "0::/\n", kVersion2)), Errno{EOPNOTSUPP});
}

// Whoever manages the container freezes its own or one above; it freezes those below.
void tells_who_is_frozen() {
  const CgroupFiles files;
  const std::string mounts = "cgroup2 " + files.path() + " cgroup2 rw 0 0\n";
  const ActingCgroups cgroups = VALUE(ActingCgroups::from("0::/pod/c\n", "0::/a\n", mounts));
  files.write("pod/cgroup.freeze", "0\n");
  files.write("pod/c/cgroup.freeze", "0\n");
  files.write("pod/c/seccompagent/cgroup.freeze", "1\n");
  CHECK(!cgroups.are_frozen());
  files.write("pod/c/cgroup.freeze", "1\n");
  CHECK(cgroups.are_frozen());
  files.write("pod/c/cgroup.freeze", "0\n");
  files.write("pod/cgroup.freeze", "1\n");
  CHECK(cgroups.are_frozen());
  CHECK(cgroups.have("0::/pod/c\n"));
  CHECK(cgroups.have("0::/pod/c/below\n"));
  CHECK(!cgroups.have("0::/pod/cd\n"));
  CHECK(!cgroups.have("0::/pod\n"));
  // version 1
  CHECK(!VALUE(ActingCgroups::from("5:memory:/c\n", "5:memory:/\n", kVersion1)).are_frozen());
}

// The freezer of version 1 waits for callers: it is FREEZING until then.
void tells_who_is_about_to_be_stopped() {
  const CgroupFiles files;
  const std::string mounts = "cgroup " + files.path() + " cgroup rw,freezer 0 0\n";
  const ActingCgroups cgroups = VALUE(ActingCgroups::from("0::/c\n", "0::/a\n", mounts));
  constexpr std::string_view kText = "7:freezer:/pod/c\n0::/c\n";
  CHECK(!cgroups.are_stopping(kText));
  for (const auto& [state, is_stopping] :
       {std::pair("FREEZING\n", true), std::pair("FROZEN\n", true), std::pair("THAWED\n", false)}) {
    files.write("pod/c/freezer.state", state);
    CHECK_EQUAL(cgroups.are_stopping(kText), is_stopping);
  }
  files.write("pod/c/freezer.state", "FROZEN\n");
  CHECK(!cgroups.are_stopping("0::/c\n"));
  CHECK(!VALUE(ActingCgroups::from("0::/c\n", "0::/a\n", kVersion2)).are_stopping(kText));
}

// A file system of the test's own in place of a hierarchy. What is no cgroup has no list in it.
void offers_a_child_and_what_is_above() {
  const CgroupFiles files;
  const std::string mounts = "cgroup2 " + files.path() + " cgroup2 rw 0 0\n";
  const ActingCgroups cgroups = VALUE(ActingCgroups::from("0::/c\n", "0::/a\n", mounts));
  files.write("c/cgroup.procs", "");
  std::vector<std::string> children;
  const auto without_child = VALUE(cgroups.open_lists(children));
  CHECK_EQUAL(without_child.size(), 1U);
  CHECK(!without_child.front().is_alternative);
  CHECK(children.empty());
  files.write("c/seccompagent/cgroup.procs", "");
  const auto both = VALUE(cgroups.open_lists(children));
  CHECK_EQUAL(both.size(), 2U);
  CHECK(!both.front().is_alternative);
  CHECK(both.back().is_alternative);
  CHECK_EQUAL(children.size(), 1U);
  CHECK_EQUAL(children.front(), files.path() + "/c/seccompagent");
  CHECK_EQUAL(write(both.front().file.get(), "0", 1), 1);
  CHECK_EQUAL(files.read("c/seccompagent/cgroup.procs"), "0");
  CHECK_EQUAL(files.read("c/cgroup.procs"), "");
}

void offers_threads_of_version_1() {
  const CgroupFiles files;
  const std::string mounts = "cgroup " + files.path() + " cgroup rw,memory 0 0\n";
  const ActingCgroups cgroups =
      VALUE(ActingCgroups::from("4:memory:/c\n", "4:memory:/a\n", mounts));
  std::vector<std::string> children;
  CHECK_EQUAL(ERROR(cgroups.open_lists(children)), Errno{ENOENT});
  files.write("c/cgroup.procs", "");
  files.write("c/tasks", "");
  const auto lists = VALUE(cgroups.open_lists(children));
  CHECK_EQUAL(lists.size(), 1U);
  CHECK_EQUAL(write(lists.front().file.get(), "0", 1), 1);
  CHECK_EQUAL(files.read("c/tasks"), "0");
  CHECK_EQUAL(files.read("c/cgroup.procs"), "");
}

constexpr Case kCases[] = {
    {"A12: acting cgroups: memory and devices, of whichever version",
     joins_what_is_charged_and_asked},
    {"A12: acting cgroups: both versions where each has one of them",
     joins_both_versions_where_each_has_one},
    {"A12: acting cgroups: none where the agent is in the same", stays_where_both_are},
    {"A12: acting cgroups: who is charged apart is told", tells_who_pays},
    {"A12: acting cgroups: what is outside of our cgroup namespace is refused",
     refuses_what_it_does_not_see},
    {"A9: ActingCgroups: the freezer of version 1 waits for callers",
     tells_who_is_about_to_be_stopped},
    {"A12: acting cgroups: who manages the container has it frozen", tells_who_is_frozen},
    {"A12: acting cgroups: of version 2 there is a child, or what is above",
     offers_a_child_and_what_is_above},
    {"A12: acting cgroups: of version 1 there are threads", offers_threads_of_version_1},
};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
