// SPDX-License-Identifier: Apache-2.0
// A path such as /proc/PID/root/config.json would lead into a container, which is why magic links
// are refused, see openat2(2).
#include "runtime_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unique_fd.h"

namespace seccompagent {
namespace {

[[nodiscard]] Result<UniqueFd> open_regular(const std::string& path, uid_t owner) {
  open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW,
                  .mode = 0,
                  .resolve = RESOLVE_NO_MAGICLINKS};
  UniqueFd file(static_cast<int>(
      retry_eintr([&] { return syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how); })));
  if (!file.is_open()) return fail_errno();
  struct stat found = {};
  if (fstat(file.get(), &found) == -1) return fail_errno();
  if (!S_ISREG(found.st_mode)) return fail(EINVAL);
  // what others have written is not what the runtime says
  if (found.st_uid != 0 && found.st_uid != owner) return fail(EPERM);
  return file;
}

}  // namespace

Result<std::string> read_runtime_file(const std::string& path, std::size_t most, uid_t owner) {
  const auto file = open_regular(path, owner);
  if (!file) return std::unexpected(file.error());
  std::string text;
  char chunk[16UL * 1024];
  for (;;) {
    const ssize_t got = retry_eintr([&] { return read(file->get(), chunk, sizeof chunk); });
    if (got == -1) return fail_errno();
    if (got == 0) return text;
    if (text.size() + static_cast<std::size_t>(got) > most) return fail(EFBIG);
    text.append(chunk, static_cast<std::size_t>(got));
  }
}

}  // namespace seccompagent
