// SPDX-License-Identifier: Apache-2.0
// One caller pinned for one notification: descriptors and credentials taken while it waits.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "caller/label.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// Which notification of which listener something is done for.
struct CallId {
  int listener;
  unsigned long id_valid_request;
  std::uint64_t id;
  pid_t tid;
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

struct Target {
  CallId call;
  Credentials credentials;
  UniqueFd root;
  // Where relative paths start: the dirfd that was asked for, or the working directory.
  UniqueFd base;
  // 0, or what the caller gets to hear of where its path starts: EBADF, ENOENT or ENOTDIR.
  int base_error;
  // The base is what the call is about, and the caller has it for its path only.
  bool is_base_path_only;
  // The same of a second path.
  UniqueFd second_base;
  int second_base_error;
  Label label;
  // Each open only where it differs from our own.
  UniqueFd user_namespace;
  // The others are pinned for mounts only; helpers for files look for themselves, see HelperPool.
  // Mount points are looked up in the mount namespace and in the network namespace. proc shows a
  // pid namespace; sysfs, mqueue and cgroup2 show the other ones of their maker.
  UniqueFd mount_namespace;
  UniqueFd pid_namespace;
  UniqueFd net_namespace;
  UniqueFd ipc_namespace;
  UniqueFd cgroup_namespace;
};

enum class Pinned { for_files, for_changes_of_mounts, for_proc, for_mounts };

// Where the resolution of a path starts.
struct Start {
  // Of the caller, or AT_FDCWD.
  int dirfd;
  // Entry of a path through /proc/self or /proc/thread-self: `cwd`, `root` or `fd/N`, which mean
  // something to the caller only. Empty: nothing of the kind.
  std::string proc_entry;
  // Of the thread, not of its group.
  bool is_of_thread;
  // The path from there; empty when it is the place itself.
  std::string rest;
  // The path is absolute: it does not matter where the caller is.
  bool is_from_root = false;
  // With proc_entry: all of the path, which is what counts where the caller's root has no procfs
  // that it may search, or other links in /dev, see callers_proc.h.
  std::string asked = {};
};

// Where this path of a caller starts: /proc/self/fd/6/a is `a` from what the caller has as fd 6.
[[nodiscard]] Start start_of(std::string path, int dirfd);

// The same where /dev has the links of every container to /proc/self, see callers_proc.h:
// /dev/fd/6/a is that as well, and so is /dev/stdout where `is_led_on`: not the link is meant, but
// what it leads to. Whoever acts looks whether they are there.
[[nodiscard]] Start start_behind_links(std::string path, int dirfd, bool is_led_on);

// Opens everything first and asks then whether the notification is still valid, so that nothing of
// a recycled pid is ever used.
// ESRCH: the notification is gone. ETOOMANYREFS: the caller has more than kMaxGroups.
// `second`: of a second path; nullptr: there is none.
[[nodiscard]] Result<Target> pin_target(const CallId& call, const Start& start, Pinned pinned,
                                        const Start* second = nullptr);

// Of a caller for whom something is done: all of them are read, sent and taken on for each call,
// which others wait for.
inline constexpr std::size_t kMaxGroups = 1024;

// Reads the fields of a status file, see proc_pid_status(5). EINVAL: a field is missing.
// ETOOMANYREFS: there are more groups than that.
[[nodiscard]] Result<Credentials> parse_credentials(const char* status,
                                                    std::size_t max_groups = SIZE_MAX);

}  // namespace seccompagent
