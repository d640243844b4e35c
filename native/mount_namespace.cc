// SPDX-License-Identifier: Apache-2.0
// See listmount(2) and statmount(2).
#include "mount_namespace.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

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

// 0, or an errno; of our own namespace with the number 0.
[[nodiscard]] int list_error(std::uint64_t mount_namespace) {
  constexpr std::uint64_t kRoot = ~0ULL;
  const Request request = {.size = sizeof(Request),
                           .spare = 0,
                           .mount = kRoot,
                           .after = 0,
                           .mount_namespace = mount_namespace};
  std::array<std::uint64_t, 1> found = {};
  return syscall(SYS_listmount, &request, found.data(), found.size(), 0) == -1 ? errno : 0;
}

}  // namespace

bool is_mount_namespace_gone(std::uint64_t number, Nanoseconds unused_for) {
  static const bool can_tell = list_error(0) == 0;
  return can_tell ? list_error(number) == ENOENT : unused_for >= kLongUnused;
}

}  // namespace seccompagent
