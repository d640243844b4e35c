// SPDX-License-Identifier: Apache-2.0
// See listmount(2) and statmount(2).
#include "acting/mount_namespace.h"

#include <linux/magic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "kernel/made.h"
#include "kernel/result.h"

// Not in every libc's headers: Linux 6.8.
#ifndef SYS_listmount
#define SYS_statmount 457
#define SYS_listmount 458
#endif

namespace seccompagent {
namespace {

constexpr Nanoseconds kLongUnused = 600 * kSecond;

// The kernel's mnt_id_req, as since Linux 6.11.
struct Request {
  std::uint32_t size;
  std::uint32_t spare;
  std::uint64_t mount;
  // Of listmount, behind which one; of statmount, what is asked.
  std::uint64_t parameter;
  std::uint64_t mount_namespace;
};

// Those behind a mount, in the order of their numbers, as far as there is room for them; of our own
// namespace with the number 0.
[[nodiscard]] Result<std::size_t> list(std::uint64_t mount_namespace, std::uint64_t after,
                                       std::span<std::uint64_t> found) {
  constexpr std::uint64_t kRoot = ~0ULL;
  const Request request = {.size = sizeof(Request),
                           .spare = 0,
                           .mount = kRoot,
                           .parameter = after,
                           .mount_namespace = mount_namespace};
  const long listed = syscall(SYS_listmount, &request, found.data(), found.size(), 0);
  if (listed == -1) return fail_errno();
  return static_cast<std::size_t>(listed);
}

// The beginning of the kernel's statmount.
struct Description {
  std::uint32_t size;
  std::uint32_t options;
  std::uint64_t mask;
  std::uint32_t device_major;
  std::uint32_t device_minor;
  std::uint64_t magic;
  std::array<std::uint64_t, 64> rest;
};

[[nodiscard]] bool is_overlay(std::uint64_t mount_namespace, std::uint64_t mount) {
  constexpr std::uint64_t kFileSystem = 1;
  const Request request = {.size = sizeof(Request),
                           .spare = 0,
                           .mount = mount,
                           .parameter = kFileSystem,
                           .mount_namespace = mount_namespace};
  Description found = {};
  return syscall(SYS_statmount, &request, &found, sizeof found, 0) == 0 &&
         found.magic == OVERLAYFS_SUPER_MAGIC;
}

}  // namespace

std::uint64_t count_mounts_in(std::uint64_t place, Nanoseconds unused_for, std::uint64_t max) {
  const std::uint64_t number = place & ~Made::kOverlays;
  const bool are_overlays = (place & Made::kOverlays) != 0;
  std::array<std::uint64_t, 512> found = {};
  static const bool can_tell = list(0, 0, std::span(found).first(1)).has_value();
  if (!can_tell) return unused_for >= kLongUnused ? 0 : Made::kUntold;
  std::uint64_t count = 0;
  std::uint64_t last = 0;
  while (count < max) {
    const std::uint64_t wanted = are_overlays ? found.size() : max - count;
    const auto room = std::span(found).first(std::min<std::uint64_t>(found.size(), wanted));
    const auto listed = list(number, last, room);
    if (!listed && listed.error() == Errno{ENOENT}) return 0;
    if (!listed) return Made::kUntold;
    count += are_overlays ? static_cast<std::uint64_t>(std::ranges::count_if(
                                room.first(*listed),
                                [number](std::uint64_t id) { return is_overlay(number, id); }))
                          : *listed;
    if (*listed < room.size()) break;
    last = room.back();
  }
  return count;
}

}  // namespace seccompagent
