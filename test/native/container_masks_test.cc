// SPDX-License-Identifier: Apache-2.0
// Tests what is read of a container's first process, while it changes its mounts and when it ends.
#include "container_masks.h"

#include <signal.h>
#include <sys/syscall.h>

#include "check.h"
#include "clock.h"
#include "container_fixture.h"

namespace seccompagent::test {
namespace {

const Level kMasked = {.namespaces = CLONE_NEWNS | CLONE_NEWPID, .set_up = mount_masked_proc};

UniqueFd pidfd_of(pid_t pid) {
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  CHECK(pidfd.is_open());
  return pidfd;
}

void reads_masks() {
  const Container container({kMasked});
  const Masks found = VALUE(masks_of_process(container.pid(), pidfd_of(container.pid())));
  CHECK(found.proc == container.masks().proc);
  CHECK_EQUAL(found.proc.masks.size(), kHidden.size() + kReadOnly.size());
}

void knows_when_it_is_gone() {
  CHECK_EQUAL(ERROR(masks_of_process(0, UniqueFd())), Errno{ESRCH});
  const pid_t child = fork();
  CHECK(child != -1);
  if (child == 0) {
    pause();
    _exit(0);
  }
  const UniqueFd pidfd = pidfd_of(child);
  CHECK_EQUAL(kill(child, SIGKILL), 0);
  siginfo_t info = {};
  CHECK_EQUAL(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  // it has ended, and its number is still its own
  CHECK_EQUAL(ERROR(masks_of_process(child, pidfd)), Errno{ESRCH});
  CHECK_EQUAL(waitpid(child, nullptr, 0), child);
  // a number that somebody else has by now
  CHECK_EQUAL(ERROR(masks_of_process(getpid(), pidfd)), Errno{ESRCH});
}

long mount_many() {
  // each line has this twice
  const std::string source(2000, 's');
  for (int number = 0; number < 150; ++number) {
    if (mount(source.c_str(), "/mnt/new", "tmpfs", 0, nullptr) == -1) return errno;
  }
  return 0;
}

void refuses_more_than_it_can_look_at() {
  const Container container({kMasked});
  CHECK_EQUAL(container.ask(mount_many), 0);
  CHECK_EQUAL(ERROR(masks_of_process(container.pid(), pidfd_of(container.pid()))), Errno{E2BIG});
}

// A proc with its masks elsewhere, to be put to /proc and taken off as a whole. It is large, so
// that its mounts come in several pages.
void prepare_flips() {
  mount_masked_proc();
  CHECK_EQUAL(mount("/proc", "/mnt/other", nullptr, MS_BIND | MS_REC, nullptr), 0);
  // that of the host, too
  while (umount2("/proc", MNT_DETACH) == 0) continue;
}

long start_flips() {
  const pid_t child = fork();
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) {
    if (mount("/mnt/other", "/proc", nullptr, MS_BIND | MS_REC, nullptr) == -1) _exit(1);
    if (umount2("/proc", MNT_DETACH) == -1) _exit(1);
  }
}

void is_never_fooled_by_changes() {
  const Container container({{.namespaces = CLONE_NEWNS | CLONE_NEWPID, .set_up = prepare_flips}});
  const UniqueFd pidfd = pidfd_of(container.pid());
  CHECK(container.ask(start_flips) > 0);
  int whole = 0;
  int changed = 0;
  const Nanoseconds start = now();
  // until both have been tried
  for (int round = 0; round < 2000 || whole == 0 || changed == 0; ++round) {
    CHECK(now() - start < 60 * kSecond);
    const auto found = masks_of_process(container.pid(), pidfd);
    if (!found) {
      CHECK_EQUAL(found.error(), Errno{EAGAIN});
      ++changed;
    } else if (found->proc.is_whole) {
      CHECK_EQUAL(found->proc.masks.size(), kHidden.size() + kReadOnly.size());
      ++whole;
    }
  }
}

constexpr Case kCases[] = {
    {"A8: masks_of_process: what the first process does not see is read", reads_masks},
    {"A8: masks_of_process: of one that has ended, nothing is read", knows_when_it_is_gone},
    {"A8: masks_of_process: too many mounts are refused", refuses_more_than_it_can_look_at},
    {"A8: masks_of_process: changes meanwhile never make masks fewer", is_never_fooled_by_changes}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
