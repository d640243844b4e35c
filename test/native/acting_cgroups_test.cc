// SPDX-License-Identifier: Apache-2.0
// Which cgroups a helper joins, from the texts that the kernel has of them, and that it is there.
#include "container/acting_cgroups.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

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
  const ActingCgroups cgroups = ActingCgroups::from(theirs, ours, mounts);
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

void stays_where_both_are() {
  CHECK(ActingCgroups::from("0::/a\n", "0::/a\n", kVersion2).are_ours());
  CHECK_EQUAL(folders("5:memory:/c\n4:devices:/a\n", "5:memory:/\n4:devices:/a\n", kVersion1),
              "/cg/memory/c ");
  CHECK(ActingCgroups::from("0::/a\n", "0::/b\n", "").are_ours());
  // nobody can divide the first one
  CHECK_EQUAL(folders("0::/\n", "0::/b\n", kVersion2), "/cg ");
}

void tells_who_has_ended() {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  CHECK_EQUAL(waitpid(child, nullptr, 0), child);
  CHECK_EQUAL(ERROR(ActingCgroups::of(child)), Errno{ESRCH});
  CHECK(VALUE(ActingCgroups::of(getpid())).are_ours());
}

constexpr Case kCases[] = {
    {"A12: acting cgroups: memory and devices, of whichever version",
     joins_what_is_charged_and_asked},
    {"A12: acting cgroups: both versions where each has one of them",
     joins_both_versions_where_each_has_one},
    {"A12: acting cgroups: none where the agent is in the same", stays_where_both_are},
    {"A12: acting cgroups: a process that has ended is told", tells_who_has_ended},
};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
