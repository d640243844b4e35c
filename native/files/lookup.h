// SPDX-License-Identifier: Apache-2.0
// Paths of a caller, resolved to a directory and a last name, or to the file itself: what a path
// means can't change between the look-up and the operation.
#pragma once

#include <linux/openat2.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>

#include "files/file_task.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// A directory and a name in it. Slashes that follow the name stay with it: the kernel judges them.
struct Entry {
  UniqueFd opened;
  int directory;
  std::string name;
  // Where somebody has asked.
  std::optional<struct statfs> system = std::nullopt;
};

// The file itself, opened for nothing.
struct Found {
  UniqueFd opened;
  int fd;
};

// The caller's own restrictions of the path come on top of ours. Where they keep it below a folder,
// a rename or mount anywhere in the system makes the kernel give up at "..", and it asks to be
// asked again.
[[nodiscard]] Result<UniqueFd> open_at(int base, const char* path, std::uint64_t flags,
                                       std::uint64_t mode = 0, std::uint64_t resolve = 0);

// Most paths stay in one mount. What starts on procfs and stays there, mistakes_us finds.
[[nodiscard]] Result<UniqueFd> open_across(const Doing& doing, int base, const char* path,
                                           open_how how);

// What leaves the folder that it has to stay in is not granted.
[[nodiscard]] Result<UniqueFd> open_in_place(const Doing& doing, int base, const char* path,
                                             std::uint64_t flags, std::uint64_t mode = 0,
                                             std::uint64_t resolve = 0);

[[nodiscard]] Result<Entry> find_entry(const Doing& doing, int base, const std::string& path,
                                       std::uint64_t resolve = 0);

[[nodiscard]] Result<Entry> entry_of(const Doing& doing, int base, const std::string& path);

[[nodiscard]] Result<Found> find_file(const Doing& doing);

[[nodiscard]] const struct statfs* system_of(const Entry& entry);

[[nodiscard]] inline bool is_missing(long result) {
  return result == -1 && (errno == ENOSYS || errno == EBADF);
}

// Older kernels lack calls that take such a descriptor: its entry in our own procfs is a path to
// it. The working directory is nobody's here, so it can lead there, and stays: the caller may not
// be allowed to go anywhere else, its own root included.
template <typename Call>
[[nodiscard]] long by_path(const Doing& doing, int fd, Call call) {
  if (fchdir(doing.place.processes) == -1) return -1;
  return call(("self/fd/" + std::to_string(fd)).c_str());
}

}  // namespace seccompagent
