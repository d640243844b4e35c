// SPDX-License-Identifier: Apache-2.0
// Masks of the proc and sysfs of a container, and their application to a new one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "helper/mount_request.h"
#include "helper/mountinfo.h"
#include "kernel/result.h"

namespace seccompagent {

// One place in a proc or sysfs.
struct Mask {
  // From the root of that file system, without a slash in front.
  std::string path;
  // Covered by something else; otherwise it can be seen, but is read-only.
  bool is_hidden;
  friend bool operator==(const Mask&, const Mask&) = default;
};

// One file system, as the first process of a container sees it.
struct Cover {
  // False: it sees none, or a part of one. What such a file system shows is not for this container.
  bool is_whole = false;
  bool is_read_only = false;
  // Those below are of proc only: subset=pid, hidepid and gid, see proc(5).
  bool has_processes_only = false;
  int hidepid = 0;
  std::optional<std::string> hidepid_group = {};
  // A place comes before all that is below it.
  std::vector<Mask> masks = {};
  friend bool operator==(const Cover&, const Cover&) = default;
};

struct Masks {
  Cover proc;
  Cover sysfs;
  friend bool operator==(const Masks&, const Masks&) = default;
};

// More than any runtime makes.
inline constexpr std::size_t kMaxMasks = 512;

// Reads /proc/PID/mountinfo of a container's first process: its /proc and /sys and all that is
// mounted below them. EINVAL: the text is none, or was cut, or changed while it was read. E2BIG:
// more than kMaxMasks are mounted there.
[[nodiscard]] Result<Masks> find_masks(std::string_view mountinfo);
[[nodiscard]] Result<Masks> find_masks(const Mounts& mounts);

// Paths that either of two looks found hidden.
[[nodiscard]] Cover stricter(const Cover& one, const Cover& other);
[[nodiscard]] Masks stricter(const Masks& one, const Masks& other);

// Facts of a mount before its own place or its attributes change.
struct Standing {
  // Some mount namespaces' mounts are in no list.
  bool is_listed = false;
  // It is a proc or a sysfs, or lies on one, where it may hide something.
  bool may_hide = false;
  // So does something below it.
  bool may_hide_below = false;
  // Mounts made there appear elsewhere, too, see mount_namespaces(7).
  bool is_shared = false;
  friend bool operator==(const Standing&, const Standing&) = default;
};

// Of the mount with this number in a text of mountinfo. EINVAL: the text is none, or was cut.
[[nodiscard]] Result<Standing> find_standing(std::string_view mountinfo, int id);

// Whether a new proc shows processes only: what else there is to hide is not known.
[[nodiscard]] bool shows_processes_only(const Cover& cover);

// Makes the options of a new proc show no more than the first process's proc does.
void narrow_proc_options(std::vector<MountOption>& options, const Cover& cover);

// Paths that all whole file systems of a type in a mount namespace hide together; nothing
// where one of them hides nothing. Not whole: there is none. Errors as of find_masks.
[[nodiscard]] Result<Cover> cover_in_all(std::string_view mountinfo, std::string_view type);

// Paths that a new proc hides. One that shows processes only, since nobody knows what else had to
// be hidden, hides one place more: whoever has a proc of which nothing is covered may mount a whole
// one by themselves in a user namespace of their own, whatever that proc shows, see
// mount_namespaces(7).
[[nodiscard]] std::vector<Mask> masks_of_new_proc(const Cover& cover);

// Covers of files and directories: absolute paths of two mounts.
struct MaskSources {
  const char* file;
  const char* directory;
};

// Mounts the masks over the places in a mounted file system, whose root becomes the working
// directory. Places that it does not have are skipped.
[[nodiscard]] Result<void> put_masks(int root, const std::vector<Mask>& masks,
                                     const MaskSources& sources);

}  // namespace seccompagent
