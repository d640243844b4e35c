// SPDX-License-Identifier: Apache-2.0
// One caller pinned for one notification: descriptors and credentials taken while it waits.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "caller/label.h"
#include "caller/namespaces.h"
#include "caller/path_start.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// Listener and notification that something is done for.
struct CallId {
  int listener;
  unsigned long id_valid_request;
  std::uint64_t id;
  pid_t tid;
  // By which it is known while it lives; 0: it has none.
  std::uint32_t listener_token = 0;
};

struct UserIds {
  std::uint32_t real;
  std::uint32_t effective;
  std::uint32_t saved;
  std::uint32_t fs;

  friend bool operator==(const UserIds&, const UserIds&) = default;
};

// As /proc/TID/status shows them to us: ids of our own user namespace.
struct Credentials {
  UserIds uid;
  UserIds gid;
  std::vector<gid_t> groups;
  std::uint64_t effective_capabilities;
  mode_t umask;
};

// Numbers in nested pid namespaces, ours first, see NStgid and NSpid in proc_pid_status(5).
struct ProcessNumbers {
  std::vector<pid_t> process;
  std::vector<pid_t> thread;
};

struct Target {
  CallId call;
  Credentials credentials;
  ProcessNumbers numbers = {};
  UniqueFd root;
  // Of what is pinned for files, in place of the descriptor: see CallerState::mount_of_root.
  std::uint64_t root_mount = 0;
  // Start of relative paths: the dirfd that was asked for, or the working directory.
  UniqueFd base;
  // 0, or what the caller gets to hear of where its path starts: EBADF, ENOENT or ENOTDIR.
  int base_error;
  // The base is what the call is about, and the caller has it for its path only.
  bool is_base_path_only;
  // The same of a second path.
  UniqueFd second_base;
  int second_base_error;
  Label label;
  // Of what is pinned for files, in place of the descriptors.
  Places places = {};
  // Each open only where it differs from our own, and pinned for mounts only.
  UniqueFd user_namespace;
  // Mount points are looked up in the mount namespace and in the network namespace. proc shows a
  // pid namespace; sysfs, mqueue and cgroup2 show the other ones of their maker.
  UniqueFd mount_namespace;
  UniqueFd pid_namespace;
  UniqueFd net_namespace;
  UniqueFd ipc_namespace;
  UniqueFd cgroup_namespace;
};

enum class Pinned {
  // Neither the root nor a base that is the root: whoever acts may be there.
  for_files,
  for_changes_of_mounts,
  for_proc,
  for_mounts
};

// Opens everything first and asks then whether the notification is still valid, so that nothing of
// a recycled pid is ever used.
// ESRCH: the notification is gone. ETOOMANYREFS: the caller has more than kMaxGroups.
// `second`: of a second path; nullptr: there is none.
[[nodiscard]] Result<Target> pin_target(const CallId& call, const Start& start, Pinned pinned,
                                        const Start* second = nullptr);

// Of a caller for whom something is done: all of them are read, sent and taken on for each call,
// which others wait for.
inline constexpr std::size_t kMaxGroups = 1024;

// The same of the numbers; empty where the kernel has no pid namespaces.
[[nodiscard]] ProcessNumbers parse_numbers(const char* status);

// Opens a link in the entry of a caller's process, or of its thread, in our procfs; O_PATH.
[[nodiscard]] Result<UniqueFd> open_own(pid_t tid, const char* name, bool is_of_thread);
// Of such an error, whether it is what the caller gets to hear; others are our own failure.
[[nodiscard]] bool is_callers_own(Errno error);

// Reads the fields of a status file, see proc_pid_status(5). EINVAL: a field is missing.
// ETOOMANYREFS: there are more groups than that.
[[nodiscard]] Result<Credentials> parse_credentials(const char* status,
                                                    std::size_t max_groups = SIZE_MAX);

}  // namespace seccompagent
