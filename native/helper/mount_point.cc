// SPDX-License-Identifier: Apache-2.0
#include "helper/mount_point.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <string>
#include <string_view>

#include "helper/mountinfo.h"
#include "helper/own_child.h"

namespace seccompagent {
namespace {

// Numbers of namespaces that are never used again, since Linux 6.11; before, that of the inode.
[[nodiscard]] std::uint64_t number_of_mounts(const MountJob& job) {
  constexpr unsigned long kGetNumber = _IOR(NSIO, 0x5, std::uint64_t);
  std::uint64_t number = 0;
  return ioctl(job.mount_namespace(), kGetNumber, &number) == 0 ? number : job.mount_namespace_id;
}

// Of a union: each takes as much as a mount, since the kernel makes one of it that nobody sees.
[[nodiscard]] std::uint64_t layers_of(const NewMount& mount) {
  constexpr auto kOne =
      std::to_array<std::string_view>({"datadir+", "lowerdir+", "upperdir", "workdir"});
  std::uint64_t layers = 0;
  for (const auto& [key, value] : mount.options) {
    if (std::ranges::find(kOne, key) != kOne.end()) ++layers;
    if (key == "lowerdir" && value)
      layers += 1 + static_cast<std::uint64_t>(std::ranges::count(*value, ':'));
  }
  return layers;
}

// As many as the container may have more, masks and layers included.
void count_mounts(MountJob& job, std::uint64_t existing) {
  Made& made = job.outcome.made;
  made = {.place = number_of_mounts(job),
          .amount = 1 + job.masks.size(),
          .existing = existing,
          .largest = 1};
  if (is_overlay(job.mount)) {
    made.place |= Made::kOverlays;
    made.amount += layers_of(job.mount);
    made.existing = Made::kNotAsked;
    made.largest = made.amount;
  }
  made.is_over = made.amount > job.place.allowance;
  if (made.is_over) job.outcome.answer = ENOSPC;
}

// Name of the place in all of the caller's mount namespace, whatever root the caller has, and with
// it mountinfo.
[[nodiscard]] Result<std::string> name_in_namespace(MountJob& job, const UniqueFd& place) {
  constexpr std::uint64_t kPower = kSysAdmin | 1ULL << CAP_SYS_CHROOT;
  Result<std::string> name = fail(ENAMETOOLONG);
  const auto ended = run_in_child(job.inner_stack_top, CLONE_FILES, getpid(), [&] {
    if (!set_effective(job, kPower) || !enter(job.outcome, job.mount_namespace(), CLONE_NEWNS))
      return;
    const std::string link = "self/fd/" + std::to_string(place.get());
    std::array<char, PATH_MAX> text = {};
    const ssize_t length = readlinkat(job.own_proc, link.c_str(), text.data(), text.size());
    if (length == -1) name = fail_errno();
    // what was cut is no name
    if (length > 0 && static_cast<std::size_t>(length) < text.size())
      name = std::string(text.data(), static_cast<std::size_t>(length));
  });
  if (!ended) return std::unexpected(ended.error());
  return name;
}

// Whether a mount would hide others, which the caller could neither take away nor change: a file of
// root's that a runtime has mounted into its directory. Nobody knows who has mounted them. Who may
// rename the directory, and so have it called otherwise just now, could get rid of them anyway.
[[nodiscard]] bool would_hide_others(MountJob& job, const UniqueFd& mount_point,
                                     const std::string& mountinfo, int id) {
  const auto name = name_in_namespace(job, mount_point);
  if (job.has_ended()) return true;
  const auto covers = name ? has_mounts_below(mountinfo, id, *name) : fail(name.error().number);
  if (!covers) job.outcome = our_failure("look at the mounts below", covers.error());
  return !covers || *covers;
}

}  // namespace

UniqueFd find_mount_point(MountJob& job) {
  UniqueFd found = open_mount_point(job, O_DIRECTORY);
  if (job.has_ended()) return {};
  if (!may_cover(job, found.get())) job.outcome.answer = EPERM;
  return found;
}

bool move_to(MountJob& job, const UniqueFd& mount, const UniqueFd& mount_point,
             const IsGone& is_gone) {
  job.outcome.is_gone = is_gone();
  if (job.outcome.is_gone) return false;
  return !refused(job.outcome, syscall(SYS_move_mount, mount.get(), "", mount_point.get(), "",
                                       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

bool may_use_place(MountJob& job, const UniqueFd& mount_point) {
  if (job.has_ended()) return false;
  if (job.has_own_power()) {
    count_mounts(job, Made::kNotAsked);
    return !job.has_ended();
  }
  const auto id = mount_id_of(mount_point.get());
  const auto text = id ? read_mountinfo(job.mountinfo) : fail(id.error().number);
  const auto standing = text ? find_standing(*text, *id) : fail(text.error().number);
  if (!standing) {
    job.outcome = our_failure("look at the mount below", standing.error());
  } else if (!standing->is_listed || standing->is_shared ||
             would_hide_others(job, mount_point, *text, *id)) {
    if (!job.has_ended()) job.outcome.answer = EPERM;
  } else {
    // where others have power over the mounts, they could cover all of them, and none is listed
    // then
    const auto lines = static_cast<std::uint64_t>(std::ranges::count(*text, '\n'));
    count_mounts(job, job.owner.is_open() ? Made::kNotAsked : lines);
  }
  return !job.has_ended();
}

bool enter_place(MountJob& job) {
  if (!enter_namespaces_of_paths(job)) return false;
  if (!job.has_own_power()) {
    job.mountinfo.reset(openat(job.own_proc, "self/mountinfo", O_RDONLY | O_CLOEXEC));
    if (broke(job.outcome, "open of mountinfo", job.mountinfo.get())) return false;
  }
  return enter_root(job);
}

}  // namespace seccompagent
