// SPDX-License-Identifier: Apache-2.0
// The translation of the flags and the data of mount(2) to the new mount interface.
#include "helper/mount_request.h"

#include <linux/mount.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <utility>

namespace seccompagent {
namespace {

struct FlagOption {
  std::uint64_t flag;
  const char* option;
};

// Flags of the file system itself.
constexpr std::array kSuperblockFlags = {
    FlagOption{MS_RDONLY, "ro"}, FlagOption{MS_SYNCHRONOUS, "sync"},
    FlagOption{MS_MANDLOCK, "mand"}, FlagOption{MS_DIRSYNC, "dirsync"},
    FlagOption{MS_LAZYTIME, "lazytime"}};

struct FlagAttribute {
  std::uint64_t flag;
  std::uint32_t attribute;
};

// Flags of the one mount.
constexpr std::array kMountFlags = {FlagAttribute{MS_RDONLY, MOUNT_ATTR_RDONLY},
                                    FlagAttribute{MS_NOSUID, MOUNT_ATTR_NOSUID},
                                    FlagAttribute{MS_NODEV, MOUNT_ATTR_NODEV},
                                    FlagAttribute{MS_NOEXEC, MOUNT_ATTR_NOEXEC},
                                    FlagAttribute{MS_NODIRATIME, MOUNT_ATTR_NODIRATIME},
                                    FlagAttribute{MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW}};

constexpr std::uint64_t kNotANewMount =
    MS_REMOUNT | MS_BIND | MS_MOVE | MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE | MS_NOUSER;

// The magic number that programs of Linux 2.2 put into the upper half still means nothing.
constexpr std::uint64_t kMagicMask = 0xffff0000;
constexpr std::uint64_t kMagic = 0xc0ed0000;

// proc is made before its maker is inside the container, where a path in an option would be the
// host's: `pidns=/proc/1/ns/pid` names the host's processes. Known options only.
constexpr auto kProcOptions =
    std::to_array<std::string_view>({"async", "dirsync", "gid", "hidepid", "lazytime", "mand",
                                     "nolazytime", "nomand", "ro", "rw", "subset", "sync"});

[[nodiscard]] bool is_allowed(const std::string& type, std::string_view key) {
  return type != "proc" || std::ranges::find(kProcOptions, key) != kProcOptions.end();
}

// The longest value that fsconfig(2) takes; mount(2) takes longer ones.
constexpr std::size_t kMaxValue = 255;

// The next layer of a list, without the backslashes before its colons.
[[nodiscard]] std::string take_layer(std::string_view& list) {
  std::string layer;
  std::size_t at = 0;
  for (; at < list.size() && list[at] != ':'; ++at) {
    if (list[at] == '\\' && at + 1 < list.size()) ++at;
    layer += list[at];
  }
  list.remove_prefix(at);
  return layer;
}

// The layers one by one, of a list that is too long for one value; those behind two colons hold
// data only. An empty one is the kernel's to refuse, so that such a list stays as it is.
[[nodiscard]] std::vector<MountOption> split_layers(std::string_view list) {
  const MountOption whole = {"lowerdir", std::string(list)};
  std::vector<MountOption> layers;
  bool has_data_only = false;
  for (;;) {
    std::string layer = take_layer(list);
    if (layer.empty()) return {whole};
    layers.push_back({has_data_only ? "datadir+" : "lowerdir+", std::move(layer)});
    if (list.empty()) return layers;
    has_data_only = list.starts_with("::");
    list.remove_prefix(has_data_only ? 2 : 1);
  }
}

void add_value(MountRequest& request, std::string_view key, std::string_view value) {
  const bool are_layers = request.type == "overlay" && key == "lowerdir";
  if (are_layers && value.size() > kMaxValue) {
    std::ranges::move(split_layers(value), std::back_inserter(request.options));
  } else {
    request.options.push_back({std::string(key), std::string(value)});
  }
}

// End of an option: at a comma, which options of an overlay may have, too, behind a backslash.
[[nodiscard]] std::size_t end_of_option(const std::string& type, std::string_view data) {
  for (std::size_t at = 0; at < data.size(); ++at) {
    if (data[at] == ',') return at;
    if (data[at] == '\\' && type == "overlay") ++at;
  }
  return std::string_view::npos;
}

std::uint32_t attributes_of(std::uint64_t flags) {
  std::uint32_t attributes = 0;
  for (const auto& [flag, attribute] : kMountFlags) {
    if ((flags & flag) != 0) attributes |= attribute;
  }
  // of the three, mount(2) lets noatime lose to strictatime; relatime is what is left
  if ((flags & MS_STRICTATIME) != 0) return attributes | MOUNT_ATTR_STRICTATIME;
  if ((flags & MS_NOATIME) != 0) return attributes | MOUNT_ATTR_NOATIME;
  return attributes | MOUNT_ATTR_RELATIME;
}

}  // namespace

Result<MountRequest> parse_mount(MountArguments arguments) {
  std::uint64_t flags = arguments.flags;
  if ((flags & kMagicMask) == kMagic) flags &= ~kMagicMask;
  if ((flags & kNotANewMount) != 0) return fail(EINVAL);

  MountRequest request = {.type = std::move(arguments.type),
                          .target = std::move(arguments.target),
                          .options = {},
                          .attributes = attributes_of(flags)};
  if (arguments.source) request.options.push_back({"source", std::move(arguments.source)});
  for (const auto& [flag, option] : kSuperblockFlags) {
    if ((flags & flag) != 0) request.options.push_back({option, std::nullopt});
  }
  std::string_view rest = arguments.data ? std::string_view(*arguments.data) : std::string_view();
  while (!rest.empty()) {
    const std::size_t comma = end_of_option(request.type, rest);
    const std::string_view item = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    if (item.empty()) continue;
    const std::size_t equals = item.find('=');
    // as the kernel has it: nothing before the sign is no option
    if (equals == 0) continue;
    if (!is_allowed(request.type, item.substr(0, equals))) return fail(EINVAL);
    if (equals == std::string_view::npos) {
      request.options.push_back({std::string(item), std::nullopt});
    } else {
      add_value(request, item.substr(0, equals), item.substr(equals + 1));
    }
  }
  return request;
}

}  // namespace seccompagent
