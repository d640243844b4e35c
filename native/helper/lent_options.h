// SPDX-License-Identifier: Apache-2.0
// File systems that are made with lent power, and the options that they may have.
#pragma once

#include "helper/new_mount.h"

namespace seccompagent {

// Whether it is made anew for who asks, or shows what is elsewhere. All others may be one for the
// whole machine, where options, or what is written, reach its other containers and its root: so do
// those of cgroup, cgroup2, binfmt_misc, debugfs and virtual disks.
[[nodiscard]] bool is_lent(const NewMount& mount);

// Whether each of its options is known to reach nothing beyond the mount: not the keys and
// certificates of the machine's users, its network, huge pages that are kept from others, or the
// cache that file systems have in common.
[[nodiscard]] bool has_lent_options(const NewMount& mount);

}  // namespace seccompagent
