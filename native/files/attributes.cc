// SPDX-License-Identifier: Apache-2.0
#include "files/attributes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "files/effect.h"
#include "files/file_system_type.h"
#include "files/lookup.h"

// Not in every libc's headers: Linux 6.6.
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

namespace seccompagent {

FileAnswer change_mode(const FileTask& task) {
  const auto file = find_file(task);
  if (!file) return failure(file.error().number);
  const std::uint32_t mode = task.request.mode;
  return perform(task, [&] {
    const long changed = syscall(SYS_fchmodat2, file->fd, "", mode, AT_EMPTY_PATH);
    if (!is_unsupported(changed)) return changed;
    return by_path(task, file->fd, [&](const char* path) { return chmod(path, mode); });
  });
}

FileAnswer change_owner(const FileTask& task) {
  const auto file = find_file(task);
  if (!file) return failure(file.error().number);
  return perform(task, [&] {
    return fchownat(file->fd, "", task.request.first, task.request.second, AT_EMPTY_PATH);
  });
}

FileAnswer read_status(const FileTask& task) {
  const auto file = find_file(task);
  if (!file) return failure(file.error().number);
  struct stat found = {};
  struct statfs system = {};
  if (fstatat(file->fd, "", &found, AT_EMPTY_PATH) == -1 || fstatfs(file->fd, &system) == -1)
    return failure(errno);
  constexpr std::uint64_t kBillion = 1'000'000'000;
  const auto time = [](const timespec& at) {
    return static_cast<std::uint64_t>(at.tv_sec) * kBillion +
           static_cast<std::uint64_t>(at.tv_nsec);
  };
  const FileStatus status = {.holder_major = major(found.st_dev),
                             .holder_minor = minor(found.st_dev),
                             .inode = found.st_ino,
                             .mode = found.st_mode,
                             .links = found.st_nlink,
                             .uid = found.st_uid,
                             .gid = found.st_gid,
                             .device_major = major(found.st_rdev),
                             .device_minor = minor(found.st_rdev),
                             .size = static_cast<std::uint64_t>(found.st_size),
                             .blocks = static_cast<std::uint64_t>(found.st_blocks),
                             .accessed = time(found.st_atim),
                             .modified = time(found.st_mtim),
                             .changed = time(found.st_ctim),
                             .mount_flags = static_cast<std::uint64_t>(system.f_flags)};
  FileAnswer answer;
  answer.bytes.assign(reinterpret_cast<const char*>(&status), sizeof status);
  return answer;
}

FileAnswer read_link(const FileTask& task) {
  const auto file = find_file(task);
  if (!file) return failure(file.error().number);
  if (is_of_processes(file->fd)) return failure(EOPNOTSUPP);
  return read_bytes(task, [&](char* out, std::size_t size) -> long {
    return readlinkat(file->fd, "", out, size);
  });
}

}  // namespace seccompagent
