// SPDX-License-Identifier: Apache-2.0
// The mounts of a mount namespace, as a text of mountinfo tells them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// Of what is kept of a text that is read for one mount.
inline constexpr std::size_t kMaxMountinfo = 1024UL * 1024;
// Of what is read for that, also again: whoever has a user namespace makes as many mounts as
// fs.mount-max says, each with a line of up to half a megabyte.
inline constexpr std::size_t kMaxReadMountinfo = 8UL * 1024 * 1024;

// All mounts of a mountinfo as of one moment, with all that `MountLine` has of them. The container
// may change its mounts while this is done, and the kernel gives a page of the text at a time: a
// proc of one page and the masks of another could be of different times. E2BIG: there are more than
// can be looked at. EAGAIN: they changed again and again meanwhile.
[[nodiscard]] Result<std::string> read_mountinfo(const UniqueFd& file);

// Its views are of the text.
struct MountLine {
  int id;
  int parent;
  std::string_view device;
  std::string root;
  std::string point;
  std::string_view mount_options;
  bool is_shared;
  std::string_view type;
  // Of proc and sysfs.
  std::string_view file_system_options;
};

// By id.
using Mounts = std::unordered_map<int, MountLine>;

// EINVAL: the text is none, or was cut.
[[nodiscard]] Result<Mounts> parse_mounts(std::string_view text);

// The value of `key=value`, an empty one for `key`.
[[nodiscard]] std::optional<std::string_view> option(std::string_view options,
                                                     std::string_view key);

// The visible mount at a mount point: of several mounts there, the last one. None also where it
// is not clear which that is.
[[nodiscard]] const MountLine* find_top(const Mounts& mounts, std::string_view point);

// All that is mounted below one, directly or not. Each has one parent, so none comes twice.
[[nodiscard]] std::vector<const MountLine*> find_below(const Mounts& mounts, const MountLine& top);

// Whether other mounts are on a mount's directory, or below it; the name of the directory is that
// of the same mount namespace and root as the text. EINVAL: the text is none, or was cut.
[[nodiscard]] Result<bool> has_mounts_below(std::string_view mountinfo, int id,
                                            std::string_view directory);

// Of a file system that has masks: proc or sysfs.
[[nodiscard]] bool is_hiding(const MountLine& mount);

// Whether that, or one that it is mounted on, is such a file system.
[[nodiscard]] bool lies_on_hiding(const Mounts& mounts, const MountLine& mount);

// Both without a slash at the end.
[[nodiscard]] bool is_at_or_below(std::string_view path, std::string_view top);

}  // namespace seccompagent
