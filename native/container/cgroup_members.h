// SPDX-License-Identifier: Apache-2.0
// Processes of a cgroup: of one container alone, or of others as well.
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// One that a container may have for itself.
struct CgroupPlace {
  std::string folder;
  // In its hierarchy.
  std::string path;
  // A controller of version 1, or `kUnified`.
  std::string_view hierarchy;
};

// A container as the agent knows it.
struct KnownContainer {
  const UniqueFd& first_process;
  // User of the runtime that brought it.
  uid_t user;
  // The first processes of other containers.
  std::span<const pid_t> other_firsts;
};

struct NamespaceId {
  dev_t device;
  ino_t inode;
  friend bool operator==(const NamespaceId&, const NamespaceId&) = default;
};

// By what a container's processes are told from others: they are in its pid namespace or in those
// below it, and, unless root has brought it, are its user's.
struct Membership {
  NamespaceId pid_namespace;
  // The pid namespace is ours as well: everybody is in it.
  bool shares_ours;
  uid_t user;
};

// ESRCH: it has ended.
[[nodiscard]] Result<Membership> membership_of(const KnownContainer& container);

// Whether a process is one of these, or has ended meanwhile.
[[nodiscard]] bool is_member(pid_t process, const Membership& membership);

[[nodiscard]] bool is_in(pid_t process, const CgroupPlace& cgroup);
// Those that are in a cgroup and in those below it, some of which may have ended meanwhile. None:
// not all of them can be seen, such as in more cgroups than anybody looks into, or in none that is
// there. Who is moved meanwhile, as nothing is that stands still, may be missing.
[[nodiscard]] std::optional<std::vector<pid_t>> processes_in(const CgroupPlace& cgroup);
// Whether one of these processes is in it.
[[nodiscard]] bool has_one_of(const CgroupPlace& cgroup, std::span<const pid_t> processes);

// Whether processes that are none of the container's are in a cgroup or in those below it, or
// nobody can tell. In our pid namespace nobody can, unless root has brought the container: then
// whoever has started it is another, and so are the first processes of other containers.
[[nodiscard]] bool has_others(const CgroupPlace& cgroup, const KnownContainer& container,
                              const Membership& membership);

}  // namespace seccompagent
