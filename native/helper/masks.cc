// SPDX-License-Identifier: Apache-2.0
// Masks by mountinfo, see proc_pid_mountinfo(5), and their application to a tree of mounts.
#include "helper/masks.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace seccompagent {
namespace {

// In order, each place once: it is as hidden as the strongest says. What is below a hidden one
// can't be seen, and its path leads through what the container made.
void settle(std::vector<Mask>& masks) {
  std::ranges::sort(masks, [](const Mask& one, const Mask& other) {
    return one.path == other.path ? one.is_hidden > other.is_hidden : one.path < other.path;
  });
  const auto same = std::ranges::unique(masks, {}, &Mask::path);
  masks.erase(same.begin(), same.end());
  std::vector<Mask> kept;
  for (Mask& mask : masks) {
    const bool is_covered = std::ranges::any_of(kept, [&mask](const Mask& above) {
      return above.is_hidden && mask.path.size() > above.path.size() &&
             mask.path[above.path.size()] == '/' && mask.path.starts_with(above.path);
    });
    if (!is_covered) kept.push_back(std::move(mask));
  }
  masks = std::move(kept);
}

[[nodiscard]] Result<void> add_masks(Cover& cover, const Mounts& mounts, const MountLine& top) {
  const std::string folder = top.point == "/" ? top.point : top.point + '/';
  for (const MountLine* mount : find_below(mounts, top)) {
    // what was renamed while this was read is no text to rely on
    if (!mount->point.starts_with(folder)) return fail(EINVAL);
    std::string path = mount->point.substr(folder.size());
    const bool shows_itself =
        mount->type == top.type && mount->device == top.device && mount->root == '/' + path;
    if (shows_itself && !option(mount->mount_options, "ro")) continue;
    if (cover.masks.size() == kMaxMasks) return fail(E2BIG);
    cover.masks.push_back({std::move(path), !shows_itself});
  }
  settle(cover.masks);
  return {};
}

constexpr std::string_view kHidepid = "hidepid";
constexpr std::string_view kGroup = "gid";
constexpr int kUnknownHidepid = -1;

// proc(5) has names for these numbers since Linux 5.8; a higher one hides more.
[[nodiscard]] int parse_hidepid(std::string_view value) {
  constexpr auto kNames = std::to_array<std::pair<std::string_view, int>>({{"off", 0},
                                                                           {"0", 0},
                                                                           {"noaccess", 1},
                                                                           {"1", 1},
                                                                           {"invisible", 2},
                                                                           {"2", 2},
                                                                           {"ptraceable", 4},
                                                                           {"4", 4}});
  const auto* found = std::ranges::find(kNames, value, &std::pair<std::string_view, int>::first);
  return found == kNames.end() ? kUnknownHidepid : found->second;
}

[[nodiscard]] Result<Cover> cover_of(const Mounts& mounts, const MountLine& top) {
  Cover cover;
  cover.is_whole = true;
  cover.is_read_only = option(top.mount_options, "ro") || option(top.file_system_options, "ro");
  cover.has_processes_only = option(top.file_system_options, "subset").has_value();
  if (const auto hidepid = option(top.file_system_options, kHidepid)) {
    cover.hidepid = parse_hidepid(*hidepid);
    // how much is hidden by what is not known here
    if (cover.hidepid == kUnknownHidepid) return fail(EINVAL);
  }
  if (const auto group = option(top.file_system_options, kGroup)) cover.hidepid_group = *group;
  if (const auto added = add_masks(cover, mounts, top); !added)
    return std::unexpected(added.error());
  return cover;
}

[[nodiscard]] Result<Cover> find_cover(const Mounts& mounts, std::string_view type,
                                       std::string_view point) {
  const MountLine* top = find_top(mounts, point);
  const bool is_whole = top != nullptr && top->type == type && top->root == "/";
  // none has a name, for compilers that take a nameless one for one that was not made
  const Cover none = {};
  return is_whole ? cover_of(mounts, *top) : none;
}

// Another kernel, another namespace or another mask: there is nothing that could be seen.
[[nodiscard]] bool is_missing(int error) { return error == ENOENT || error == ENOTDIR; }

[[nodiscard]] int bind_to(const char* source, const char* path) {
  return mount(source, path, nullptr, MS_BIND, nullptr) == -1 ? errno : 0;
}

[[nodiscard]] Result<void> make_read_only(const char* path) {
  const int error = bind_to(path, path);
  if (is_missing(error)) return {};
  if (error != 0) return fail(error);
  mount_attr read_only = {};
  read_only.attr_set = MOUNT_ATTR_RDONLY;
  if (syscall(SYS_mount_setattr, AT_FDCWD, path, 0, &read_only, sizeof read_only) == -1)
    return fail_errno();
  return {};
}

[[nodiscard]] Result<void> hide(const char* path, const MaskSources& sources) {
  int error = bind_to(sources.file, path);
  // a file goes over files only
  if (error == ENOTDIR) error = bind_to(sources.directory, path);
  if (error != 0 && !is_missing(error)) return fail(error);
  return {};
}

}  // namespace

Result<Masks> find_masks(std::string_view mountinfo) {
  const auto mounts = parse_mounts(mountinfo);
  return mounts ? find_masks(*mounts) : std::unexpected(mounts.error());
}

Result<Masks> find_masks(const Mounts& mounts) {
  auto proc = find_cover(mounts, "proc", "/proc");
  if (!proc) return std::unexpected(proc.error());
  auto sysfs = find_cover(mounts, "sysfs", "/sys");
  if (!sysfs) return std::unexpected(sysfs.error());
  return Masks{std::move(*proc), std::move(*sysfs)};
}

Result<Standing> find_standing(std::string_view mountinfo, int id) {
  const auto mounts = parse_mounts(mountinfo);
  if (!mounts) return std::unexpected(mounts.error());
  const auto found = mounts->find(id);
  if (found == mounts->end()) return Standing{};
  const MountLine& mount = found->second;
  return Standing{
      .is_listed = true,
      .may_hide = lies_on_hiding(*mounts, mount),
      .may_hide_below = std::ranges::any_of(
          find_below(*mounts, mount), [](const MountLine* below) { return is_hiding(*below); }),
      .is_shared = mount.is_shared};
}

Cover stricter(const Cover& one, const Cover& other) {
  Cover all = one.hidepid > other.hidepid ? one : other;
  // members of the group see all
  if (one.hidepid == other.hidepid && one.hidepid_group != other.hidepid_group)
    all.hidepid_group.reset();
  all.is_whole = one.is_whole && other.is_whole;
  all.is_read_only = one.is_read_only || other.is_read_only;
  all.has_processes_only = one.has_processes_only || other.has_processes_only;
  all.masks = one.masks;
  all.masks.insert(all.masks.end(), other.masks.begin(), other.masks.end());
  settle(all.masks);
  return all;
}

Masks stricter(const Masks& one, const Masks& other) {
  if (one == other) return one;
  return {stricter(one.proc, other.proc), stricter(one.sysfs, other.sysfs)};
}

bool shows_processes_only(const Cover& cover) {
  return !cover.is_whole || cover.has_processes_only;
}

namespace {

// By something on its own root: nothing of it can be seen there.
[[nodiscard]] bool is_covered(const Mounts& mounts, const MountLine& mount) {
  return std::ranges::any_of(mounts, [&mount](const auto& other) {
    return other.second.parent == mount.id && other.second.id != mount.id &&
           other.second.point == mount.point;
  });
}

}  // namespace

Result<Cover> cover_in_all(std::string_view mountinfo, std::string_view type) {
  const auto mounts = parse_mounts(mountinfo);
  if (!mounts) return std::unexpected(mounts.error());
  constexpr Cover kNone = {.is_whole = true};
  Cover all;
  for (const auto& [id, mount] : *mounts) {
    if (mount.type != type || mount.root != "/" || is_covered(*mounts, mount)) continue;
    auto cover = cover_of(*mounts, mount);
    if (!cover || *cover == kNone) return cover;
    all = all.is_whole ? stricter(all, *cover) : std::move(*cover);
  }
  return all;
}

std::vector<Mask> masks_of_new_proc(const Cover& cover) {
  // each network and each user namespace has files of its own in here
  constexpr auto kOwn = std::to_array<std::string_view>({"sys/net", "sys/user"});
  std::vector<Mask> masks = cover.masks;
  for (Mask& mask : masks) {
    const auto* own = std::ranges::find_if(
        kOwn, [&mask](std::string_view folder) { return is_at_or_below(mask.path, folder); });
    if (own != kOwn.end()) mask.path = *own;
  }
  // of all kernels; covered empty directories do not count
  if (shows_processes_only(cover)) masks.push_back({"version", true});
  settle(masks);
  return masks;
}

void narrow_proc_options(std::vector<MountOption>& options, const Cover& cover) {
  if (shows_processes_only(cover)) options.push_back({"subset", "pid"});
  if (cover.hidepid == 0) return;
  int strongest = cover.hidepid;
  // a value that is not known here stays, and the kernel refuses it
  std::erase_if(options, [&strongest](const MountOption& wanted) {
    if (wanted.key == kGroup) return true;
    const int level =
        wanted.key == kHidepid && wanted.value ? parse_hidepid(*wanted.value) : kUnknownHidepid;
    strongest = std::max(strongest, level);
    return level != kUnknownHidepid;
  });
  options.push_back({std::string(kHidepid), std::to_string(strongest)});
  if (cover.hidepid_group) options.push_back({std::string(kGroup), cover.hidepid_group});
}

// By paths, which takes half the time of doing it by descriptors. All that is on their ways are
// directories of the new file system: in the proc that they were found in, they had to be.
Result<void> put_masks(int root, const std::vector<Mask>& masks, const MaskSources& sources) {
  // whatever is missing later is missing in the new file system
  for (const char* source : {sources.file, sources.directory}) {
    struct stat found = {};
    if (stat(source, &found) == -1) return fail_errno();
  }
  if (fchdir(root) == -1) return fail_errno();
  for (const auto& [path, is_hidden] : masks) {
    const auto put = is_hidden ? hide(path.c_str(), sources) : make_read_only(path.c_str());
    if (!put) return put;
  }
  return {};
}

}  // namespace seccompagent
