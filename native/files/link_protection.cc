// SPDX-License-Identifier: Apache-2.0
#include "files/link_protection.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <string>
#include <string_view>
#include <utility>

#include "files/file_system_type.h"
#include "files/lookup.h"
#include "files/owner.h"

namespace seccompagent {
namespace {

// Target of a symbolic link: its text, behind the link's folder. One that starts at the root is
// written so that nobody takes it for a name in the base, see find_entry.
[[nodiscard]] std::string target_of(std::string folder, std::string_view text) {
  if (text.starts_with('/')) folder = "/.";
  return folder.append(text);
}

// The text of an opened symbolic link; ENOENT: it is none.
[[nodiscard]] Result<std::string> text_of(int link) {
  std::array<char, PATH_MAX> text = {};
  const ssize_t length = readlinkat(link, "", text.data(), text.size());
  if (length == -1) return fail_errno();
  return std::string(text.data(), static_cast<std::size_t>(length));
}

// The path with the text of the link in place of its last name, if the caller may follow it.
[[nodiscard]] Result<std::string> follow(const FileTask& task, const Entry& entry, int link,
                                         const std::string& path) {
  const auto text = text_of(link);
  if (!text) return std::unexpected(text.error());
  // one of a process is mounted there: what it says is of ours
  if (is_of_processes(link)) return fail(ELOOP);
  if (const int error = following_error(task, entry.directory, link, true); error != 0)
    return fail(error);
  const FileRequest& request = task.request;
  // as the kernel has it: a path that did not start at its root knows none to compare with, and one
  // that did is still in that mount
  constexpr std::uint64_t kOfMount = RESOLVE_NO_XDEV | RESOLVE_IN_ROOT;
  const bool knows_no_root = !request.path.starts_with('/');
  if (text->starts_with('/') && knows_no_root && (request.resolve & kOfMount) == RESOLVE_NO_XDEV)
    return fail(EXDEV);
  return target_of(path.substr(0, path.size() - entry.name.size()), *text);
}

// A file, and the directory in which it has its name.
struct PlacedFile {
  UniqueFd opened;
  struct stat file = {};
  struct stat directory = {};
};

// Both of one walk, behind all symbolic links that the caller may follow. Directories of a procfs
// are protected otherwise: none is told of then.
[[nodiscard]] Result<PlacedFile> find_placed(const FileTask& task, std::string path) {
  const std::uint64_t resolve = task.request.resolve;
  const std::uint64_t no_follow = task.request.flags & O_NOFOLLOW;
  for (int links = 0; links <= kMaxLinks; ++links) {
    const auto entry = find_entry(task, task.place.base, path, resolve);
    if (!entry) return std::unexpected(entry.error());
    const bool is_in_processes = is_of_processes(entry->directory);
    auto opened = open_in_place(task, entry->directory, entry->name.c_str(),
                                O_PATH | (is_in_processes ? no_follow : O_NOFOLLOW), 0, resolve);
    if (!opened) return std::unexpected(opened.error());
    PlacedFile placed = {.opened = std::move(*opened)};
    if (fstat(placed.opened.get(), &placed.file) == -1) return fail_errno();
    if (is_in_processes) return placed;
    if (fstat(entry->directory, &placed.directory) == -1) return fail_errno();
    if (!S_ISLNK(placed.file.st_mode) || no_follow != 0) return placed;
    auto next = follow(task, *entry, placed.opened.get(), path);
    if (!next) return std::unexpected(next.error());
    path = std::move(*next);
  }
  return fail(ELOOP);
}

[[nodiscard]] bool is_one_owner(const FileTask& task, uid_t one, uid_t other) {
  return one == other && !is_of_unknown(task.place.processes, one);
}

// Of the system's protection, see proc_sys_fs(5); 0: there is none.
[[nodiscard]] std::uint32_t level_for(const FileRequest& request, const struct stat& file) {
  // the kernel says what cannot be made
  if (S_ISDIR(file.st_mode)) return 0;
  if (S_ISREG(file.st_mode)) return request.first;
  return S_ISFIFO(file.st_mode) ? request.second : 1;
}

[[nodiscard]] bool is_free_everywhere(const FileTask& task, const struct stat& file) {
  return level_for(task.request, file) == 0 || is_one_owner(task, file.st_uid, own_fs_uid());
}

[[nodiscard]] bool is_free_there(const FileTask& task, const PlacedFile& placed) {
  const mode_t mode = placed.directory.st_mode;
  constexpr std::uint32_t kGroupsToo = 2;
  const bool is_shared =
      (mode & S_IWOTH) != 0 ||
      ((mode & S_IWGRP) != 0 && level_for(task.request, placed.file) >= kGroupsToo);
  return (mode & S_ISVTX) == 0 || !is_shared ||
         is_one_owner(task, placed.file.st_uid, placed.directory.st_uid);
}

// The caller's own, as far as numbers tell.
[[nodiscard]] bool is_own_link(const FileTask& task, const struct stat& link) {
  return link.st_uid == own_fs_uid() &&
         (!is_of_unknown(task.place.processes, link.st_uid) || are_all_known(task.place.processes));
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
  const bool is_free = !is_last || !task.request.protects_links ||
                       (folder.st_mode & kShared) != kShared ||
                       is_one_owner(task, found.st_uid, folder.st_uid) || is_own_link(task, found);
  return is_free ? 0 : EACCES;
}

Result<UnprotectedFile> find_unprotected(const FileTask& task, const std::string& path,
                                         UniqueFd found) {
  struct stat seen = {};
  if (fstat(found.get(), &seen) == -1) return fail_errno();
  // nothing that is there is opened
  const bool is_refused = (task.request.flags & O_EXCL) != 0;
  if (is_refused || is_free_everywhere(task, seen))
    return UnprotectedFile{.opened = std::move(found)};
  auto placed = find_placed(task, path);
  if (!placed) return std::unexpected(placed.error());
  const bool is_free = is_free_everywhere(task, placed->file) || is_free_there(task, *placed);
  if (!is_free && placed->file.st_uid != own_fs_uid()) return fail(EACCES);
  return UnprotectedFile{.opened = std::move(placed->opened), .is_for_owner = !is_free};
}

Result<std::string> behind_link(const FileTask& task, const std::string& path) {
  const auto entry = find_entry(task, task.place.base, path, task.request.resolve);
  if (!entry) return std::unexpected(entry.error());
  const auto link = open_at(entry->directory, entry->name.c_str(), O_PATH | O_NOFOLLOW);
  if (!link && link.error() == Errno{ENOENT}) return path;
  if (!link) return std::unexpected(link.error());
  auto next = follow(task, *entry, link->get(), path);
  // it is none
  if (!next && next.error() == Errno{ENOENT}) return path;
  return next;
}

}  // namespace seccompagent
