// SPDX-License-Identifier: Apache-2.0
#include "files/extended_attributes.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include <bit>
#include <cstdint>

#include "files/effect.h"
#include "files/layer_file_system.h"
#include "files/lookup.h"

// Not in every libc's headers: Linux 6.13.
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_getxattrat 464
#define SYS_listxattrat 465
#define SYS_removexattrat 466
#endif

namespace seccompagent {
namespace {

struct XattrArguments {
  std::uint64_t value;
  std::uint32_t size;
  std::uint32_t flags;
};

}  // namespace

FileAnswer get_xattr(const FileTask& task) {
  const auto file = find_file(task);
  if (!file) return failure(file.error().number);
  const char* name = task.request.name.c_str();
  return read_bytes(task, [&](char* out, std::size_t size) {
    XattrArguments arguments = {.value = std::bit_cast<std::uint64_t>(out),
                                .size = static_cast<std::uint32_t>(size),
                                .flags = 0};
    const long got =
        syscall(SYS_getxattrat, file->fd, "", AT_EMPTY_PATH, name, &arguments, sizeof arguments);
    if (!is_unsupported(got)) return got;
    return by_path(task, file->fd,
                   [&](const char* path) { return getxattr(path, name, out, size); });
  });
}

FileAnswer list_xattr(const FileTask& task) {
  const auto file = find_file(task);
  if (!file) return failure(file.error().number);
  return read_bytes(task, [&](char* out, std::size_t size) {
    const long got = syscall(SYS_listxattrat, file->fd, "", AT_EMPTY_PATH, out, size);
    if (!is_unsupported(got)) return got;
    return by_path(task, file->fd, [&](const char* path) { return listxattr(path, out, size); });
  });
}

FileAnswer set_xattr(const FileTask& task) {
  const auto file = find_file(task);
  if (!file) return failure(file.error().number);
  const FileRequest& request = task.request;
  // no overlay has a layer elsewhere, and the kernel may keep for ever what is set there
  if (request.lent != 0 && !is_of_layer(file->fd)) return failure(EOPNOTSUPP);
  const char* name = request.name.c_str();
  const auto set_value = [&]() -> long {
    XattrArguments arguments = {.value = std::bit_cast<std::uint64_t>(request.data.data()),
                                .size = static_cast<std::uint32_t>(request.data.size()),
                                .flags = request.flags};
    const long set =
        syscall(SYS_setxattrat, file->fd, "", AT_EMPTY_PATH, name, &arguments, sizeof arguments);
    if (!is_unsupported(set)) return set;
    return by_path(task, file->fd, [&](const char* path) {
      return setxattr(path, name, request.data.data(), request.data.size(),
                      static_cast<int>(request.flags));
    });
  };
  return perform(task, set_value);
}

FileAnswer remove_xattr(const FileTask& task) {
  const auto file = find_file(task);
  if (!file) return failure(file.error().number);
  const char* name = task.request.name.c_str();
  const auto remove = [&]() -> long {
    const long removed = syscall(SYS_removexattrat, file->fd, "", AT_EMPTY_PATH, name);
    if (!is_unsupported(removed)) return removed;
    return by_path(task, file->fd, [&](const char* path) { return removexattr(path, name); });
  };
  return perform(task, remove);
}

}  // namespace seccompagent
