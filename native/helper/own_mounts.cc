// SPDX-License-Identifier: Apache-2.0
#include "helper/own_mounts.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "helper/detached_mount.h"

namespace seccompagent {
namespace {

// Contents of the new root: places for the masks' sources, and the one for new mounts.
[[nodiscard]] Result<UniqueFd> make_root() {
  // whoever plays a caller in here still finds the places
  auto root = make_own(
      {.type = "tmpfs", .options = {{"source", kMaskName}, {"mode", "0711"}}, .attributes = 0});
  if (!root) return root;
  for (const char* place : {kWorkPlace, kMaskSources.directory}) {
    if (mkdirat(root->get(), place + 1, 0700) == -1) return fail_errno();
  }
  const UniqueFd file(
      openat(root->get(), kMaskSources.file + 1, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  if (!file.is_open()) return fail_errno();
  return root;
}

// Read-only, so that nobody changes the mode or the times of a device by a mask.
[[nodiscard]] Result<UniqueFd> make_file_mask(const char* path) {
  UniqueFd device = open_tree_at(path);
  if (!device.is_open()) return fail_errno();
  mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
  attributes.propagation = MS_PRIVATE;
  if (syscall(SYS_mount_setattr, device.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) ==
      -1) {
    return fail_errno();
  }
  return device;
}

// A node of our own in the new root: that of the host would tell who uses it, by inotify(7), and be
// locked by flock(2). EPERM: our cgroup or our Linux capabilities do not let us make one.
[[nodiscard]] Result<UniqueFd> make_device() {
  constexpr const char* kDevice = "/device";
  constexpr mode_t kMode = 0666;
  // called as a runtime's in mountinfo, where it covers itself
  if (mknod(kDevice, S_IFCHR | kMode, makedev(1, 3)) == -1 || chmod(kDevice, kMode) == -1 ||
      rename(kDevice, kMaskSources.file) == -1) {
    return fail_errno();
  }
  return make_file_mask(kMaskSources.file);
}

}  // namespace

Result<UniqueFd> make_directory_mask() {
  return make_own(
      {.type = "tmpfs",
       .options = {{"source", kMaskName}, {"ro", std::nullopt}, {"mode", "0555"}},
       .attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC});
}

Result<void> pivot_to(const UniqueFd& root) {
  if (unshare(CLONE_NEWNS) == -1 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1 ||
      move_to_path(root, "/") == -1 || fchdir(root.get()) == -1 ||
      syscall(SYS_pivot_root, ".", ".") == -1 || umount2(".", MNT_DETACH) == -1 ||
      fchdir(root.get()) == -1) {
    return fail_errno();
  }
  return {};
}

Result<void> leave_mount_namespace() {
  const auto hosts_device = make_file_mask("/dev/null");
  if (!hosts_device) return std::unexpected(hosts_device.error());
  const auto directory_mask = make_directory_mask();
  if (!directory_mask) return std::unexpected(directory_mask.error());
  const auto root = make_root();
  if (!root) return std::unexpected(root.error());
  if (const auto done = pivot_to(*root); !done) return done;
  const auto own_device = make_device();
  const UniqueFd& file_mask = own_device ? *own_device : *hosts_device;
  if (move_to_path(file_mask, kMaskSources.file) == -1 ||
      move_to_path(*directory_mask, kMaskSources.directory) == -1) {
    return fail_errno();
  }
  return {};
}

}  // namespace seccompagent
