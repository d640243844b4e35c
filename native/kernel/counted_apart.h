// SPDX-License-Identifier: Apache-2.0
// The kernel counts mount namespaces, and mounts that have no place yet, by the user who makes them
// (namespaces(7), user.max_mnt_namespaces). All containers whose root is the host's have one count
// for that user: a program in one could use it up for the agent and for all others.
#pragma once

#include <sys/types.h>

namespace seccompagent {

// As long as this lives, what this thread makes of these is counted for a user that nobody else
// has. It keeps its Linux capabilities, and files that it makes are still root's. Without the power
// to do so, and for another user than root, all stays as it is.
class CountedApart {
 public:
  CountedApart();
  CountedApart(const CountedApart&) = delete;
  CountedApart& operator=(const CountedApart&) = delete;
  ~CountedApart();

 private:
  void become(uid_t user) const;

  // Securebits as they were; -1: nothing was changed.
  int before_ = -1;
  // What becoming another user undoes: the signal at the end of the parent, and whether others may
  // look into this process.
  int death_signal_ = 0;
  pid_t parent_ = -1;
  int is_dumpable_ = 0;
};

}  // namespace seccompagent
