// SPDX-License-Identifier: Apache-2.0
// New mounts for a caller, and changes of mounts that are there, by a helper for mounts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "caller/target.h"
#include "container/acting_cgroups.h"
#include "helper/masks.h"
#include "helper/mount_request.h"
#include "helper/new_mount.h"
#include "kernel/outcome.h"
#include "kernel/payer.h"
#include "process/child.h"

namespace seccompagent {

struct Mounting {
  const Target& target;
  const Patience& patience;
  // Of what acts for it, and of what is made.
  Owner owner;
  // See HelperCaller.
  const ActingCgroups* cgroups;
  // Room for a helper's own words: what the outcome says points there.
  std::string& failed_step;
  // See MountPlace.
  std::string proc_path = {};
  // Of an unmount, see MountPlace. Null: nobody knows them.
  std::shared_ptr<const FirstMounts> first_mounts = {};
};

// The mount point is resolved as the caller; CAP_SYS_ADMIN is lent for the mount, over what the
// caller may cover. An empty mount point is the base itself. A new proc or sysfs hides what the
// masks say, and what the caller's own mounts hide, if they are not those of the container's first
// process.
[[nodiscard]] Outcome make_mount(const Mounting& mounting, const MountRequest& request,
                                 const Masks& masks, bool has_own_mounts);

// See MountMaker::cover; `file_system`: of a mount that is nowhere yet. ETIMEDOUT: it may be
// covered.
[[nodiscard]] Outcome cover_node(const Mounting& mounting, const UniqueFd& node,
                                 const UniqueFd& file_system);

// See MountMaker::unmount; `path` is what is left of it, empty for the base itself.
[[nodiscard]] Outcome unmount(const Mounting& mounting, const std::string& path,
                              std::uint32_t flags, std::shared_ptr<const Spared> spared);

// See MountMaker::set_attributes.
[[nodiscard]] Outcome set_mount_attributes(const Mounting& mounting, const std::string& path,
                                           const MountChange& change);

// Whether a new one of this type needs to know what the container hides.
[[nodiscard]] bool needs_masks(const MountRequest& request);

// For tests of the way that kernels before 6.18 need: never use proc's option `pidns`.
void refuse_pidns_option(bool is_refused);

}  // namespace seccompagent
