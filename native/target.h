// SPDX-License-Identifier: Apache-2.0
// One caller pinned for one notification: descriptors and credentials taken while it waits.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "result.h"
#include "unique_fd.h"

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
  // 0, or what the caller gets to hear of its dirfd: EBADF or ENOTDIR.
  int base_error;
  // Open only where it differs from our own.
  UniqueFd mount_namespace;
  UniqueFd user_namespace;
  UniqueFd pid_namespace;
};

// Opens everything first and asks then whether the notification is still valid, so that nothing of
// a recycled pid is ever used. `dirfd`: of the caller, or AT_FDCWD.
// ESRCH: the notification is gone.
[[nodiscard]] Result<Target> pin_target(const CallId& call, int dirfd);

// Reads the fields of a status file, see proc_pid_status(5). EINVAL: a field is missing.
[[nodiscard]] Result<Credentials> parse_credentials(const char* status);

}  // namespace seccompagent
