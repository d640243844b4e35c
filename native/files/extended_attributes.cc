// SPDX-License-Identifier: Apache-2.0
#include "files/extended_attributes.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include <bit>
#include <cstdint>

#include "files/effect.h"
#include "files/lookup.h"
#include "files/memory_file_system.h"

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

FileAnswer get_xattr(const Doing& doing) {
  const auto file = find_file(doing);
  if (!file) return refusal(file.error().number);
  const char* name = doing.request.name.c_str();
  return have_bytes(doing, [&](char* out, std::size_t size) {
    XattrArguments arguments = {.value = std::bit_cast<std::uint64_t>(out),
                                .size = static_cast<std::uint32_t>(size),
                                .flags = 0};
    const long got =
        syscall(SYS_getxattrat, file->fd, "", AT_EMPTY_PATH, name, &arguments, sizeof arguments);
    if (!is_missing(got)) return got;
    return by_path(doing, file->fd,
                   [&](const char* path) { return getxattr(path, name, out, size); });
  });
}

FileAnswer list_xattr(const Doing& doing) {
  const auto file = find_file(doing);
  if (!file) return refusal(file.error().number);
  return have_bytes(doing, [&](char* out, std::size_t size) {
    const long got = syscall(SYS_listxattrat, file->fd, "", AT_EMPTY_PATH, out, size);
    if (!is_missing(got)) return got;
    return by_path(doing, file->fd, [&](const char* path) { return listxattr(path, out, size); });
  });
}

FileAnswer set_xattr(const Doing& doing) {
  const auto file = find_file(doing);
  if (!file) return refusal(file.error().number);
  const FileRequest& request = doing.request;
  // no overlay has a layer elsewhere, and the kernel may keep for ever what is set there
  if (request.lent != 0 && !is_of_layer(file->fd)) return refusal(EOPNOTSUPP);
  const char* name = request.name.c_str();
  const Making making = {.at = file->fd,
                         .name = nullptr,
                         .bytes = request.name.size() + request.data.size(),
                         .is_attribute = true};
  const auto set_value = [&]() -> long {
    XattrArguments arguments = {.value = std::bit_cast<std::uint64_t>(request.data.data()),
                                .size = static_cast<std::uint32_t>(request.data.size()),
                                .flags = request.flags};
    const long set =
        syscall(SYS_setxattrat, file->fd, "", AT_EMPTY_PATH, name, &arguments, sizeof arguments);
    if (!is_missing(set)) return set;
    return by_path(doing, file->fd, [&](const char* path) {
      return setxattr(path, name, request.data.data(), request.data.size(),
                      static_cast<int>(request.flags));
    });
  };
  return have_changed(doing, copying_of(doing, file->fd),
                      [&] { return have_made(doing, making, set_value); });
}

FileAnswer remove_xattr(const Doing& doing) {
  const auto file = find_file(doing);
  if (!file) return refusal(file.error().number);
  const char* name = doing.request.name.c_str();
  const auto remove = [&]() -> long {
    const long removed = syscall(SYS_removexattrat, file->fd, "", AT_EMPTY_PATH, name);
    if (!is_missing(removed)) return removed;
    return by_path(doing, file->fd, [&](const char* path) { return removexattr(path, name); });
  };
  return have_changed(doing, copying_of(doing, file->fd),
                      [&] { return have_effect(doing, remove); });
}

}  // namespace seccompagent
