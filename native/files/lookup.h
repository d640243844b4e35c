// SPDX-License-Identifier: Apache-2.0
// Paths of a caller, resolved to a directory and a last name, or to the file itself: what a path
// means can't change between the look-up and the operation.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "files/file_system_type.h"
#include "files/file_task.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// A directory and a name in it. Slashes that follow the name stay with it: the kernel judges them.
struct Entry {
  UniqueFd opened;
  int directory;
  std::string name;
};

// The file itself, opened with O_PATH, or the base.
struct FoundFile {
  UniqueFd opened;
  int fd;
};

// openat2(2) with the caller's restrictions of the path (`resolve`) added to ours. With those that
// keep a path below a folder, the kernel answers EAGAIN at ".." after a rename or mount anywhere in
// the system: this tries again.
[[nodiscard]] Result<UniqueFd> open_at(int base, const char* path, std::uint64_t flags,
                                       std::uint64_t mode = 0, std::uint64_t resolve = 0);

// A file that was opened, which is looked at once, if ever.
class FileInPlace {
 public:
  explicit FileInPlace(UniqueFd fd) : fd_(std::move(fd)) {}

  [[nodiscard]] int get() const { return fd_.get(); }
  [[nodiscard]] UniqueFd take() && { return std::move(fd_); }
  [[nodiscard]] const Result<FileFacts>& facts() {
    if (!facts_) facts_ = facts_of(fd_.get());
    return *facts_;
  }

 private:
  UniqueFd fd_;
  std::optional<Result<FileFacts>> facts_;
};

// What openat2(2) opens by itself, with any flags but O_CREAT and O_TMPFILE. Nothing: the path
// leads through a procfs, and is to be walked. EPERM: it leaves the granted folder.
[[nodiscard]] std::optional<Result<FileInPlace>> open_unwalked(const FileTask& task, int base,
                                                               const char* path,
                                                               std::uint64_t flags,
                                                               std::uint64_t resolve);

// What the path leads to, opened with O_PATH. EPERM: it leaves the granted folder.
[[nodiscard]] Result<FileInPlace> find_in_place(const FileTask& task, int base, const char* path,
                                                std::uint64_t flags, std::uint64_t resolve);

// The same with any flags of openat2(2).
[[nodiscard]] Result<UniqueFd> open_in_place(const FileTask& task, int base, const char* path,
                                             std::uint64_t flags, std::uint64_t mode = 0,
                                             std::uint64_t resolve = 0);

// The directory of the path's last name.
[[nodiscard]] Result<Entry> find_entry(const FileTask& task, int base, const std::string& path,
                                       std::uint64_t resolve = 0);

// The file of the request's path.
[[nodiscard]] Result<FoundFile> find_file(const FileTask& task);

// The kernel is too old for a system call, or for AT_EMPTY_PATH with an O_PATH descriptor in it.
[[nodiscard]] inline bool is_unsupported(long result) {
  return result == -1 && (errno == ENOSYS || errno == EBADF);
}

// Calls with a path to the descriptor: its entry in our own procfs, which becomes the working
// directory and stays it, because the caller may not be allowed into any other, its root included.
template <typename Call>
[[nodiscard]] long by_path(const FileTask& task, int fd, Call call) {
  if (fchdir(task.place.processes) == -1) return -1;
  return call(("self/fd/" + std::to_string(fd)).c_str());
}

}  // namespace seccompagent
