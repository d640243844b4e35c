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

struct Files {
  UniqueFd symlinks;
  UniqueFd regular;
  UniqueFd fifos;
};

[[nodiscard]] Result<UniqueFd> open_level(const char* path) {
  UniqueFd file(open(path, O_RDONLY | O_CLOEXEC));
  if (!file.is_open() && errno != ENOENT) return fail_errno();
  return file;
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

// 0 where there is none.
[[nodiscard]] std::uint32_t level_in(const UniqueFd& file) {
  char digit = '0';
  const bool is_read = retry_eintr([&] { return pread(file.get(), &digit, 1, 0); }) == 1;
  return is_read ? static_cast<std::uint32_t>(digit - '0') : 0;
}

}  // namespace

Result<void> open_link_protections() {
  if (!files()) return std::unexpected(files().error());
  return {};
}

void add_link_protections(FileRequest& request) {
  const Files& levels = *files();
  request.protects_links = level_in(levels.symlinks) != 0;
  if (request.operation != FileOperation::open || (request.flags & O_CREAT) == 0) return;
  request.first = level_in(levels.regular);
  request.second = level_in(levels.fifos);
}

}  // namespace seccompagent
