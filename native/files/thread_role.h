// SPDX-License-Identifier: Apache-2.0
// A thread in the role of a caller: fs ids, groups, effective Linux capabilities, umask, root and
// working directory, see credentials(7). All of these are the thread's own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>

#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

struct RoleIds {
  std::uint32_t fs_uid;
  std::uint32_t fs_gid;
  std::span<const gid_t> groups;
};

struct Role {
  // nullptr: the thread has them for good.
  const RoleIds* ids;
  // Those that count; what we do not have ourselves does not.
  std::uint64_t capabilities;
  mode_t umask;
  // O_PATH; -1: stays as it is.
  int root;
};

// The working directory is the root afterwards, and relative paths start at descriptors.
class ThreadRole {
 public:
  // Opens where the process is, to come back there; before any thread takes a role.
  [[nodiscard]] static Result<void> know_own_places();
  // Where the process is changes from now on: roles are left to where they were taken, and nothing
  // is kept open there meanwhile, which others might unmount.
  static void forget_own_places();
  // Our procfs.
  [[nodiscard]] static int own_processes();
  // Makes the calling thread ready: it no longer shares umask, root and working directory with
  // others. Once per thread. EPERM: not root.
  [[nodiscard]] static Result<void> prepare();

  // The thread is in the role until this ends. `step` says which step failed, if one does.
  [[nodiscard]] static Result<ThreadRole> take(const Role& role, const char*& step);
  ThreadRole(ThreadRole&& other) noexcept;
  ThreadRole& operator=(ThreadRole&&) = delete;
  ThreadRole(const ThreadRole&) = delete;
  ThreadRole& operator=(const ThreadRole&) = delete;
  // A thread that can't come back must not go on: it would have a caller's rights, or ours where a
  // caller's are due. The process aborts then.
  ~ThreadRole();

 private:
  ThreadRole() = default;
  bool is_taken_ = true;
  // Where it was taken; closed: see know_own_places.
  UniqueFd before_;
  bool has_ids_ = false;
  bool has_groups_ = false;
  bool has_root_ = false;
  bool has_capabilities_ = false;
  mode_t umask_ = 0;
};

// Whether the thread has a Linux capability, by its number, in its role.
[[nodiscard]] bool is_effective(unsigned capability);

// A Linux capability that is effective besides those of the role while this lives. 0: none is.
class LentCapability {
 public:
  explicit LentCapability(std::uint64_t capability);
  LentCapability(const LentCapability&) = delete;
  LentCapability& operator=(const LentCapability&) = delete;
  // As with ThreadRole: a thread that can't give it back must not go on. Leaves errno as it is.
  ~LentCapability();

 private:
  bool is_lent_ = false;
  std::uint64_t before_ = 0;
};

// Sets the effective Linux capabilities of this thread to those of `wanted` that are permitted.
// False: they were those already.
[[nodiscard]] Result<bool> set_effective(std::uint64_t wanted);
[[nodiscard]] Result<std::uint64_t> permitted_capabilities();

}  // namespace seccompagent
