// SPDX-License-Identifier: Apache-2.0
#include "acting/lending.h"

#include <linux/capability.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace seccompagent {
namespace {

struct Device {
  std::uint32_t major;
  std::uint32_t minor;
  friend bool operator==(const Device&, const Device&) = default;
};

// All that these let somebody do they let everybody, or the opening is checked again: by the
// container's device cgroup, and of net/tun by its network namespace.
constexpr std::array kHarmless = {
    Device{1, 3},     // null
    Device{1, 5},     // zero
    Device{1, 7},     // full
    Device{1, 8},     // random
    Device{1, 9},     // urandom
    Device{5, 0},     // tty
    Device{5, 1},     // console, see is_lent_to_owner
    Device{10, 200},  // net/tun
    Device{10, 229},  // fuse
};

constexpr std::string_view kTrusted = "trusted.";
constexpr std::string_view kOverlay = "trusted.overlay.";

[[nodiscard]] bool is_harmless(const FileRequest& request) {
  return S_ISCHR(request.mode) &&
         std::ranges::find(kHarmless, Device{request.first, request.second}) != kHarmless.end();
}

[[nodiscard]] bool is_of_overlay(std::string_view name) {
  return name.starts_with(kOverlay) && name.size() > kOverlay.size();
}

}  // namespace

Result<std::uint64_t> lent_capability(const FileRequest& request) {
  switch (request.operation) {
    case FileOperation::mknod:
      if (is_harmless(request)) return 1ULL << CAP_MKNOD;
      break;
    case FileOperation::get_xattr:
    case FileOperation::set_xattr:
    case FileOperation::remove_xattr:
      if (is_of_overlay(request.name)) return 1ULL << CAP_SYS_ADMIN;
      break;
    case FileOperation::list_xattr:
      return 1ULL << CAP_SYS_ADMIN;
    // of a folder that a policy names, whether or not the caller may look there
    case FileOperation::locate_file:
      return 1ULL << CAP_DAC_READ_SEARCH;
    default:
      break;
  }
  return fail(EPERM);
}

bool is_lent_to_owner(const FileRequest& request) {
  constexpr Device kConsole = {5, 1};
  return request.operation != FileOperation::mknod || request.owner == 0 ||
         Device{request.first, request.second} != kConsole;
}

std::string shown_names(const std::string& names) {
  std::string shown;
  std::string_view rest = names;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\0'), rest.size() - 1) + 1;
    const std::string_view name = rest.substr(0, end);
    if (!name.starts_with(kTrusted) || name.starts_with(kOverlay)) shown += name;
    rest.remove_prefix(end);
  }
  return shown;
}

}  // namespace seccompagent
