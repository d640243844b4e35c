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
#include <charconv>
#include <climits>
#include <cstdint>
#include <span>
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

[[nodiscard]] bool is_of_namespaces(std::string_view name) {
  constexpr std::array<std::string_view, 10> kNames = {
      "cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children",
      "user",   "uts"};
  return std::ranges::find(kNames, name) != kNames.end();
}

[[nodiscard]] bool is_of_place(std::string_view name) {
  return name == "cwd" || name == "root" || name == "exe";
}

// What a directory in the entry of a process is called is known by what is in it. Those of
// `map_files` are not the process's own to follow, see proc_pid_map_files(5).
[[nodiscard]] std::string name_below(std::string_view name) {
  std::string text;
  if (is_number(name)) text = "fd/";
  if (is_of_namespaces(name)) text = "ns/";
  return text.empty() ? text : text.append(name);
}

enum class Whose : std::uint8_t { process, thread };

// Of a directory in a procfs.
[[nodiscard]] std::optional<Whose> whose_descriptors(const CallersProcess& caller, int processes,
                                                     int directory) {
  std::array<char, PATH_MAX> name = {};
  const std::string link = "self/fd/" + std::to_string(directory);
  const ssize_t length = readlinkat(processes, link.c_str(), name.data(), name.size());
  if (length <= 0) return std::nullopt;
  const std::string_view path(name.data(), static_cast<std::size_t>(length));
  const auto is_below = [path](const char* folder, pid_t number) {
    return path.ends_with(folder + std::to_string(number) + "/fd");
  };
  for (const pid_t thread : caller.thread) {
    if (is_below("/task/", thread)) return Whose::thread;
  }
  for (const pid_t process : caller.process) {
    if (is_below("/", process) && !is_below("/task/", process)) return Whose::process;
  }
  return std::nullopt;
}

}  // namespace

bool is_root_of_processes(int directory) {
  // of all mounts of the whole of a procfs
  constexpr ino_t kRootInode = 1;
  struct stat found = {};
  return is_of_processes(directory) && fstat(directory, &found) == 0 && found.st_ino == kRootInode;
}

std::optional<std::string> own_entry(const CallersProcess& caller, int processes, int root,
                                     bool is_of_thread) {
  if (caller.process.empty()) return std::nullopt;
  const auto known = stat_of_process(processes, caller.process.front());
  if (!known) return std::nullopt;
  for (std::size_t size = caller.process.size(); size > 0; --size) {
    const auto process = std::span(caller.process).last(size);
    std::string entry = std::to_string(process.front());
    const auto found = numbers_at(root, (entry + "/status").c_str());
    if (!found || !std::ranges::equal(found->process, process)) continue;
    // in another pid namespace the number may be another process's
    const auto stat = stat_of_process(root, process.front());
    if (!stat || stat->start != known->start) continue;
    if (!is_of_thread) return entry;
    if (caller.thread.size() < size) return std::nullopt;
    return entry + "/task/" + std::to_string(std::span(caller.thread).last(size).front());
  }
  return std::nullopt;
}

bool is_of_this_process(int processes, int directory) {
  // a directory of a process, or one that is at most so far below it
  constexpr int kMaxDepth = 6;
  std::string up;
  for (int depth = 0; depth < kMaxDepth; ++depth, up += "../") {
    const auto stat = read_process_stat(directory, (up + "stat").c_str());
    if (!stat) continue;
    const auto own = read_process_stat(processes, "self/stat");
    // the number may be another process's in another pid namespace
    return !own || (own->number == stat->number && own->start == stat->start);
  }
  return false;
}

bool is_folder_of_descriptors(const CallersProcess& caller, int processes, int directory) {
  return is_of_processes(directory) && whose_descriptors(caller, processes, directory);
}

std::optional<OwnLink> own_descriptor(const CallersProcess& caller, int processes, int directory,
                                      std::string_view name) {
  if (!is_number(name) || !is_of_processes(directory)) return std::nullopt;
  const auto whose = whose_descriptors(caller, processes, directory);
  if (!whose) return std::nullopt;
  return OwnLink{.name = "fd/" + std::string(name), .is_of_thread = *whose == Whose::thread};
}

ProcessLink process_link(const CallersProcess& caller, int directory, std::string_view name) {
  using Kind = ProcessLink::Kind;
  const std::string link = is_of_place(name) ? std::string(name) : name_below(name);
  if (link.empty()) return {};
  const auto owner = numbers_at(directory, is_of_place(name) ? "status" : "../status");
  if (!owner) return {};
  if (!ends_with(caller.process, owner->process)) return {.kind = Kind::foreign};
  if (owner->thread == owner->process) return {.kind = Kind::own, .own = {.name = link}};
  // of another thread, all of which share what counts, but for those that have unshared it
  if (!ends_with(caller.thread, owner->thread)) return {.kind = Kind::foreign};
  return {.kind = Kind::own, .own = {.name = link, .is_of_thread = true}};
}

}  // namespace seccompagent
