// SPDX-License-Identifier: Apache-2.0
#include "container/first_places.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "caller/proc_text.h"
#include "kernel/process_files.h"
#include "kernel/root_mount.h"

namespace seccompagent {

std::shared_ptr<const FirstPlaces> find_first_places(const UniqueFd& pidfd) {
  const auto pid = pid_of(pidfd);
  if (!pid) return nullptr;
  const auto pids = open_of_process(pidfd, "ns/pid");
  if (!pids) return nullptr;
  UniqueFd made_in(ioctl(pids->get(), NS_GET_USERNS));
  const std::string path = "/proc/" + std::to_string(*pid) + "/root";
  // the second is of kernels that do not know the first
  constexpr unsigned kWanted = kUniqueMount | STATX_MNT_ID | STATX_INO;
  struct statx root = {};
  const bool is_root_seen = statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC, kWanted, &root) == 0;
  const bool is_rooted =
      (root.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0 && (root.stx_mask & kUniqueMount) != 0;
  const auto start = thread_start_time(*pid);
  // somebody else may have its number by now
  const bool is_there = syscall(SYS_pidfd_send_signal, pidfd.get(), 0, nullptr, 0) == 0;
  if (!is_root_seen || !start || !is_there) return nullptr;
  return std::make_shared<const FirstPlaces>(
      root.stx_mnt_id, root.stx_ino, is_rooted ? root.stx_mnt_id : 0, std::move(made_in), *start);
}

}  // namespace seccompagent
