// SPDX-License-Identifier: Apache-2.0
// One mount that is being made.
#pragma once

#include <vector>

#include "helper/mount_child.h"
#include "helper/new_mount.h"
#include "helper/proc_opener.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

struct MountJob : CallerJob {
  NewMount mount;
  // Of a type that hides something.
  bool has_cover = false;
  // The pid namespace belongs to another user namespace than ours.
  bool has_foreign_processes = false;
  // Paths that it is to hide, once they are known.
  std::vector<Mask> masks = {};
  // Of the caller's mount namespace, where that is to be looked at.
  UniqueFd mountinfo = {};
  // Our own mount namespace, to come back.
  UniqueFd own_mounts = {};
  // Of a file system that the kernel would open a file for.
  UniqueFd source = {};
  const ProcOpener* proc_opener = nullptr;
  // Mount namespace without mounts; closed until it is needed.
  UniqueFd* empty_mounts = nullptr;
};

[[nodiscard]] inline bool is_proc(const NewMount& mount) { return mount.type == "proc"; }

[[nodiscard]] inline bool is_overlay(const NewMount& mount) { return mount.type == "overlay"; }

}  // namespace seccompagent
