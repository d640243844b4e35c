// SPDX-License-Identifier: Apache-2.0
#include "caller/process_owner.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "kernel/process_files.h"

namespace seccompagent {
namespace {

[[nodiscard]] bool runs_as(const std::string& status, uid_t user) {
  constexpr std::string_view kName = "\nUid:";
  const std::size_t at = status.find(kName);
  if (at == std::string::npos) return false;
  constexpr int kDecimal = 10;
  const char* rest = status.c_str() + at + kName.size();
  // real, effective, saved, of the file system: a program with set-user-id is nobody's alone
  for (int id = 0; id < 4; ++id) {
    char* end = nullptr;
    if (static_cast<uid_t>(std::strtoul(rest, &end, kDecimal)) != user) return false;
    rest = end;
  }
  return true;
}

// The namespace that everybody is in at first has no parent, and counts as root's.
[[nodiscard]] bool is_made_by(UniqueFd at, uid_t user) {
  while (at.is_open()) {
    UniqueFd parent(ioctl(at.get(), NS_GET_PARENT));
    uid_t owner = 0;
    if (!parent.is_open()) return false;
    if (ioctl(at.get(), NS_GET_OWNER_UID, &owner) == 0 && owner == user) return true;
    at = std::move(parent);
  }
  return false;
}

}  // namespace

bool is_process_of(const UniqueFd& pidfd, uid_t user) {
  const auto status = read_of_process(pidfd, "status");
  if (status && runs_as(*status, user)) return true;
  auto own = open_of_process(pidfd, "ns/user");
  return own && is_made_by(std::move(*own), user);
}

bool is_process_of(pid_t process, uid_t user) {
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
  return pidfd.is_open() && is_process_of(pidfd, user);
}

}  // namespace seccompagent
