// SPDX-License-Identifier: Apache-2.0
// Mounts that no operation takes away, under whichever name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernel/result.h"

namespace seccompagent {

// A place by the mount that it is on.
struct HeldPlace {
  int mount;
  // From the root of that mount; empty: that root itself.
  std::string below;
  friend bool operator==(const HeldPlace&, const HeldPlace&) = default;
};

// Mounts of a container as they were at the first look at it, the runtime's among them.
struct FirstMounts {
  // The one at the root of its mount namespace; 0: nobody could look.
  int root = 0;
  // In their order.
  std::vector<int> ids = {};
  friend bool operator==(const FirstMounts&, const FirstMounts&) = default;
};

// Found in a container whose own program did not run yet.
struct Spared {
  // The mount at the root of its mount namespace; 0: nobody could look.
  int root = 0;
  // The proc and sysfs mounts that were there.
  std::vector<int> hiding = {};
  // The places as they were called, and what they were.
  std::vector<std::string> paths = {};
  std::vector<HeldPlace> places = {};
  friend bool operator==(const Spared&, const Spared&) = default;
};

// Whether the mount with this number in a text of mountinfo is at, below or above one of the
// places, or takes one along that is, by what its parent shares with others. So is every mount of
// another mount namespace, where the places can't be found, if there are any. EINVAL: the text is
// none, or was cut.
[[nodiscard]] Result<bool> is_spared(std::string_view mountinfo, int id, const Spared& spared);

// Whether others lose mounts with this one, by what its parent shares with theirs; `reaches_below`:
// or by what those share that go with it. True, too: it is in no list. EINVAL: see is_spared.
[[nodiscard]] Result<bool> is_taken_from_others(std::string_view mountinfo, int id,
                                                bool reaches_below);

// Whether one of the first mounts goes with this one; `reaches_below`: or with what is on it. True,
// too: it is of another mount namespace, or nobody knows. EINVAL: see is_spared.
[[nodiscard]] Result<bool> is_of_first(std::string_view mountinfo, int id, bool reaches_below,
                                       const FirstMounts& first);

// Whether a mount which stays is mounted on the same file system, that of a volume: whoever has
// that elsewhere may exchange the names of both mount points at any moment. EINVAL: see is_spared.
[[nodiscard]] Result<bool> may_change_places(std::string_view mountinfo, int id,
                                             const Spared& spared);

// One that lies on another.
struct MountBelow {
  int id;
  // From that one's root.
  std::string path;
};

struct OwnMount {
  bool is_own = false;
  std::vector<MountBelow> below = {};
};

// Whether that mount is a proc or a sysfs which the container has got later and which lies on none:
// it hides nothing. What is mounted on it hides something of it.
[[nodiscard]] Result<OwnMount> find_own(std::string_view mountinfo, int id, const Spared& spared);

}  // namespace seccompagent
