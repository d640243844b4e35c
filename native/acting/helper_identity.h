// SPDX-License-Identifier: Apache-2.0
// Identities of helpers: which caller of which container a helper has become.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "caller/namespaces.h"
#include "caller/target.h"
#include "container/acting_cgroups.h"
#include "helper/wire.h"
#include "kernel/payer.h"
#include "kernel/result.h"

namespace seccompagent {

// Whom a helper for files acts for.
struct HelperCaller {
  const CallId& call;
  const Credentials& credentials;
  const Label& label;
  // Where the helper is to be.
  Places places;
  // Of its container; nullptr: nobody knows them, and the caller's own are taken.
  const ActingCgroups* cgroups;
};

// Identity of a helper: one for files has become its caller, with the same ids in the same
// namespaces; one for mounts stays as it is. It is one container's own, and ends with it.
struct HelperIdentity {
  HelperRole role;
  Owner owner;
  UserIds uid;
  UserIds gid;
  std::vector<gid_t> groups;
  Label label;
  Places places;
  // The text of /proc/PID/cgroup of the caller whose cgroups it is in; empty: it is in those of its
  // container.
  std::string cgroups = {};

  friend bool operator==(const HelperIdentity&, const HelperIdentity&) = default;
};

// Of a helper for the files of this caller.
[[nodiscard]] Result<HelperIdentity> identity_of(const HelperCaller& caller, const Owner& owner);

// The first message to a helper, which becomes that.
// `lists`: come along as the first descriptors.
[[nodiscard]] std::vector<std::byte> start_message(const HelperIdentity& identity,
                                                   bool is_charged_apart,
                                                   std::span<const CgroupList> lists);

// The text of /proc/PID/cgroup; ESRCH: the notification is gone. Empty where they are known.
[[nodiscard]] Result<std::string> own_cgroups_of(const CallId& call, const ActingCgroups* known);

}  // namespace seccompagent
