// SPDX-License-Identifier: Apache-2.0
// Which file systems outlive containers: those that are mounted outside of them.
#include "acting/lasting_file_systems.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "check.h"

namespace seccompagent::test {
namespace {

std::uint64_t place_of(const char* path) {
  struct stat found = {};
  CHECK_EQUAL(stat(path, &found), 0);
  return found.st_dev;
}

void tells_those_outside_of_containers() {
  std::array<int, 2> answer = {};
  CHECK_EQUAL(pipe(answer.data()), 0);
  const pid_t child = fork();
  if (child == 0) {
    CHECK_EQUAL(unshare(CLONE_NEWNS), 0);
    CHECK_EQUAL(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    CHECK_EQUAL(mount("none", "/mnt", "tmpfs", 0, nullptr), 0);
    const std::uint64_t mounted = place_of("/mnt");
    const auto seen = find_lasting_file_systems();
    CHECK(seen.has_value() && seen->contains(mounted));
    CHECK_EQUAL(write(answer[1], &mounted, sizeof mounted), ssize_t{sizeof mounted});
    // it ends, with what it mounted, when its parent has looked
    for (;;) pause();
  }
  close(answer[1]);
  std::uint64_t mounted = 0;
  CHECK_EQUAL(read(answer[0], &mounted, sizeof mounted), ssize_t{sizeof mounted});
  const auto seen = find_lasting_file_systems();
  kill(child, SIGKILL);
  CHECK_EQUAL(waitpid(child, nullptr, 0), child);
  CHECK(seen.has_value());
  CHECK(!seen->contains(mounted));
  CHECK(seen->contains(place_of("/proc")));
}

void leaves_cgroups_out() {
  CHECK_EQUAL(unshare(CLONE_NEWNS), 0);
  CHECK_EQUAL(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  CHECK_EQUAL(mount("none", "/mnt", "cgroup2", 0, nullptr), 0);
  const auto seen = find_lasting_file_systems();
  CHECK(seen.has_value() && !seen->contains(place_of("/mnt")));
}

constexpr Case kCases[] = {
    {"A12: lasting file systems: those that only a container has mounted are none",
     tells_those_outside_of_containers},
    {"A12: lasting file systems: cgroups are none", leaves_cgroups_out}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
