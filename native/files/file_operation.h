// SPDX-License-Identifier: Apache-2.0
// Operations on a caller's files, by a thread that has the caller's role (thread_role.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "files/callers_process.h"
#include "kernel/border.h"
#include "kernel/made.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// Paths are what start_of (target.h) leaves of them: relative to their base, or absolute; empty for
// the base itself.
struct FileRequest {
  FileOperation operation;
  std::string path;
  // Of rename and link: the new path; of symlink: the text of the link.
  std::string second_path;
  // Of an extended attribute.
  std::string name;
  // Its value; of set_times two NewTime, or none: both are now.
  std::string data;
  // AT_SYMLINK_NOFOLLOW, AT_SYMLINK_FOLLOW, AT_REMOVEDIR, RENAME_*, XATTR_*, O_*: those of the
  // call.
  std::uint32_t flags = 0;
  std::uint32_t mode = 0;
  // Of chown: uid and gid; of mknod: major and minor; of truncate: the halves of the length, the
  // lower one first; of open with O_CREAT: the levels of the
  // system's protected_regular and protected_fifos.
  std::uint32_t first = 0;
  std::uint32_t second = 0;
  // Of open with O_CREAT: the system's protected_symlinks.
  bool protects_links = true;
  // Whether symbolic links of the last component are followed, where the operation asks.
  bool is_followed = true;
  // Of truncate: the caller's RLIMIT_FSIZE.
  std::uint64_t max_size = ~std::uint64_t{0};
  // Bytes that a result may have.
  std::uint32_t room = 0;
  // Of open: RESOLVE_* of openat2(2).
  std::uint64_t resolve = 0;
  // Of open: the caller gets it at once, and its answer when nobody else has it open any more.
  bool is_given = false;
  // A Linux capability, as a bit, that counts for the effect alone; 0: none.
  std::uint64_t lent = 0;
  // Where one is lent: the user whose files the caller's own are.
  std::uint32_t owner = 0;
  // Absolute folders, seen from the caller's root: nothing is done but in or below one of them
  // (EPERM). None: everywhere.
  std::vector<std::string> within = {};
};

// Asked before a path may lead into another mount: that may be procfs, which shows names of the
// network namespace that we are in.
class Crossing {
 public:
  virtual ~Crossing() = default;
  [[nodiscard]] virtual bool is_entered() const = 0;
  // Enters the caller's network namespace.
  [[nodiscard]] virtual Result<void> enter() = 0;

 protected:
  Crossing() = default;
  Crossing(const Crossing&) = default;
  Crossing& operator=(const Crossing&) = default;
};

// Where the paths start; O_PATH descriptors of the caller's.
struct FilePlace {
  int base;
  // Of undo_mknod: what was made.
  int second_base;
  // Our own procfs.
  int processes;
  // nullptr: we are in the caller's namespaces for good.
  Crossing* crossing = nullptr;
  // Of paths that lead through a procfs; nullptr: none is followed there.
  const CallersProcess* process = nullptr;
  // How many bytes of what is made there a file system in memory may take; beyond, ENOSPC.
  std::uint64_t allowance = Made::kUntold;
  // How many bytes an overlay may copy into memory; beyond, ENOSPC.
  std::uint64_t copy_room = Made::kUntold;
  // Of what it copies, what is above our root, see Copy; none: nothing.
  std::optional<std::uint64_t> above_root = std::nullopt;
  // Nothing is made, wherever that would be: ENOSPC.
  bool is_full = false;
};

// Which ids of the caller the thread has. FUSE looks at more than those of file systems, so whoever
// has those alone gets ENOTSUP there, and on procfs, which is shown as seen from namespaces.
enum class HeldIds : std::uint8_t { of_file_systems, all };

struct FileAnswer {
  // 0 or a positive errno.
  int error = 0;
  // The notification went away before the effect.
  bool is_gone = false;
  std::string bytes;
  // Of open; of mknod with a lent Linux capability the node, opened for nothing, where its file
  // system lets nobody open it, or an empty file where it lets nobody make it: the bytes are a
  // NodeLook then.
  UniqueFd fd;
  Made made = {};
  // Bytes that an overlay has copied into memory, or would have: with more than its room, nothing
  // is done.
  std::uint64_t copied = 0;
  // Of open: whether to close it asks nobody.
  bool is_closed_at_once = false;
  // The same, or it asks other file systems that mostly are on disks.
  bool is_closed_soon = false;
  // Nothing was done: this file of the caller is needed first, see CallersProcess.
  std::optional<OwnLink> wanted = std::nullopt;
};

struct NodeLook {
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint32_t mode;
};

// Whether this takes memory where a file system is in memory.
[[nodiscard]] bool makes_something(const FileRequest& request);

// Asks whether the notification is still there, right before the effect.
class Validity {
 public:
  virtual ~Validity() = default;
  [[nodiscard]] virtual bool is_gone() const = 0;
  // Told before what may wait for another process, as for the other end of a FIFO.
  virtual void note_wait() const {}

 protected:
  Validity() = default;
  Validity(const Validity&) = default;
  Validity& operator=(const Validity&) = default;
};

// In a procfs, `self` and the links of the caller's process are the caller's; other links that lead
// to what a process has are not followed (ELOOP). Nothing is opened in a procfs that shows the
// calling process (EOPNOTSUPP), which may look at itself as nobody else may.
[[nodiscard]] FileAnswer operate_on_file(const FileRequest& request, const FilePlace& place,
                                         HeldIds held, const Validity& validity);

}  // namespace seccompagent
