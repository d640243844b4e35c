// SPDX-License-Identifier: Apache-2.0
// See listmount(2) and statmount(2).
#include "mount_namespace.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "helper/made.h"
#include "result.h"

// Not in every libc's headers: Linux 6.8.
#ifndef SYS_listmount
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
  std::uint64_t after;
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
                           .after = after,
                           .mount_namespace = mount_namespace};
  const long listed = syscall(SYS_listmount, &request, found.data(), found.size(), 0);
  if (listed == -1) return fail_errno();
  return static_cast<std::size_t>(listed);
}

}  // namespace

std::uint64_t count_mounts_in(std::uint64_t number, Nanoseconds unused_for, std::uint64_t most) {
  std::array<std::uint64_t, 512> found = {};
  static const bool can_tell = list(0, 0, std::span(found).first(1)).has_value();
  if (!can_tell) return unused_for >= kLongUnused ? 0 : Made::kUntold;
  std::uint64_t count = 0;
  std::uint64_t last = 0;
  while (count < most) {
    const auto room = std::span(found).first(std::min<std::uint64_t>(found.size(), most - count));
    const auto listed = list(number, last, room);
    if (!listed && listed.error() == Errno{ENOENT}) return 0;
    if (!listed) return Made::kUntold;
    count += *listed;
    if (*listed < room.size()) break;
    last = room.back();
  }
  return count;
}

}  // namespace seccompagent
