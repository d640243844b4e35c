// SPDX-License-Identifier: Apache-2.0
#include "acting/link_protections.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "kernel/unique_fd.h"

namespace seccompagent {
namespace {

struct Level {
  UniqueFd file;
  // Value if there is none to read.
  std::uint32_t without_file = 0;
};

struct Files {
  Level symlinks;
  Level regular;
  Level fifos;
};

// Where the machine's root alone may read them (mode 0600 in older kernels), root of a user
// namespace counts them as set, as distributions do.
[[nodiscard]] Result<Level> open_level(const char* path) {
  UniqueFd file(open(path, O_RDONLY | O_CLOEXEC));
  if (file.is_open() || errno == ENOENT) return Level{.file = std::move(file)};
  if (errno == EACCES || errno == EPERM) return Level{.file = {}, .without_file = 1};
  return fail_errno();
}

[[nodiscard]] Result<Files> open_files() {
  auto symlinks = open_level("/proc/sys/fs/protected_symlinks");
  if (!symlinks) return std::unexpected(symlinks.error());
  auto regular = open_level("/proc/sys/fs/protected_regular");
  if (!regular) return std::unexpected(regular.error());
  auto fifos = open_level("/proc/sys/fs/protected_fifos");
  if (!fifos) return std::unexpected(fifos.error());
  return Files{std::move(*symlinks), std::move(*regular), std::move(*fifos)};
}

[[nodiscard]] const Result<Files>& files() {
  static const Result<Files> opened = open_files();
  return opened;
}

[[nodiscard]] std::uint32_t value_of(const Level& level) {
  char digit = '0';
  const bool is_read = level.file.is_open() &&
                       retry_eintr([&] { return pread(level.file.get(), &digit, 1, 0); }) == 1;
  return is_read ? static_cast<std::uint32_t>(digit - '0') : level.without_file;
}

}  // namespace

Result<void> open_link_protections() {
  if (!files()) return std::unexpected(files().error());
  return {};
}

void add_link_protections(FileRequest& request) {
  const Files& levels = *files();
  request.protects_links = value_of(levels.symlinks) != 0;
  const bool is_of_open =
      request.operation == FileOperation::open || request.operation == FileOperation::locate_opened;
  if (!is_of_open || (request.flags & O_CREAT) == 0) return;
  request.first = value_of(levels.regular);
  request.second = value_of(levels.fifos);
}

}  // namespace seccompagent
