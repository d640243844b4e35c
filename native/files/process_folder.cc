// SPDX-License-Identifier: Apache-2.0
// See proc(5), proc_pid_status(5).
#include "files/process_folder.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "files/file_system_type.h"
#include "files/process_stat.h"
#include "kernel/unique_fd.h"

namespace seccompagent {
namespace {

// In pid namespaces from that of the procfs inwards.
struct Numbers {
  std::vector<pid_t> process;
  std::vector<pid_t> thread;
};

[[nodiscard]] std::vector<pid_t> numbers_of(std::string_view status, std::string_view key) {
  std::vector<pid_t> numbers;
  const std::size_t found = status.find(key);
  if (found == std::string_view::npos) return numbers;
  std::string_view rest = status.substr(found + key.size());
  rest = rest.substr(0, rest.find('\n'));
  for (;;) {
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    pid_t number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc()) return numbers;
    numbers.push_back(number);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  }
}

// `status` in this directory, or wherever the path leads in the same mount.
[[nodiscard]] std::optional<Numbers> numbers_at(int directory, const char* status) {
  constexpr open_how kHow = {.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW,
                             .mode = 0,
                             .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};
  const UniqueFd file(
      static_cast<int>(syscall(SYS_openat2, directory, status, &kHow, sizeof kHow)));
  if (!file.is_open()) return std::nullopt;
  constexpr std::size_t kMaxStatus = std::size_t{64} * 1024;
  std::string text(kMaxStatus, '\0');
  const ssize_t length = read(file.get(), text.data(), text.size());
  if (length <= 0) return std::nullopt;
  text.resize(static_cast<std::size_t>(length));
  Numbers numbers = {.process = numbers_of(text, "\nNStgid:"),
                     .thread = numbers_of(text, "\nNSpid:")};
  // a kernel without pid namespaces; or there are more groups in front than anybody has
  const bool is_whole = static_cast<std::size_t>(length) < kMaxStatus;
  if (numbers.process.empty() && is_whole) {
    numbers = {.process = numbers_of(text, "\nTgid:"), .thread = numbers_of(text, "\nPid:")};
  }
  if (numbers.process.empty() || numbers.thread.empty()) return std::nullopt;
  return numbers;
}

[[nodiscard]] bool ends_with(std::span<const pid_t> all, std::span<const pid_t> end) {
  return end.size() <= all.size() && std::ranges::equal(all.last(end.size()), end);
}

[[nodiscard]] bool is_number(std::string_view name) {
  return !name.empty() && name.find_first_not_of("0123456789") == std::string_view::npos;
}

[[nodiscard]] bool is_of_place(std::string_view name) {
  return name == "cwd" || name == "root" || name == "exe";
}

// Of `map_files`, which are not the process's own to follow, see proc_pid_map_files(5).
[[nodiscard]] bool is_of_mapping(std::string_view name) {
  return name.contains('-') &&
         name.find_first_not_of("0123456789abcdef-") == std::string_view::npos;
}

// Name of a link from the entry of its process. The name of its directory follows from the link's.
// Empty: the link does not lead to anything of a process.
[[nodiscard]] std::string name_from_entry(std::string_view name) {
  if (is_of_place(name) || is_of_mapping(name)) return std::string(name);
  if (is_number(name)) return "fd/" + std::string(name);
  if (is_name_of_namespace(name)) return "ns/" + std::string(name);
  return {};
}

// Opens a name that is in the same mount and is no magic link.
[[nodiscard]] UniqueFd open_same(int directory, const char* name, std::uint64_t flags) {
  const open_how how = {.flags = flags | O_PATH | O_CLOEXEC,
                        .mode = 0,
                        .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS};
  return UniqueFd(static_cast<int>(syscall(SYS_openat2, directory, name, &how, sizeof how)));
}

[[nodiscard]] dev_t device_of(int fd) {
  struct stat found = {};
  return fstat(fd, &found) == -1 ? 0 : found.st_dev;
}

// Closed: it is not found.
[[nodiscard]] UniqueFd root_with(dev_t device, int at) {
  constexpr open_how kHow = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                             .mode = 0,
                             .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
  UniqueFd usual(static_cast<int>(syscall(SYS_openat2, AT_FDCWD, "/proc", &kHow, sizeof kHow)));
  if (usual.is_open() && device_of(usual.get()) == device && is_root_of_processes(usual.get()))
    return usual;
  constexpr int kMaxDepth = 8;
  std::string up = ".";
  for (int depth = 0; depth < kMaxDepth; ++depth, up += "/..") {
    UniqueFd above = open_same(at, up.c_str(), O_DIRECTORY);
    if (!above.is_open() || device_of(above.get()) != device) break;
    if (is_root_of_processes(above.get())) return above;
  }
  return {};
}

// Text of `self` in there: the number of the calling process. Empty: the procfs does not show it.
// Nothing: nobody can tell, since the caller may have mounted something there.
[[nodiscard]] std::optional<std::string> own_number(int root) {
  const UniqueFd self = open_same(root, "self", O_NOFOLLOW);
  struct stat found = {};
  if (!self.is_open() || fstat(self.get(), &found) == -1) return std::nullopt;
  if (!S_ISLNK(found.st_mode) || found.st_dev != device_of(root)) return std::nullopt;
  std::array<char, 32> text = {};
  const ssize_t length = readlinkat(self.get(), "", text.data(), text.size());
  if (length == -1) return errno == ENOENT ? std::optional<std::string>("") : std::nullopt;
  std::string number(text.data(), static_cast<std::size_t>(length));
  return is_number(number) ? std::optional(std::move(number)) : std::nullopt;
}

[[nodiscard]] bool are_same(int one, int other) {
  struct stat first = {};
  struct stat second = {};
  return fstat(one, &first) == 0 && fstat(other, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

struct PlaceInMount {
  // 0: unknown, and no other's.
  std::uint64_t number = 0;
  bool is_its_root = false;
};

[[nodiscard]] PlaceInMount mount_of(int fd) {
  struct statx found = {};
  if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &found) == -1) return {};
  return {.number = found.stx_mnt_id,
          .is_its_root = (found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0};
}

// The directory that something of a procfs is in, in the same mount. Who may not search a directory
// finds nothing above it by its dots, but by its text: whatever that leads to is the right
// directory if it has the same file. Closed: there is none, as above a mount's root.
[[nodiscard]] UniqueFd directory_above(int file, int processes) {
  UniqueFd by_dots = open_same(file, "..", O_DIRECTORY);
  if (by_dots.is_open()) return by_dots;
  std::array<char, PATH_MAX> text = {};
  const std::string link = "self/fd/" + std::to_string(file);
  const ssize_t length = readlinkat(processes, link.c_str(), text.data(), text.size());
  if (length <= 0 || static_cast<std::size_t>(length) == text.size()) return {};
  std::string_view path(text.data(), static_cast<std::size_t>(length));
  // what is below net is looked up anew each time, and then the one before counts as deleted
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  const std::size_t end = path.rfind('/');
  if (!path.starts_with('/')) return {};
  constexpr open_how kHow = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                             .mode = 0,
                             .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
  const std::string above(end == 0 ? "/" : path.substr(0, end));
  UniqueFd by_text(
      static_cast<int>(syscall(SYS_openat2, AT_FDCWD, above.c_str(), &kHow, sizeof kHow)));
  if (!by_text.is_open()) return {};
  const UniqueFd again =
      open_same(by_text.get(), std::string(path.substr(end + 1)).c_str(), O_NOFOLLOW);
  const bool is_right = again.is_open() && are_same(again.get(), file) &&
                        mount_of(again.get()).number == mount_of(file).number;
  return is_right ? std::move(by_text) : UniqueFd();
}

// Whether the root of a mount of a part of a procfs is in no entry with this number.
[[nodiscard]] bool is_mounted_from_elsewhere(int mount_root, std::string_view number) {
  const auto path = path_of_mount_root(mount_root);
  if (!path || !path->starts_with('/')) return false;
  const std::string_view first = std::string_view(*path).substr(1);
  return first.substr(0, first.find('/')) != number;
}

// Whether a file is in the entry of the calling process, by this number of its own. Anything but a
// plain no is a yes.
[[nodiscard]] bool may_be_own(int root, const std::string& number, int file, int processes) {
  constexpr int kMaxDepth = 32;
  const UniqueFd own = open_same(root, number.c_str(), O_DIRECTORY | O_NOFOLLOW);
  if (!own.is_open() || device_of(own.get()) != device_of(root)) return true;
  UniqueFd at(fcntl(file, F_DUPFD_CLOEXEC, 0));
  for (int depth = 0; at.is_open() && depth < kMaxDepth; ++depth) {
    if (are_same(at.get(), own.get())) return true;
    if (are_same(at.get(), root) && mount_of(at.get()).is_its_root) return false;
    UniqueFd above = directory_above(at.get(), processes);
    if (!above.is_open()) return !is_mounted_from_elsewhere(at.get(), number);
    at = std::move(above);
  }
  return true;
}

// Whether a process or thread in there is one of the caller's, by when it was started.
[[nodiscard]] bool has_start_of(int processes, pid_t number, int directory, const char* stat) {
  const auto known = stat_of_process(processes, number);
  const auto found = read_process_stat(directory, stat);
  return known && found && known->start == found->start;
}

}  // namespace

bool is_largest_number(const OthersProcesses& others, int processes, const FileFacts& file) {
  struct stat usual = {};
  struct stat found = {};
  const UniqueFd system(openat(others.root.get(), "sys", O_PATH | O_NOFOLLOW | O_CLOEXEC));
  const bool is_system = system.is_open() && fstat(system.get(), &found) == 0 &&
                         fstatat(processes, "sys", &usual, AT_SYMLINK_NOFOLLOW) == 0 &&
                         found.st_dev == others.device && found.st_ino == usual.st_ino;
  const UniqueFd largest =
      is_system ? open_same(system.get(), "kernel/pid_max", O_NOFOLLOW) : UniqueFd();
  // the caller may have mounted something there
  if (!largest.is_open()) return !is_system || errno != ENOENT;
  return fstat(largest.get(), &found) == -1 ||
         (found.st_ino == file.inode && found.st_dev == file.device);
}

bool is_root_of_processes(int directory) {
  // of all mounts of the whole of a procfs
  constexpr ino_t kRootInode = 1;
  struct stat found = {};
  return is_of_processes(directory) && fstat(directory, &found) == 0 && found.st_ino == kRootInode;
}

std::optional<OthersProcesses> others_processes(int at, const FilePlace& place) {
  if (!is_of_processes(at)) return std::nullopt;
  const dev_t device = device_of(at);
  UniqueFd root = root_with(device, at);
  if (!root.is_open()) root = root_with(device, directory_above(at, place.processes).get());
  if (!root.is_open()) return std::nullopt;
  const auto number = own_number(root.get());
  if (!number) return std::nullopt;
  const bool may_be_ours =
      !number->empty() &&
      (place.has_memory_of_another || may_be_own(root.get(), *number, at, place.processes));
  if (may_be_ours) return std::nullopt;
  return OthersProcesses{.device = device, .root = std::move(root)};
}

std::optional<std::string> own_entry(const CallersProcess& caller, int processes, int root,
                                     bool is_of_thread) {
  if (caller.process.empty()) return std::nullopt;
  for (std::size_t size = caller.process.size(); size > 0; --size) {
    const auto process = std::span(caller.process).last(size);
    std::string entry = std::to_string(process.front());
    const auto found = numbers_at(root, (entry + "/status").c_str());
    if (!found || !std::ranges::equal(found->process, process)) continue;
    // in another pid namespace the number may be another process's
    if (!has_start_of(processes, caller.process.front(), root, (entry + "/stat").c_str())) continue;
    if (!is_of_thread) return entry;
    if (caller.thread.size() < size) return std::nullopt;
    return entry + "/task/" + std::to_string(std::span(caller.thread).last(size).front());
  }
  return std::nullopt;
}

bool is_folder_of_descriptors(const CallersProcess& caller, int processes, int directory) {
  return own_descriptor(caller, processes, directory, "0").has_value();
}

std::optional<OwnLink> own_descriptor(const CallersProcess& caller, int processes, int directory,
                                      std::string_view name) {
  if (!is_number(name) || name.size() > OwnLink::kMaxDigits || !is_of_processes(directory))
    return std::nullopt;
  std::array<char, PATH_MAX> text = {};
  const std::string link = "self/fd/" + std::to_string(directory);
  const ssize_t length = readlinkat(processes, link.c_str(), text.data(), text.size());
  if (length <= 0) return std::nullopt;
  const std::string_view path(text.data(), static_cast<std::size_t>(length));
  if (!path.ends_with("/fd")) return std::nullopt;
  const UniqueFd root = root_with(device_of(directory), directory);
  if (!root.is_open()) return std::nullopt;
  for (const bool is_of_thread : {false, true}) {
    const auto entry = own_entry(caller, processes, root.get(), is_of_thread);
    if (entry && path.ends_with("/" + *entry + "/fd"))
      return OwnLink{.name = "fd/" + std::string(name), .is_of_thread = is_of_thread};
  }
  return std::nullopt;
}

ProcessLink process_link(const CallersProcess& caller, int processes, int directory,
                         std::string_view name) {
  using Kind = ProcessLink::Kind;
  const std::string link = name_from_entry(name);
  if (link.empty()) return {};
  const bool is_in_entry = is_of_place(name);
  const auto owner = numbers_at(directory, is_in_entry ? "status" : "../status");
  if (!owner || is_of_mapping(name) || !ends_with(caller.process, owner->process))
    return {.kind = Kind::foreign};
  const char* const stat = is_in_entry ? "stat" : "../stat";
  const bool is_of_thread = owner->thread != owner->process;
  if (is_of_thread && !ends_with(caller.thread, owner->thread)) return {.kind = Kind::foreign};
  const pid_t number = (is_of_thread ? caller.thread : caller.process).front();
  if (!has_start_of(processes, number, directory, stat)) return {.kind = Kind::foreign};
  return {.kind = Kind::own, .own = {.name = link, .is_of_thread = is_of_thread}};
}

}  // namespace seccompagent
