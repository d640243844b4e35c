// SPDX-License-Identifier: Apache-2.0
// What a helper has for good, taken on by a thread of a test for a while.
#pragma once

#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>

#include "check.h"
#include "files/lent_capability.h"
#include "helper/call_role.h"
#include "kernel/own_processes.h"

namespace seccompagent::test {

class ActingAs {
 public:
  // A user without Linux capabilities, or root with all; `root`: as in Role.
  explicit ActingAs(std::uint32_t uid, int root = -1) {
    CHECK(open_own_processes().has_value());
    const char* step = "";
    const Role role = {.capabilities = uid == 0 ? ~0ULL : 0, .umask = 022, .root = root};
    CHECK(roles_.take(role, step).has_value());
    const LentCapability lent(1ULL << CAP_SETGID | 1ULL << CAP_SETUID);
    CHECK_EQUAL(setgroups(0, nullptr), 0);
    setfsgid(uid);
    setfsuid(uid);
  }
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;
  ~ActingAs() {
    setfsuid(0);
    setfsgid(0);
    roles_.leave();
    // other fs ids may have taken some
    CHECK(set_effective(~0ULL).has_value());
  }

 private:
  CallRoles roles_;
};

}  // namespace seccompagent::test
