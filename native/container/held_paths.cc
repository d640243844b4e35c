// SPDX-License-Identifier: Apache-2.0
#include "container/held_paths.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <map>
#include <utility>

#include "kernel/clock.h"
#include "kernel/own_processes.h"
#include "kernel/process_files.h"
#include "kernel/raw_syscall.h"
#include "process/child_starter.h"
#include "process/ending_children.h"

namespace seccompagent {
namespace {

// One path, and what a child finds there.
struct Look {
  const char* path;
  long error = -EINTR;
  struct statx found = {};
  std::array<char, PATH_MAX> name = {};
  long name_length = 0;
};

// Memory of the child: it may outlive the attempt, so it owns all of it. Its first descriptors are
// the container's root and our own procfs.
struct Looking {
  static constexpr long kRoot = ChildStarter::kFirstGiven;
  static constexpr long kProcesses = kRoot + 1;
  static constexpr std::size_t kMaxRest = 2UL * PATH_MAX;

  ChildStack stack;
  std::vector<std::string> paths;
  std::vector<Look> looks;
  // Of the root.
  std::uint64_t root_mount = 0;
  // The rest of the walked path is at the end, and begins at `at`.
  std::array<char, kMaxRest> rest = {};
  std::size_t at = 0;
  std::array<char, NAME_MAX + 1> component = {};
  std::array<char, PATH_MAX> link = {};

  // Puts a text before what is left.
  SECCOMPAGENT_CHILD_CODE bool put(const char* text, std::size_t length) {
    if (at < length) return false;
    at -= length;
    for (std::size_t index = 0; index < length; ++index) rest.data()[at + index] = text[index];
    return true;
  }

  // False: it is too long.
  SECCOMPAGENT_CHILD_CODE bool begin(const char* path) {
    std::size_t length = 0;
    while (path[length] != 0) ++length;
    at = kMaxRest;
    // with the NUL at its end
    return length < PATH_MAX && put(path, length + 1);
  }

  // Takes the next name off; 0: there is none. ENAMETOOLONG, negated.
  SECCOMPAGENT_CHILD_CODE long take_component() {
    while (rest.data()[at] == '/') ++at;
    long length = 0;
    for (; rest.data()[at] != 0 && rest.data()[at] != '/'; ++at) {
      if (length == NAME_MAX) return -ENAMETOOLONG;
      component.data()[length++] = rest.data()[at];
    }
    component.data()[length] = 0;
    return length;
  }

  static SECCOMPAGENT_CHILD_CODE long ask(long fd, struct statx& found) {
    return raw_syscall(SYS_statx, fd, raw_pointer(""), AT_EMPTY_PATH, STATX_TYPE | STATX_MNT_ID,
                       raw_pointer(&found));
  }

  // Of a symbolic link, in whose place its text is; 0, or a negated errno. Those on the container's
  // root are its image's, and nobody of it runs yet. Others may be on a volume that a running
  // container has, too, which may exchange them just now.
  SECCOMPAGENT_CHILD_CODE long follow(long fd, const struct statx& found) {
    if (found.stx_mnt_id != root_mount) return -ELOOP;
    const long length =
        raw_syscall(SYS_readlinkat, fd, raw_pointer(""), raw_pointer(link.data()), PATH_MAX);
    if (length < 0) return length;
    if (length == PATH_MAX || !put(link.data(), static_cast<std::size_t>(length)))
      return -ENAMETOOLONG;
    return 0;
  }

  // As openat2(2) would in the root, name by name. A descriptor, or a negated errno.
  SECCOMPAGENT_CHILD_CODE long walk() {
    constexpr int kMaxLinks = 40;
    int links = 0;
    long here = raw_syscall(SYS_fcntl, kRoot, F_DUPFD_CLOEXEC, 0);
    while (here >= 0) {
      const long length = take_component();
      if (length == 0) return here;
      open_how how = {
          .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_NO_MAGICLINKS};
      const long next = length < 0 ? length
                                   : raw_syscall(SYS_openat2, here, raw_pointer(component.data()),
                                                 raw_pointer(&how), sizeof how);
      struct statx found = {};
      long error = next < 0 ? next : ask(next, found);
      const bool is_link = error == 0 && (found.stx_mode & S_IFMT) == S_IFLNK;
      if (is_link) error = ++links > kMaxLinks ? -ELOOP : follow(next, found);
      // a link is relative to where it is
      long kept = is_link ? here : next;
      if (error == 0 && is_link && rest.data()[at] == '/')
        kept = raw_syscall(SYS_fcntl, kRoot, F_DUPFD_CLOEXEC, 0);
      if (error != 0) kept = error;
      if (kept != here) raw_syscall(SYS_close, here);
      if (next >= 0 && kept != next) raw_syscall(SYS_close, next);
      here = kept;
    }
    return here;
  }

  SECCOMPAGENT_CHILD_CODE void look(Look& look) {
    const long fd = begin(look.path) ? walk() : -ENAMETOOLONG;
    constexpr long kOneDigit = 9;
    look.error = fd < 0 ? fd : fd > kOneDigit ? -EMFILE : ask(fd, look.found);
    if (fd < 0) return;
    char entry[] = "self/fd/0";
    entry[sizeof entry - 2] = static_cast<char>('0' + fd);
    const char* const shown = entry;
    look.name_length = raw_syscall(SYS_readlinkat, kProcesses, raw_pointer(shown),
                                   raw_pointer(look.name.data()), PATH_MAX);
    if (look.error == 0 && look.name_length < 0) look.error = look.name_length;
    raw_syscall(SYS_close, fd);
  }

  static SECCOMPAGENT_CHILD_CODE int child_main(void* argument) {
    auto& looking = *static_cast<Looking*>(argument);
    struct statx root = {};
    long error = raw_syscall(SYS_fchdir, kRoot);
    // no ".." leads out of it
    if (error == 0) error = raw_syscall(SYS_chroot, raw_pointer("."));
    if (error == 0) error = ask(kRoot, root);
    looking.root_mount = root.stx_mnt_id;
    const std::size_t count = looking.looks.size();
    for (std::size_t at = 0; at < count; ++at) {
      Look& one = looking.looks.data()[at];
      if (error == 0)
        looking.look(one);
      else
        one.error = error;
    }
    return 0;
  }
};

[[nodiscard]] Result<std::vector<Look>> look_at(const UniqueFd& root,
                                                const std::vector<std::string>& paths,
                                                Payer payer) {
  if (paths.empty()) return std::vector<Look>();
  constexpr Patience kPatience = {.max = kSecond};
  if (!EndingChildren::of_process().await_room(payer, kPatience)) return fail(EBUSY);
  auto stack = ChildStack::make();
  if (!stack) return std::unexpected(stack.error());
  auto looking = std::make_unique<Looking>(std::move(*stack), paths);
  for (const std::string& path : looking->paths) looking->looks.push_back({.path = path.c_str()});
  const std::array given = {root.get(), own_processes()};
  auto child = ChildStarter::of_process().start_child(looking->stack, Looking::child_main,
                                                      looking.get(), given);
  if (!child) return std::unexpected(child.error());
  const auto ended = await_or_leave(std::move(*child), kPatience, payer, looking);
  if (!ended) return std::unexpected(ended.error());
  return std::move(looking->looks);
}

// Whether a process has executed nothing since it was forked, see proc_pid_stat(5): a runtime's
// own one that sets the container up. Whatever is executed there ends that for good.
[[nodiscard]] bool is_of_runtime(const UniqueFd& pidfd) {
  constexpr unsigned kForkedOnly = 0x40;  // PF_FORKNOEXEC of the kernel
  constexpr int kFlagsBehindName = 7;
  const auto stat = read_of_process(pidfd, "stat");
  const std::size_t name_end = stat ? stat->rfind(')') : std::string::npos;
  if (name_end == std::string::npos) return false;
  std::string_view rest = std::string_view(*stat).substr(name_end + 1);
  for (int field = 0; field < kFlagsBehindName; ++field)
    rest.remove_prefix(std::min(rest.find(' ') + 1, rest.size()));
  unsigned flags = 0;
  return std::from_chars(rest.begin(), rest.end(), flags).ec == std::errc() &&
         (flags & kForkedOnly) != 0;
}

[[nodiscard]] std::size_t bytes_of(const HeldPlace& place) {
  return sizeof place + place.below.size();
}

[[nodiscard]] std::size_t bytes_of(std::span<const HeldPlace> places) {
  std::size_t bytes = 0;
  for (const HeldPlace& place : places) bytes += bytes_of(place);
  return bytes;
}

// What was found, without the slash of the root.
[[nodiscard]] std::string_view name_of(const Look& look) {
  const auto length = static_cast<std::size_t>(std::max(look.name_length, 0L));
  const std::string_view name(look.name.data(), length);
  return name == "/" ? std::string_view() : name;
}

// The place itself, and all that is mounted there. EXDEV: it is not called as its mount is. EINVAL:
// nothing is mounted there, so that nothing would be spared: the settings mean another place, or
// whoever else has the volume has exchanged it. E2BIG: that is more than there is room for.
[[nodiscard]] Result<std::vector<HeldPlace>> places_of(const Look& look, const Mounts& mounts,
                                                       std::size_t room) {
  if (look.error != 0) return fail(static_cast<int>(-look.error));
  const std::string_view name = name_of(look);
  const auto mount = mounts.find(static_cast<int>(look.found.stx_mnt_id));
  if (mount == mounts.end()) return fail(EXDEV);
  std::string_view point = mount->second.point;
  if (point == "/") point = {};
  if (!is_at_or_below(name, point)) return fail(EXDEV);
  const std::string_view below = name.substr(std::min(point.size() + 1, name.size()));
  std::vector<HeldPlace> places = {{mount->first, std::string(below)}};
  std::size_t bytes = name.size() + bytes_of(places.front());
  for (const auto& [id, other] : mounts) {
    if (!is_at_or_below(other.point, name) || id == mount->first) continue;
    places.push_back({id, {}});
    bytes += bytes_of(places.back());
    if (bytes > room) return fail(E2BIG);
  }
  if (!below.empty() && places.size() == 1) return fail(EINVAL);
  if (bytes > room) return fail(E2BIG);
  places.shrink_to_fit();
  return places;
}

}  // namespace

Result<std::string> mountinfo_of(const UniqueFd& pidfd) {
  constexpr int kLooks = 10;
  for (int looks = kLooks; looks > 0; --looks) {
    const auto file = open_of_process(pidfd, "mountinfo");
    if (!file) return std::unexpected(file.error());
    auto text = read_mountinfo(*file);
    // empty: it is in the middle of unshare(2)
    if (text ? !text->empty() : text.error() != Errno{EAGAIN}) return text;
    pause_for(kMillisecond);
  }
  return fail(EAGAIN);
}

std::vector<std::string> split_paths(std::string_view paths) {
  std::vector<std::string> all;
  while (!paths.empty()) {
    const std::size_t end = std::min(paths.find('\0'), paths.size());
    all.emplace_back(paths.substr(0, end));
    paths.remove_prefix(std::min(end + 1, paths.size()));
  }
  return all;
}

void HeldPaths::note_mounts(const Mounts& mounts) {
  // they go with each unmount, in one message with all else
  constexpr std::size_t kMostFirst = 8192;
  for (const auto& [id, mount] : mounts) {
    if (is_hiding(mount)) hiding_.push_back(id);
  }
  hiding_.shrink_to_fit();
  if (const MountLine* top = find_top(mounts, "/"); top != nullptr) root_ = top->id;
  if (mounts.size() > kMostFirst) return;
  FirstMounts first = {.root = root_};
  first.ids.reserve(mounts.size());
  for (const auto& [id, mount] : mounts) first.ids.push_back(id);
  std::ranges::sort(first.ids);
  first_ = std::make_shared<const FirstMounts>(std::move(first));
}

std::shared_ptr<const HeldPaths> HeldPaths::of_mounts(const Mounts& mounts) {
  auto made = std::make_shared<HeldPaths>();
  made->unasked_ = ESTALE;
  made->note_mounts(mounts);
  return made;
}

std::shared_ptr<const HeldPaths> HeldPaths::find(pid_t pid, const UniqueFd& pidfd,
                                                 const std::vector<std::string>& paths,
                                                 Payer payer) {
  auto made = std::make_shared<HeldPaths>();
  made->unasked_ = ESTALE;
  const auto fill = [&](int error) {
    for (const std::string& path : paths) made->held_.emplace(path, Held{.error = error});
    return made;
  };
  if (!pidfd.is_open()) return fill(ESRCH);
  const std::string link = "/proc/" + std::to_string(pid) + "/root";
  const UniqueFd root(open(link.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.is_open()) return fill(errno);
  const auto looks = look_at(root, paths, payer);
  const auto text = mountinfo_of(pidfd);
  const auto mounts = text ? parse_mounts(*text) : fail(text.error().number);
  if (!mounts) return fill(mounts.error().number);
  made->note_mounts(*mounts);
  std::size_t room = kMaxBytes;
  if (!looks) return fill(looks.error().number);
  // now that all has been looked at
  if (!paths.empty() && !is_of_runtime(pidfd)) return fill(EALREADY);
  std::map<std::pair<std::uint64_t, std::string_view>, Held> found;
  for (std::size_t at = 0; at < looks->size(); ++at) {
    const Look& look = (*looks)[at];
    const auto [known, is_new] =
        found.try_emplace({look.error == 0 ? look.found.stx_mnt_id : 0, name_of(look)});
    Held& held = known->second;
    if (is_new || look.error != 0) {
      auto places = places_of(look, *mounts, room);
      held = {.error = places ? 0 : places.error().number, .place = made->places_.size()};
      if (places) {
        room -= name_of(look).size() + bytes_of(*places);
        made->places_.push_back({std::string(name_of(look)), std::move(*places)});
      }
    }
    made->held_.emplace(paths[at], held);
  }
  return made;
}

int HeldPaths::error_of(std::string_view path) const {
  const auto found = held_.find(std::string(path));
  return found == held_.end() ? unasked_ : found->second.error;
}

std::shared_ptr<const Spared> HeldPaths::find_spared(std::string_view paths) const {
  auto all = std::make_shared<Spared>(Spared{.root = root_, .hiding = hiding_});
  std::vector<bool> has(places_.size());
  for (const std::string& path : split_paths(paths)) {
    const auto held = held_.find(path);
    if (held == held_.end() || held->second.error != 0) return nullptr;
    const std::size_t at = held->second.place;
    if (has[at]) continue;
    has[at] = true;
    const auto& [name, mounts] = places_[at];
    all->paths.push_back(name);
    all->places.insert(all->places.end(), mounts.begin(), mounts.end());
  }
  return all;
}

std::shared_ptr<const Spared> HeldPaths::spared(std::string_view paths) const {
  const std::lock_guard lock(mutex_);
  if (last_.spared == nullptr || last_.paths != paths)
    last_ = {.paths = std::string(paths), .spared = find_spared(paths)};
  return last_.spared;
}

std::size_t HeldPaths::bytes() const {
  std::size_t bytes = hiding_.size() * sizeof(int);
  for (const auto& [name, mounts] : places_) bytes += name.size() + bytes_of(mounts);
  // and as it was asked for last
  const std::size_t firsts = first_ ? sizeof *first_ + first_->ids.size() * sizeof(int) : 0;
  return sizeof *this + 2 * bytes + firsts;
}

}  // namespace seccompagent
