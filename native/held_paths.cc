// SPDX-License-Identifier: Apache-2.0
#include "held_paths.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <utility>

#include "child_starter.h"
#include "clock.h"
#include "ending_children.h"
#include "helper/mountinfo.h"
#include "process_files.h"
#include "raw_syscall.h"

namespace seccompagent {
namespace {

// Of one container.
constexpr std::size_t kMostPaths = 256;

// One path, and what a child finds there.
struct Look {
  const char* path;
  long error = -EINTR;
  struct statx found = {};
  std::array<char, PATH_MAX> name = {};
  long name_length = 0;
};

// What the child uses: it may outlive the attempt, so it owns all of it. Its first descriptor is
// the container's root.
struct Looking {
  ChildStack stack;
  std::vector<std::string> paths;
  std::vector<Look> looks;

  static SECCOMPAGENT_CHILD_CODE void look(Look& look) {
    open_how how = {
        .flags = O_PATH | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    const long fd = raw_syscall(SYS_openat2, ChildStarter::kFirstGiven, raw_pointer(look.path),
                                raw_pointer(&how), sizeof how);
    look.error = fd < 0 ? fd : 0;
    if (fd < 0) return;
    look.error = raw_syscall(SYS_statx, fd, raw_pointer(""), AT_EMPTY_PATH, STATX_MNT_ID,
                             raw_pointer(&look.found));
    // the lowest number that is free, which has one digit
    char link[] = "/proc/self/fd/0";
    link[sizeof link - 2] = static_cast<char>('0' + fd);
    const char* const shown = link;
    look.name_length = raw_syscall(SYS_readlinkat, AT_FDCWD, raw_pointer(shown),
                                   raw_pointer(look.name.data()), PATH_MAX);
    if (look.error == 0 && look.name_length < 0) look.error = look.name_length;
    raw_syscall(SYS_close, fd);
  }

  static SECCOMPAGENT_CHILD_CODE int child_main(void* argument) {
    auto& looking = *static_cast<Looking*>(argument);
    const std::size_t count = looking.looks.size();
    for (std::size_t at = 0; at < count; ++at) look(looking.looks.data()[at]);
    return 0;
  }
};

[[nodiscard]] Result<std::vector<Look>> look_at(const UniqueFd& root,
                                                const std::vector<std::string>& paths,
                                                std::uint32_t token) {
  if (paths.empty()) return std::vector<Look>();
  if (paths.size() > kMostPaths) return fail(E2BIG);
  auto stack = ChildStack::make();
  if (!stack) return std::unexpected(stack.error());
  auto looking = std::make_unique<Looking>(Looking{std::move(*stack), paths, {}});
  for (const std::string& path : looking->paths) looking->looks.push_back({.path = path.c_str()});
  const std::array given = {root.get()};
  auto child = ChildStarter::of_process().start_child(looking->stack, Looking::child_main,
                                                      looking.get(), given);
  if (!child) return std::unexpected(child.error());
  const auto ended = await_or_leave(std::move(*child), {.most = kSecond}, token, looking);
  if (!ended) return std::unexpected(ended.error());
  return std::move(looking->looks);
}

// Its mounts, as of one moment.
[[nodiscard]] Result<std::string> mountinfo_of(const UniqueFd& pidfd) {
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

// The place itself, and all that is mounted there. EXDEV: it is not called as its mount is.
[[nodiscard]] Result<std::vector<HeldPlace>> places_of(const Look& look, std::string_view name,
                                                       const Mounts& mounts) {
  if (look.error != 0) return fail(static_cast<int>(-look.error));
  const auto mount = mounts.find(static_cast<int>(look.found.stx_mnt_id));
  if (mount == mounts.end()) return fail(EXDEV);
  std::string_view point = mount->second.point;
  if (point == "/") point = {};
  if (!is_at_or_below(name, point)) return fail(EXDEV);
  const std::string_view below = name.substr(std::min(point.size() + 1, name.size()));
  std::vector<HeldPlace> places = {{mount->first, std::string(below)}};
  for (const auto& [id, other] : mounts) {
    if (is_at_or_below(other.point, name) && id != mount->first) places.push_back({id, {}});
  }
  return places;
}

}  // namespace

std::vector<std::string> split_paths(std::string_view paths) {
  std::vector<std::string> all;
  while (!paths.empty()) {
    const std::size_t end = std::min(paths.find('\0'), paths.size());
    all.emplace_back(paths.substr(0, end));
    paths.remove_prefix(std::min(end + 1, paths.size()));
  }
  return all;
}

std::shared_ptr<const HeldPaths> HeldPaths::find(pid_t pid, const UniqueFd& pidfd,
                                                 const std::vector<std::string>& paths,
                                                 std::uint32_t token) {
  auto made = std::make_shared<HeldPaths>();
  const auto fill = [&](int error) {
    for (const std::string& path : paths) made->held_.push_back({.path = path, .error = error});
    return made;
  };
  if (!pidfd.is_open()) return fill(ESRCH);
  const std::string link = "/proc/" + std::to_string(pid) + "/root";
  const UniqueFd root(open(link.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.is_open()) return fill(errno);
  const auto looks = look_at(root, paths, token);
  const auto text = mountinfo_of(pidfd);
  const auto mounts = text ? parse_mounts(*text) : fail(text.error().number);
  if (!mounts) return fill(mounts.error().number);
  if (const MountLine* top = find_top(*mounts, "/"); top != nullptr) made->root_ = top->id;
  for (const auto& [id, mount] : *mounts) {
    if (is_hiding(mount)) made->hiding_.push_back(id);
  }
  if (!looks) return fill(looks.error().number);
  // now that all has been looked at
  if (!paths.empty() && !is_of_runtime(pidfd)) return fill(EALREADY);
  for (std::size_t at = 0; at < looks->size(); ++at) {
    const Look& look = (*looks)[at];
    std::string_view name(look.name.data(),
                          static_cast<std::size_t>(std::max(look.name_length, 0L)));
    if (name == "/") name = {};
    auto places = places_of(look, name, *mounts);
    if (places) {
      made->held_.push_back({paths[at], 0, std::string(name), std::move(*places)});
    } else {
      made->held_.push_back({.path = paths[at], .error = places.error().number});
    }
  }
  return made;
}

const HeldPaths::Held* HeldPaths::find_held(std::string_view path) const {
  const auto found = std::ranges::find(held_, path, &Held::path);
  return found == held_.end() ? nullptr : &*found;
}

int HeldPaths::error_of(std::string_view path) const {
  const Held* held = find_held(path);
  return held == nullptr ? ESTALE : held->error;
}

std::optional<Spared> HeldPaths::spared(std::string_view paths) const {
  Spared all = {.root = root_, .hiding = hiding_};
  for (const std::string& path : split_paths(paths)) {
    const Held* held = find_held(path);
    if (held == nullptr || held->error != 0) return std::nullopt;
    all.paths.push_back(held->name);
    all.places.insert(all.places.end(), held->places.begin(), held->places.end());
  }
  return all;
}

}  // namespace seccompagent
