// SPDX-License-Identifier: Apache-2.0
#include "files/attributes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>

#include "files/effect.h"
#include "files/file_system_type.h"
#include "files/lookup.h"

// Not in every libc's headers: Linux 6.6.
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

namespace seccompagent {

FileAnswer change_mode(const Doing& doing) {
  const auto file = find_file(doing);
  if (!file) return refusal(file.error().number);
  const std::uint32_t mode = doing.request.mode;
  return have_changed(doing, copying_of(doing, file->fd), [&] {
    return have_effect(doing, [&] {
      const long changed = syscall(SYS_fchmodat2, file->fd, "", mode, AT_EMPTY_PATH);
      if (!is_missing(changed)) return changed;
      return by_path(doing, file->fd, [&](const char* path) { return chmod(path, mode); });
    });
  });
}

FileAnswer change_owner(const Doing& doing) {
  const auto file = find_file(doing);
  if (!file) return refusal(file.error().number);
  return have_changed(doing, copying_of(doing, file->fd), [&] {
    return have_effect(doing, [&] {
      return fchownat(file->fd, "", doing.request.first, doing.request.second, AT_EMPTY_PATH);
    });
  });
}

FileAnswer describe(const Doing& doing) {
  const auto file = find_file(doing);
  if (!file) return refusal(file.error().number);
  struct stat found = {};
  struct statfs system = {};
  if (fstatat(file->fd, "", &found, AT_EMPTY_PATH) == -1 || fstatfs(file->fd, &system) == -1)
    return refusal(errno);
  constexpr std::uint64_t kBillion = 1'000'000'000;
  const auto time = [](const timespec& at) {
    return static_cast<std::uint64_t>(at.tv_sec) * kBillion +
           static_cast<std::uint64_t>(at.tv_nsec);
  };
  const std::array<std::uint64_t, kStatNumbers> numbers = {
      major(found.st_dev),
      minor(found.st_dev),
      found.st_ino,
      found.st_mode,
      found.st_nlink,
      found.st_uid,
      found.st_gid,
      major(found.st_rdev),
      minor(found.st_rdev),
      static_cast<std::uint64_t>(found.st_size),
      static_cast<std::uint64_t>(found.st_blocks),
      time(found.st_atim),
      time(found.st_mtim),
      time(found.st_ctim),
      static_cast<std::uint64_t>(system.f_flags)};
  FileAnswer answer;
  answer.bytes.assign(reinterpret_cast<const char*>(numbers.data()), sizeof numbers);
  return answer;
}

FileAnswer read_link(const Doing& doing) {
  const auto file = find_file(doing);
  if (!file) return refusal(file.error().number);
  if (is_of_processes(file->fd)) return refusal(EOPNOTSUPP);
  return have_bytes(doing, [&](char* out, std::size_t size) -> long {
    return readlinkat(file->fd, "", out, size);
  });
}

}  // namespace seccompagent
