// SPDX-License-Identifier: Apache-2.0
// Tests what is read of a container's first process, while it changes its mounts and when it ends.
#include "acting/container_masks.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "check.h"
#include "container_fixture.h"
#include "helper/mountinfo.h"
#include "kernel/clock.h"

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

long mount_many(const std::string& source, const std::string& point) {
  for (int number = 0; number < 600; ++number) {
    if (mount(source.c_str(), point.c_str(), "tmpfs", 0, nullptr) == -1) return errno;
  }
  return 0;
}

// Each line has this, as those of overlays have their options.
long mount_many_with_much_to_say() { return mount_many(std::string(3000, 's'), "/mnt/new"); }

long mount_many_at_long_path() {
  std::string path = "/mnt/new";
  for (int depth = 0; depth < 12; ++depth) {
    path += '/' + std::string(200, 'p');
    if (mkdir(path.c_str(), 0755) == -1) return errno;
  }
  return mount_many("none", path);
}

void looks_at_many() {
  const Container container({kMasked});
  CHECK_EQUAL(container.ask(mount_many_with_much_to_say), 0);
  const Masks found = VALUE(masks_of_process(container.pid(), pidfd_of(container.pid())));
  CHECK(found.proc == container.masks().proc);
}

void refuses_more_than_it_can_look_at() {
  const Container container({kMasked});
  CHECK_EQUAL(container.ask(mount_many_at_long_path), 0);
  CHECK_EQUAL(ERROR(masks_of_process(container.pid(), pidfd_of(container.pid()))), Errno{E2BIG});
}

// Most of what is read is not kept, such as options of overlays.
void reads_no_more_than_is_allowed() {
  constexpr std::string_view kBegin = "20 1 8:1 / / rw - ext4 /dev/sda ";
  const auto text_of = [&](std::size_t lines, std::size_t length) {
    UniqueFd file(memfd_create("mountinfo", MFD_CLOEXEC));
    const std::string line = std::string(kBegin) + std::string(length, 'o') + '\n';
    for (std::size_t written = 0; written < lines; ++written)
      CHECK_EQUAL(write(file.get(), line.data(), line.size()), static_cast<ssize_t>(line.size()));
    return file;
  };
  constexpr std::size_t kLong = 400UL * 1024;
  constexpr std::size_t kLines = kMaxReadMountinfo / (kLong + 100);
  CHECK(VALUE(read_mountinfo(text_of(kLines, kLong))).size() < kLines * 100);
  const Nanoseconds start = now();
  CHECK_EQUAL(ERROR(read_mountinfo(text_of(kLines + 1, kLong))), Errno{E2BIG});
  CHECK_EQUAL(ERROR(read_mountinfo(text_of(100'000, 1024))), Errno{E2BIG});
  // all of the second would take a hundred times as long
  CHECK(now() - start < 5 * kSecond);
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

// Makes a mount namespace after the other. In the middle of unshare(2), the root is in the new one
// already and the namespace is still the old one.
long keep_leaving() {
  for (;;) {
    if (unshare(CLONE_NEWNS) == -1) _exit(1);
  }
}

void is_not_confused_by_new_namespaces() {
  const Container container({kMasked});
  const UniqueFd pidfd = pidfd_of(container.pid());
  ContainerMasks masks;
  container.tell(keep_leaving);
  int whole = 0;
  int between = 0;
  const Nanoseconds start = now();
  for (int round = 0; round < 200 || between == 0; ++round) {
    CHECK(now() - start < 60 * kSecond);
    const auto found = masks_of_process(container.pid(), pidfd);
    if (found) {
      CHECK_EQUAL(found->proc.masks.size(), kHidden.size() + kReadOnly.size());
      ++whole;
    } else {
      CHECK_EQUAL(found.error(), Errno{EAGAIN});
      ++between;
    }
    const auto waited = masks.strictest(container.pid(), pidfd);
    CHECK(waited || waited.error() == Errno{EAGAIN});
  }
  CHECK(whole > 0);
  CHECK_EQUAL(kill(container.pid(), SIGKILL), 0);
}

int mounts_left = -1;

// Its root stays in the mount namespace that it leaves.
long go_between() {
  const UniqueFd root(open("/", O_PATH | O_CLOEXEC));
  if (unshare(CLONE_NEWNS) == -1) return errno;
  mounts_left = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  return error_of_call(fchdir(root.get()) == -1 ? -1 : chroot("."));
}

long come_back() { return error_of_call(setns(mounts_left, CLONE_NEWNS)); }

long hide_more() {
  return error_of_call(mount("/dev/null", "/proc/stat", nullptr, MS_BIND, nullptr));
}

void looks_again_after_a_first_look_in_vain() {
  const Container container({kMasked});
  const UniqueFd pidfd = pidfd_of(container.pid());
  ContainerMasks masks;
  CHECK_EQUAL(container.ask(go_between), 0);
  CHECK_EQUAL(ERROR(mountinfo_of(pidfd)), Errno{EAGAIN});
  CHECK_EQUAL(ERROR(masks.strictest(container.pid(), pidfd)), Errno{EAGAIN});
  container.tell(come_back);
  const Masks found = VALUE(masks.strictest(container.pid(), pidfd));
  CHECK_EQUAL(container.answer(), 0);
  CHECK_EQUAL(found.proc.masks.size(), kHidden.size() + kReadOnly.size());
}

void keeps_what_it_has_seen() {
  const Container container({kMasked});
  const UniqueFd pidfd = pidfd_of(container.pid());
  ContainerMasks masks;
  const std::string text = VALUE(mountinfo_of(pidfd));
  masks.note(VALUE(parse_mounts(text)));
  CHECK_EQUAL(container.ask(hide_more), 0);
  const Masks more = VALUE(masks.strictest(container.pid(), pidfd));
  CHECK_EQUAL(more.proc.masks.size(), kHidden.size() + kReadOnly.size() + 1);
  CHECK_EQUAL(container.ask([] { return error_of_call(umount2("/proc/stat", 0)); }), 0);
  CHECK_EQUAL(container.ask([] { return error_of_call(umount2("/proc/iomem", 0)); }), 0);
  // what was seen at first
  const Masks less = VALUE(masks.strictest(container.pid(), pidfd));
  CHECK_EQUAL(less.proc.masks.size(), kHidden.size() + kReadOnly.size());
}

constexpr Case kCases[] = {
    {"A8: masks_of_process: what the first process does not see is read", reads_masks},
    {"A8: masks_of_process: of one that has ended, nothing is read", knows_when_it_is_gone},
    {"A8: masks_of_process: many mounts of which much is told are looked at", looks_at_many},
    {"A8: masks_of_process: too many mounts are refused", refuses_more_than_it_can_look_at},
    {"A2: read_mountinfo: no more is read than is allowed", reads_no_more_than_is_allowed},
    {"A8: masks_of_process: changes meanwhile never make masks fewer", is_never_fooled_by_changes},
    {"A8: masks_of_process: in the middle of unshare it is said to look again",
     is_not_confused_by_new_namespaces},
    {"A8: ContainerMasks: a first look in vain is made up for",
     looks_again_after_a_first_look_in_vain},
    {"A8: ContainerMasks: a mask that was seen at first stays", keeps_what_it_has_seen}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
