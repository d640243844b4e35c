// SPDX-License-Identifier: Apache-2.0
// Requests of mount(2), in the terms of fsopen(2), fsconfig(2) and fsmount(2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernel/result.h"

namespace seccompagent {

struct MountOption {
  std::string key;
  // Absent for a flag such as `ro`.
  std::optional<std::string> value;
  friend bool operator==(const MountOption&, const MountOption&) = default;
};

struct MountRequest {
  std::string type;
  std::string target;
  std::vector<MountOption> options;
  // MOUNT_ATTR_* for fsmount(2).
  std::uint32_t attributes;
};

// Strings have lost their NULs; `source` and `data` may be absent.
struct MountArguments {
  std::optional<std::string> source;
  std::string target;
  std::string type;
  std::uint64_t flags;
  std::optional<std::string> data;
};

// EINVAL: the flags ask for something else than a new mount (bind, remount, move, propagation), or
// an option of proc is not known to name no path.
[[nodiscard]] Result<MountRequest> parse_mount(MountArguments arguments);

}  // namespace seccompagent
