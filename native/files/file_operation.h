// SPDX-License-Identifier: Apache-2.0
// Operations on a caller's files, by a helper in the role of the caller.
#pragma once

#include <fcntl.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "files/callers_process.h"
#include "kernel/border.h"
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
  // The system's protected_symlinks.
  bool protects_links = true;
  // Whether symbolic links of the last component are followed, where the operation asks.
  bool is_followed = true;
  // Of truncate: the caller's RLIMIT_FSIZE.
  std::uint64_t max_size = ~std::uint64_t{0};
  // Bytes that a result may have.
  std::uint32_t room = 0;
  // Of open: RESOLVE_* of openat2(2).
  std::uint64_t resolve = 0;
  // What the base is that a look-up has found; the path is empty then, or the name. With a name
  // that was free, an open that does not make it comes to EEXIST.
  LocatedAs located = LocatedAs::nothing;
  // Of open: the caller gets it at once, and its answer when nobody else has it open any more.
  bool is_given = false;
  // A Linux capability, as a bit, that counts for the effect alone; 0: none.
  std::uint64_t lent = 0;
  // If one is lent: the user whose files the caller's own are.
  std::uint32_t owner = 0;
  // 0, or what is wrong with the second path or where it starts: told where the kernel would, after
  // what is wrong with the first one.
  int second_error = 0;
  // Absolute folders, seen from the caller's root: nothing is done but in or below one of them
  // (EPERM). None: everywhere.
  std::vector<std::string> within = {};
};

// Starts of the paths; O_PATH descriptors of the caller's. -1: they are absolute.
struct FilePlace {
  int base;
  // Of undo_mknod: what was made.
  int second_base;
  // Our own procfs.
  int processes;
  // Of paths that lead through a procfs; nullptr: none is followed there.
  const CallersProcess* process = nullptr;
  // The acting process has another's memory, whose entry in a procfs is its own as well.
  bool has_memory_of_another = false;
};

struct FileAnswer {
  // 0 or a positive errno.
  int error = 0;
  // The notification went away before the effect.
  bool is_gone = false;
  std::string bytes;
  // Of open and look-ups; of mknod with a lent Linux capability the node, opened for nothing, where
  // its file system lets nobody open it, or an empty file where it lets nobody make it: the bytes
  // are a NodeLook then.
  UniqueFd fd;
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

// The bit of O_TMPFILE that no other flag has.
inline constexpr std::uint64_t kTmpfile = O_TMPFILE & ~O_DIRECTORY;

// Of an open: whether it may make or empty a file.
[[nodiscard]] inline bool makes_or_empties(const FileRequest& request) {
  return (request.flags & (O_TRUNC | O_CREAT | kTmpfile)) != 0;
}

// Asks whether the notification is still there, right before the effect.
class Validity {
 public:
  virtual ~Validity() = default;
  [[nodiscard]] virtual bool is_gone() const = 0;
  // Told before what may wait for another process, as for the other end of a FIFO.
  virtual void note_wait() const {}
  // Told before what the container's cgroups decide, and after it. False: they decide no more.
  [[nodiscard]] virtual bool stay_in_cgroups() const { return true; }
  virtual void end_stay() const {}

 protected:
  Validity() = default;
  Validity(const Validity&) = default;
  Validity& operator=(const Validity&) = default;
};

// In a procfs, `self` and the links of the caller's process are the caller's; other links that lead
// to what a process has are not followed (ELOOP). Nothing is opened in the entry of the calling
// process (EOPNOTSUPP), which may look at itself as nobody else may.
[[nodiscard]] FileAnswer operate_on_file(const FileRequest& request, const FilePlace& place,
                                         const Validity& validity);

}  // namespace seccompagent
