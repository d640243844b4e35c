// SPDX-License-Identifier: Apache-2.0
#include "files/overlay.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <linux/magic.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "files/file_system_type.h"
#include "kernel/unique_fd.h"

namespace seccompagent {
namespace {

struct Look {
  Kept kept = Kept::unknown;
  int mount = -1;
};

// The handle of a file of an overlay, see ovl_fh of the kernel, has in it that of the file in one
// of the layers; and those of a tmpfs have other sizes than those of disks. Nobody can make that
// up.
[[nodiscard]] Look look_at(int file) {
  // Not in every libc's headers: AT_HANDLE_FID, of Linux 6.5.
  constexpr int kOnlyToCompare = 0x200;
  constexpr int kOfOverlays = 0xf8;
  constexpr std::size_t kFlags = 6;
  constexpr std::size_t kType = 7;
  constexpr std::size_t kUuid = 8;
  constexpr std::size_t kOfLayer = 24;
  constexpr unsigned kIsOfUpper = 4;
  // shmem_encode_fh of the kernel
  constexpr unsigned kTypeOfTmpfs = 1;
  constexpr std::size_t kSizeOfTmpfs = 12;
  alignas(file_handle) std::array<std::uint8_t, sizeof(file_handle) + MAX_HANDLE_SZ> buffer = {};
  auto* const handle = reinterpret_cast<file_handle*>(buffer.data());
  handle->handle_bytes = MAX_HANDLE_SZ;
  Look look;
  if (name_to_handle_at(file, "", handle, &look.mount, AT_EMPTY_PATH | kOnlyToCompare) == -1 ||
      handle->handle_type != kOfOverlays || handle->handle_bytes < kOfLayer) {
    return look;
  }
  const auto bytes = std::span(buffer).subspan(sizeof(file_handle), handle->handle_bytes);
  // with another one, there are file systems whose handles look the same
  const bool has_uuid = std::ranges::any_of(bytes.subspan(kUuid, kOfLayer - kUuid),
                                            [](std::uint8_t byte) { return byte != 0; });
  if ((bytes[kFlags] & kIsOfUpper) == 0) {
    look.kept = Kept::in_a_lower;
  } else if (bytes[kType] == kTypeOfTmpfs && bytes.size() == kOfLayer + kSizeOfTmpfs && has_uuid) {
    look.kept = Kept::in_memory;
  } else {
    look.kept = Kept::elsewhere;
  }
  return look;
}

// The first one above that the same mount shows of the upper layer; the root of an overlay is.
[[nodiscard]] Kept find_upper(int start, int mount) {
  constexpr int kMaxSteps = 64;
  UniqueFd opened;
  int at = start;
  for (int steps = kMaxSteps; steps > 0; --steps) {
    const Look look = look_at(at);
    if (look.mount != mount) break;
    if (look.kept != Kept::in_a_lower) return look.kept;
    UniqueFd above(openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!above.is_open()) break;
    opened = std::move(above);
    at = opened.get();
  }
  return Kept::in_a_lower;
}

// Where the kernel does not tell, as of overlays of user namespaces, all is in memory that may be:
// the figures of a directory are those of whichever layer it is in. Before Linux 6.6, a disk's file
// system has the number of its device.
[[nodiscard]] bool is_of_device(const struct statfs& system) {
  constexpr int kMinorBits = 8;
  const auto low = static_cast<std::uint32_t>(system.f_fsid.__val[0]);
  return !is_of_linux_6_6() && system.f_fsid.__val[1] == 0 && low >> kMinorBits != 0;
}

}  // namespace

bool is_of_linux_6_6() {
  static const bool is_since = [] {
    constexpr std::pair kFirst = {6, 6};
    utsname system = {};
    if (uname(&system) == -1) return false;
    std::pair version = {0, 0};
    const std::string_view release = system.release;
    const auto major = std::from_chars(release.begin(), release.end(), version.first);
    if (major.ptr == release.end() || *major.ptr != '.') return false;
    std::from_chars(major.ptr + 1, release.end(), version.second);
    return version >= kFirst;
  }();
  return is_since;
}

bool is_overlay(const struct statfs& system) { return magic_of(system) == OVERLAYFS_SUPER_MAGIC; }

bool may_be_in_memory(const struct statfs& system) {
  return is_overlay(system) && system.f_bavail == system.f_bfree;
}

Kept kept_of(int file) { return look_at(file).kept; }

bool is_of_upper(Kept kept) { return kept == Kept::in_memory || kept == Kept::elsewhere; }

bool is_upper_in_memory(const struct statfs& system, int file) {
  const Look look = look_at(file);
  if (look.kept == Kept::unknown) return !is_of_device(system);
  Kept kept = find_upper(file, look.mount);
  if (kept == Kept::in_a_lower) {
    // what is no directory has none above it
    const UniqueFd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (root.is_open()) kept = find_upper(root.get(), look.mount);
  }
  // where only a part of an overlay is to be seen, all of which is in lower layers yet
  return kept != Kept::elsewhere;
}

bool copies_into_memory(int directory, const struct statfs* system) {
  struct statfs asked = {};
  if (system == nullptr && fstatfs(directory, &asked) == -1) return false;
  const struct statfs& known = system == nullptr ? asked : *system;
  return may_be_in_memory(known) && is_upper_in_memory(known, directory);
}

bool is_copied_into_memory(int file, const struct statfs* system) {
  return copies_into_memory(file, system) && !is_of_upper(look_at(file).kept);
}

}  // namespace seccompagent
