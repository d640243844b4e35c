// SPDX-License-Identifier: Apache-2.0
// Reads masks from mountinfo, see proc_pid_mountinfo(5), and puts them onto a tree of mounts.
#include "masks.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_map>
#include <utility>

namespace seccompagent {
namespace {

struct MountLine {
  int id;
  int parent;
  std::string_view device;
  std::string root;
  std::string point;
  std::string_view mount_options;
  bool is_shared;
  std::string_view type;
  std::string_view file_system_options;
};

// By id.
using Mounts = std::unordered_map<int, MountLine>;

[[nodiscard]] std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t at = rest.find(separator);
  const std::string_view taken = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
  return taken;
}

[[nodiscard]] bool parse_number(std::string_view text, int base, int& number) {
  const auto [stop, error] = std::from_chars(text.begin(), text.end(), number, base);
  return error == std::errc() && stop == text.end();
}

// Blanks, newlines and backslashes come as a backslash and three octal digits.
[[nodiscard]] std::string unescaped(std::string_view text) {
  constexpr std::size_t kDigits = 3;
  std::string plain;
  while (!text.empty()) {
    int byte = 0;
    if (text.front() == '\\' && text.size() > kDigits &&
        parse_number(text.substr(1, kDigits), 8, byte)) {
      plain += static_cast<char>(byte);
      text.remove_prefix(kDigits + 1);
    } else {
      plain += text.front();
      text.remove_prefix(1);
    }
  }
  return plain;
}

[[nodiscard]] Result<MountLine> parse_line(std::string_view line) {
  MountLine mount = {};
  if (!parse_number(take_until(line, ' '), 10, mount.id) ||
      !parse_number(take_until(line, ' '), 10, mount.parent)) {
    return fail(EINVAL);
  }
  mount.device = take_until(line, ' ');
  mount.root = unescaped(take_until(line, ' '));
  mount.point = unescaped(take_until(line, ' '));
  mount.mount_options = take_until(line, ' ');
  // any number of optional fields, such as shared:1
  std::string_view field;
  do {
    if (line.empty()) return fail(EINVAL);
    field = take_until(line, ' ');
    mount.is_shared = mount.is_shared || field.starts_with("shared:");
  } while (field != "-");
  mount.type = take_until(line, ' ');
  (void)take_until(line, ' ');
  mount.file_system_options = line;
  if (!mount.point.starts_with('/') || mount.type.empty() || line.empty()) return fail(EINVAL);
  return mount;
}

[[nodiscard]] Result<Mounts> parse_lines(std::string_view text) {
  // a text that was cut may lack the mask that matters
  if (!text.ends_with('\n')) return fail(EINVAL);
  Mounts mounts;
  while (!text.empty()) {
    auto mount = parse_line(take_until(text, '\n'));
    if (!mount) return std::unexpected(mount.error());
    const int id = mount->id;
    mounts.emplace(id, std::move(*mount));
  }
  return mounts;
}

// The value of `key=value`, an empty one for `key`.
[[nodiscard]] std::optional<std::string_view> option(std::string_view options,
                                                     std::string_view key) {
  while (!options.empty()) {
    std::string_view value = take_until(options, ',');
    if (take_until(value, '=') == key) return value;
  }
  return std::nullopt;
}

// What is to be seen at a mount point: of several mounts there, the last one. None also where it
// is not clear which that is.
[[nodiscard]] const MountLine* find_top(const Mounts& mounts, std::string_view point) {
  const MountLine* bottom = nullptr;
  std::unordered_map<int, const MountLine*> above;
  for (const auto& [id, mount] : mounts) {
    if (mount.point != point) continue;
    const auto parent = mounts.find(mount.parent);
    if (parent != mounts.end() && parent->second.point == point) {
      if (!above.emplace(mount.parent, &mount).second) return nullptr;
    } else if (std::exchange(bottom, &mount) != nullptr) {
      return nullptr;
    }
  }
  const MountLine* top = bottom;
  while (top != nullptr && above.contains(top->id)) top = above[top->id];
  return top;
}

// All that is mounted below one, directly or not. Each has one parent, so none comes twice.
[[nodiscard]] std::vector<const MountLine*> find_below(const Mounts& mounts, const MountLine& top) {
  std::unordered_multimap<int, const MountLine*> children;
  for (const auto& [id, mount] : mounts) {
    if (id != top.id) children.emplace(mount.parent, &mount);
  }
  std::vector<const MountLine*> below = {&top};
  for (std::size_t at = 0; at < below.size(); ++at) {
    const auto [first, last] = children.equal_range(below[at]->id);
    for (auto child = first; child != last; ++child) below.push_back(child->second);
  }
  below.erase(below.begin());
  return below;
}

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
    if (cover.masks.size() == kMostMasks) return fail(E2BIG);
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

// poll(2) tells whether anything was mounted, moved or taken away since it was asked last, or the
// file was opened, see proc_pid_mountinfo(5).
[[nodiscard]] bool has_changed(const UniqueFd& mountinfo) {
  pollfd change = {.fd = mountinfo.get(), .events = POLLPRI, .revents = 0};
  return retry_eintr([&] { return poll(&change, 1, 0); }) != 0;
}

[[nodiscard]] Result<std::string> read_once(const UniqueFd& file) {
  std::string text;
  char chunk[16384];
  if (lseek(file.get(), 0, SEEK_SET) == -1) return fail_errno();
  for (;;) {
    const ssize_t got = retry_eintr([&] { return read(file.get(), chunk, sizeof chunk); });
    if (got == -1) return fail_errno();
    if (got == 0) return text;
    text.append(chunk, static_cast<std::size_t>(got));
    if (text.size() > kMostMountinfo) return fail(E2BIG);
  }
}

}  // namespace

Result<std::string> read_mountinfo(const UniqueFd& file) {
  constexpr int kTries = 5;
  for (int tries = kTries; tries > 0; --tries) {
    auto text = read_once(file);
    if (!text || !has_changed(file)) return text;
  }
  return fail(EAGAIN);
}

Result<Masks> find_masks(std::string_view mountinfo) {
  const auto mounts = parse_lines(mountinfo);
  if (!mounts) return std::unexpected(mounts.error());
  auto proc = find_cover(*mounts, "proc", "/proc");
  if (!proc) return std::unexpected(proc.error());
  auto sysfs = find_cover(*mounts, "sysfs", "/sys");
  if (!sysfs) return std::unexpected(sysfs.error());
  return Masks{std::move(*proc), std::move(*sysfs)};
}

namespace {

[[nodiscard]] bool is_hiding(const MountLine& mount) {
  return mount.type == "proc" || mount.type == "sysfs";
}

[[nodiscard]] bool lies_on_hiding(const Mounts& mounts, const MountLine& mount) {
  const MountLine* at = &mount;
  // no way up is longer than there are mounts
  for (std::size_t step = 0; step < mounts.size(); ++step) {
    if (is_hiding(*at)) return true;
    const auto above = mounts.find(at->parent);
    // only what is the root of all has none above it
    if (above == mounts.end()) return at->point != "/";
    at = &above->second;
  }
  return false;
}

}  // namespace

Result<Standing> find_standing(std::string_view mountinfo, int id) {
  const auto mounts = parse_lines(mountinfo);
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

Result<std::string> find_point(std::string_view mountinfo, int id) {
  const auto mounts = parse_lines(mountinfo);
  if (!mounts) return std::unexpected(mounts.error());
  const auto found = mounts->find(id);
  return found == mounts->end() ? Result<std::string>(fail(ENOENT)) : found->second.point;
}

namespace {

// Without the slashes at its end, so that the root is empty.
[[nodiscard]] std::string_view trimmed(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

[[nodiscard]] bool is_at_or_below(std::string_view path, std::string_view top) {
  return path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/');
}

}  // namespace

bool concerns_any(std::string_view place, std::string_view paths) {
  const std::string_view here = trimmed(place);
  while (!paths.empty()) {
    const std::size_t end = std::min(paths.find('\0'), paths.size());
    const std::string_view path = trimmed(paths.substr(0, end));
    if (is_at_or_below(here, path) || is_at_or_below(path, here)) return true;
    paths.remove_prefix(std::min(end + 1, paths.size()));
  }
  return false;
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
  const auto mounts = parse_lines(mountinfo);
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
