// SPDX-License-Identifier: Apache-2.0
// Tests how many mounts a container may have, where nodes are covered, and who holds locks.
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <string>

#include "acting/mount_namespace.h"
#include "check.h"
#include "container_fixture.h"
#include "maker_fixture.h"

namespace seccompagent::test {
namespace {

const Level kPlainLevel = {.namespaces = kPlain, .set_up = mount_masked_proc};
const Level kUserLevel = {.namespaces = kUser, .set_up = mount_masked_proc};

MountPlace powerless(const Pinned& pinned, const std::string& path) {
  MountPlace place = pinned.place(path);
  place.credentials.effective_capabilities = 0;
  return place;
}

std::uint64_t number_of_mounts(const Container& container) {
  const std::string path = "/proc/" + std::to_string(container.pid()) + "/ns/mnt";
  const UniqueFd mounts(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat found = {};
  CHECK_EQUAL(fstat(mounts.get(), &found), 0);
  std::uint64_t number = 0;
  const int asked = ioctl(mounts.get(), _IOR(0xb7, 0x5, std::uint64_t), &number);
  return asked == 0 ? number : found.st_ino;
}

std::uint64_t lines_of(const Container& container) {
  const std::string mountinfo = container.mountinfo(0);
  return static_cast<std::uint64_t>(std::ranges::count(mountinfo, '\n'));
}

void counts_mounts() {
  for (const Level& level : {kPlainLevel, kUserLevel}) {
    const Container container({level});
    const Pinned pinned = container.pin();
    const Masks masks = container.masks();
    const std::uint64_t before = lines_of(container);
    const std::uint64_t number = number_of_mounts(container);
    const bool is_plain = (level.namespaces & CLONE_NEWUSER) == 0;
    in_helper([&] {
      Maker maker;
      const Outcome tmpfs =
          maker->make_mount(new_tmpfs(), powerless(pinned, "/mnt/new"), masks, kIsThere);
      check_done(tmpfs);
      CHECK_EQUAL(tmpfs.made.place, number);
      CHECK_EQUAL(tmpfs.made.amount, 1U);
      CHECK_EQUAL(tmpfs.made.existing, is_plain ? before : Made::kNotAsked);
      CHECK(!tmpfs.made.is_over);
      const Outcome proc =
          maker->make_mount(new_proc(), powerless(pinned, "/mnt/other"), masks, kIsThere);
      check_done(proc);
      CHECK_EQUAL(proc.made.amount, 1 + masks.proc.masks.size());
      CHECK_EQUAL(proc.made.existing, is_plain ? before + 1 : Made::kNotAsked);
    });
    CHECK_EQUAL(lines_of(container), before + 2 + masks.proc.masks.size());
  }
}

void makes_no_more_than_may_be() {
  for (const Level& level : {kPlainLevel, kUserLevel}) {
    const Container container({level});
    const Pinned pinned = container.pin();
    const Masks masks = container.masks();
    const std::uint64_t before = lines_of(container);
    in_helper([&] {
      Maker maker;
      // also where the caller could mount itself
      for (MountPlace place : {powerless(pinned, "/mnt/new"), pinned.place("/mnt/new")}) {
        for (const NewMount& mount : {new_tmpfs(), new_proc()}) {
          place.allowance = mount.type == "proc" ? masks.proc.masks.size() : 0;
          const Outcome refused = maker->make_mount(mount, place, masks, kIsThere);
          CHECK(refused.failed_step == nullptr);
          CHECK_EQUAL(Errno{refused.answer}, Errno{ENOSPC});
          CHECK(refused.made.is_over);
        }
      }
    });
    CHECK_EQUAL(lines_of(container), before);
  }
}

// Each layer takes as much as a mount.
void counts_layers() {
  const Container container({kUserLevel});
  const Pinned pinned = container.pin();
  const std::uint64_t number = number_of_mounts(container) | Made::kOverlays;
  in_helper([&] {
    Maker maker;
    for (const auto& options :
         {std::vector<MountOption>{{"lowerdir", "/mnt/other:/mnt/third"}},
          std::vector<MountOption>{{"lowerdir+", "/mnt/other"}, {"lowerdir+", "/mnt/third"}}}) {
      const NewMount overlay = {.type = "overlay", .options = options, .attributes = 0};
      MountPlace place = pinned.place("/mnt/new");
      place.allowance = 2;
      const Outcome refused = maker->make_mount(overlay, place, {}, kIsThere);
      CHECK_EQUAL(Errno{refused.answer}, Errno{ENOSPC});
      CHECK(refused.made.is_over);
      place.allowance = 3;
      const Outcome done = maker->make_mount(overlay, place, {}, kIsThere);
      check_done(done);
      CHECK_EQUAL(done.made.place, number);
      CHECK_EQUAL(done.made.amount, 3U);
      CHECK_EQUAL(done.made.largest, 3U);
    }
  });
  const std::uint64_t there = count_mounts_in(number, 0, 1);
  if (there != Made::kUntold) CHECK_EQUAL(there, 2U);
}

long cover_root() { return error_of_call(mount("tmpfs", "/", "tmpfs", 0, nullptr)); }

void counts_what_is_there() {
  constexpr Nanoseconds kLong = 3600 * kSecond;
  constexpr std::uint64_t kMany = 1'000'000;
  std::uint64_t number = 0;
  {
    const Container container({kUserLevel});
    number = number_of_mounts(container);
    const std::uint64_t lines = lines_of(container);
    const std::uint64_t there = count_mounts_in(number, 0, kMany);
    // before Linux 6.11 nobody can tell
    if (there != Made::kUntold) {
      CHECK_EQUAL(there, lines);
      CHECK_EQUAL(count_mounts_in(number, 0, 3), 3U);
      // whatever its processes see
      CHECK_EQUAL(container.ask(cover_root), 0);
      CHECK_EQUAL(count_mounts_in(number, 0, kMany), lines + 1);
    }
  }
  CHECK_EQUAL(count_mounts_in(number, kLong, kMany), 0U);
}

// --- nodes ---------------------------------------------------------------------------------------

// As make_device_node makes one.
UniqueFd file_system_with_node() {
  const UniqueFd context(static_cast<int>(syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
  CHECK_EQUAL(syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0), 0);
  UniqueFd made(static_cast<int>(syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0)));
  CHECK(made.is_open());
  CHECK_EQUAL(mknodat(made.get(), kNodeName, S_IFCHR | 0666, makedev(1, 3)), 0);
  return made;
}

long make_file() { return error_of_call(open("/mnt/new/null", O_CREAT | O_RDONLY, 0600)); }
long share_new() {
  if (mount("tmpfs", "/mnt/new", "tmpfs", 0, nullptr) == -1) return errno;
  return error_of_call(mount(nullptr, "/mnt/new", nullptr, MS_SHARED, nullptr));
}
long is_covered() {
  struct stat found = {};
  return stat("/mnt/new/null", &found) == 0 && found.st_rdev == makedev(1, 3) ? 1 : 0;
}

// The covered path, as the base of a place.
UniqueFd node_of(const Pinned& pinned) {
  UniqueFd node(openat(pinned.root.get(), "mnt/new/null", O_PATH | O_CLOEXEC));
  CHECK(node.is_open());
  return node;
}

Outcome cover(const Pinned& pinned, std::uint64_t allowance = Made::kUntold) {
  const UniqueFd file_system = file_system_with_node();
  const UniqueFd node = node_of(pinned);
  Outcome outcome;
  // what a helper answers, it says through a pipe
  std::array<int, 2> ends = {};
  CHECK_EQUAL(pipe2(ends.data(), O_CLOEXEC), 0);
  in_helper([&] {
    Maker maker;
    MountPlace place = powerless(pinned, "");
    place.base = node.get();
    place.allowance = allowance;
    const Outcome done = maker->cover(place, file_system.get());
    CHECK_EQUAL(write(ends[1], &done, sizeof done), static_cast<ssize_t>(sizeof done));
  });
  CHECK_EQUAL(read(ends[0], &outcome, sizeof outcome), static_cast<ssize_t>(sizeof outcome));
  close(ends[0]);
  close(ends[1]);
  CHECK(outcome.failed_step == nullptr);
  return outcome;
}

void covers_nodes() {
  for (const Level& level : {kPlainLevel, kUserLevel}) {
    const Container container({level});
    CHECK_EQUAL(container.ask(make_file), 0);
    const Outcome done = cover(container.pin());
    CHECK_EQUAL(Errno{done.answer}, Errno{0});
    CHECK_EQUAL(done.made.amount, 1U);
    CHECK_EQUAL(container.ask(is_covered), 1);
  }
}

void covers_no_more_than_may_be() {
  const Container container({kPlainLevel});
  CHECK_EQUAL(container.ask(make_file), 0);
  const Outcome refused = cover(container.pin(), 0);
  CHECK_EQUAL(Errno{refused.answer}, Errno{ENOSPC});
  CHECK(refused.made.is_over);
  CHECK_EQUAL(container.ask(is_covered), 0);
}

void covers_nothing_that_is_shared() {
  const Container container({kPlainLevel});
  CHECK_EQUAL(container.ask(share_new), 0);
  CHECK_EQUAL(container.ask(make_file), 0);
  const std::uint64_t before = lines_of(container);
  CHECK_EQUAL(Errno{cover(container.pin()).answer}, Errno{EPERM});
  CHECK_EQUAL(container.ask(is_covered), 0);
  CHECK_EQUAL(lines_of(container), before);
}

// --- locks ---------------------------------------------------------------------------------------

void waits_for_no_container() {
  const Container container({kPlainLevel});
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  const std::string space = "/proc/" + std::to_string(container.pid()) + "/ns/mnt";
  const UniqueFd mounts(open(space.c_str(), O_RDONLY | O_CLOEXEC));
  CHECK_EQUAL(flock(mounts.get(), LOCK_EX), 0);
  in_helper([&] {
    Maker maker;
    check_done(maker->make_mount(new_proc(), powerless(pinned, "/mnt/new"), masks, kIsThere));
    check_done(maker->make_mount(new_tmpfs(), powerless(pinned, "/mnt/other"), masks, kIsThere));
    check_done(maker->unmount(powerless(pinned, "/mnt/other"), MNT_DETACH, kIsThere));
  });
}

constexpr Case kCases[] = {
    {"A12: mounts: those that are made are counted, with their masks", counts_mounts},
    {"A12: mounts: those that an overlay makes of its layers are counted", counts_layers},
    {"A12: mounts: beyond what a container may have they fail with ENOSPC",
     makes_no_more_than_may_be},
    {"A12: mounts: the kernel counts those of a mount namespace", counts_what_is_there},
    {"A7: covers: a node is mounted on what was made", covers_nodes},
    {"A12: covers: beyond what a container may have they fail with ENOSPC",
     covers_no_more_than_may_be},
    {"A7: covers: nothing is covered where the mount would be elsewhere as well",
     covers_nothing_that_is_shared},
    {"A8: locks: what a container locks keeps nobody from mounting", waits_for_no_container}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
