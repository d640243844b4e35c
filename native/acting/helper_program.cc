// SPDX-License-Identifier: Apache-2.0
#include "acting/helper_program.h"

#include <dlfcn.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include <string>

#include "kernel/counted_apart.h"

namespace seccompagent {
namespace {

constexpr const char* kProgramName = "seccompagent-helper";

// The program beside the addon.
[[nodiscard]] std::string program_path() {
  Dl_info info = {};
  if (dladdr(reinterpret_cast<const void*>(&program_path), &info) == 0 ||
      info.dli_fname == nullptr) {
    return kProgramName;
  }
  const std::string self = info.dli_fname;
  return self.substr(0, self.rfind('/') + 1) + kProgramName;
}

}  // namespace

Result<UniqueFd> fixed_program() {
  const CountedApart apart;
  const UniqueFd file(open(program_path().c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return fail_errno();
  struct stat found = {};
  if (fstat(file.get(), &found) == -1) return fail_errno();
  const UniqueFd context(static_cast<int>(syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
  if (!context.is_open() ||
      syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == -1) {
    return fail_errno();
  }
  const UniqueFd mount(static_cast<int>(
      syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)));
  if (!mount.is_open()) return fail_errno();
  constexpr mode_t kExecutable = 0555;
  UniqueFd copy(
      openat(mount.get(), kProgramName, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, kExecutable));
  if (!copy.is_open() || fchmod(copy.get(), kExecutable) == -1) return fail_errno();
  for (off_t at = 0; at < found.st_size;) {
    const ssize_t sent =
        sendfile(copy.get(), file.get(), &at, static_cast<std::size_t>(found.st_size - at));
    if (sent <= 0) return sent == 0 ? fail(EIO) : fail_errno();
  }
  // nobody executes what is open for writing, and nothing is written from now on
  copy.reset();
  mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (syscall(SYS_mount_setattr, mount.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) ==
      -1) {
    return fail_errno();
  }
  UniqueFd readable(openat(mount.get(), kProgramName, O_RDONLY | O_CLOEXEC));
  if (!readable.is_open()) return fail_errno();
  return readable;
}

}  // namespace seccompagent
