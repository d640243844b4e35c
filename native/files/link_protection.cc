// SPDX-License-Identifier: Apache-2.0
#include "files/link_protection.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/fsuid.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <string_view>

#include "files/file_system_type.h"
#include "files/lookup.h"

namespace seccompagent {
namespace {

// Target of a symbolic link: its text, behind the link's folder. One that starts at the root is
// written so that nobody takes it for a name in the base, see find_entry.
[[nodiscard]] std::string target_of(std::string folder, std::string_view text) {
  if (text.starts_with('/')) folder = "/.";
  return folder.append(text);
}

// The calling thread's.
[[nodiscard]] uid_t own_fs_uid() {
  constexpr auto kAsk = static_cast<std::uint32_t>(-1);
  return static_cast<uid_t>(syscall(SYS_setfsuid, kAsk));
}

// The directory in which a path ends, behind all symbolic links but those of processes.
struct LastDirectory {
  struct stat directory;
  // Directories of a procfs are protected otherwise.
  bool is_of_processes = false;
  // The file with the name in there.
  struct stat file;
};

[[nodiscard]] Result<LastDirectory> find_last_directory(const FileTask& task) {
  std::string path = task.request.path;
  for (int links = 0; links <= kMaxLinks; ++links) {
    const auto entry = find_entry(task, task.place.base, path, task.request.resolve);
    if (!entry) return std::unexpected(entry.error());
    LastDirectory found = {};
    found.is_of_processes = is_of_processes(entry->directory);
    if (found.is_of_processes) return found;
    if (fstat(entry->directory, &found.directory) == -1 ||
        fstatat(entry->directory, entry->name.c_str(), &found.file, AT_SYMLINK_NOFOLLOW) == -1) {
      return fail_errno();
    }
    const bool is_followed = (task.request.flags & O_NOFOLLOW) == 0;
    if (!S_ISLNK(found.file.st_mode) || !is_followed) return found;
    std::array<char, PATH_MAX> target = {};
    const ssize_t length =
        readlinkat(entry->directory, entry->name.c_str(), target.data(), target.size());
    if (length == -1) return fail_errno();
    path = target_of(path.substr(0, path.size() - entry->name.size()),
                     {target.data(), static_cast<std::size_t>(length)});
  }
  return fail(ELOOP);
}

}  // namespace

int following_error(const FileTask& task, int directory, int link, bool is_last) {
  struct statvfs system = {};
  struct stat folder = {};
  struct stat found = {};
  if (fstatvfs(directory, &system) == -1 || fstat(directory, &folder) == -1 ||
      fstat(link, &found) == -1) {
    return errno;
  }
  constexpr unsigned long kNoSymlinks = 0x2000;  // ST_NOSYMFOLLOW of <linux/statfs.h>
  const bool is_forbidden = (task.request.resolve & RESOLVE_NO_SYMLINKS) != 0;
  if (is_forbidden || (system.f_flag & kNoSymlinks) != 0) return ELOOP;
  // see protected_symlinks in proc_sys_fs(5)
  constexpr mode_t kShared = S_ISVTX | S_IWOTH;
  const bool is_free = !is_last || !task.request.protects_links || found.st_uid == own_fs_uid() ||
                       (folder.st_mode & kShared) != kShared || found.st_uid == folder.st_uid;
  return is_free ? 0 : EACCES;
}

int protection_error(const FileTask& task, const struct stat& found) {
  const FileRequest& request = task.request;
  const std::uint32_t level = S_ISREG(found.st_mode)    ? request.first
                              : S_ISFIFO(found.st_mode) ? request.second
                                                        : 1;
  if (level == 0 || found.st_uid == own_fs_uid()) return 0;
  const auto last = find_last_directory(task);
  if (!last) return last.error().number;
  if (last->is_of_processes) return 0;
  const struct stat& directory = last->directory;
  // somebody exchanges what has the name
  if (last->file.st_dev != found.st_dev || last->file.st_ino != found.st_ino) return EACCES;
  if ((directory.st_mode & S_ISVTX) == 0 || found.st_uid == directory.st_uid) return 0;
  constexpr std::uint32_t kGroupsToo = 2;
  const bool is_protected = (directory.st_mode & S_IWOTH) != 0 ||
                            ((directory.st_mode & S_IWGRP) != 0 && level >= kGroupsToo);
  return is_protected ? EACCES : 0;
}

Result<std::string> behind_link(const FileTask& task, const std::string& path) {
  const auto entry = find_entry(task, task.place.base, path, task.request.resolve);
  if (!entry) return std::unexpected(entry.error());
  const auto link = open_at(entry->directory, entry->name.c_str(), O_PATH | O_NOFOLLOW);
  if (!link && link.error() == Errno{ENOENT}) return path;
  if (!link) return std::unexpected(link.error());
  std::array<char, PATH_MAX> text = {};
  const ssize_t length = readlinkat(link->get(), "", text.data(), text.size());
  // it is none
  if (length == -1 && errno == ENOENT) return path;
  if (length == -1) return fail_errno();
  if (const int error = following_error(task, entry->directory, link->get(), true); error != 0)
    return fail(error);
  return target_of(path.substr(0, path.size() - entry->name.size()),
                   {text.data(), static_cast<std::size_t>(length)});
}

}  // namespace seccompagent
