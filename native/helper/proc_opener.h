// SPDX-License-Identifier: Apache-2.0
// Contexts of fsopen(2) for a proc that shows another pid namespace, as Linux before 6.18 makes
// them: by a process inside it.
//
// Processes with CAP_SYS_PTRACE in there, or in a pid namespace above, may do anything with that
// process, and nobody can tell which have it. So the process has nothing worth taking: it is born
// with no memory but its program and a stack, no descriptors, a root that is empty for ever, no
// Linux capability but CAP_SYS_ADMIN, and a seccomp filter with which that is good for opening a
// proc only. All that comes after is done outside.
#pragma once

#include <utility>

#include "kernel/result.h"
#include "kernel/unique_fd.h"
#include "process/child.h"

namespace seccompagent {

class ProcOpener {
 public:
  [[nodiscard]] static Result<ProcOpener> make();
  ProcOpener(ProcOpener&& other) noexcept;
  ProcOpener& operator=(ProcOpener&&) = delete;
  ProcOpener(const ProcOpener&) = delete;
  ProcOpener& operator=(const ProcOpener&) = delete;
  ~ProcOpener();

  // The only descriptor that we have afterwards: this is for a child with a table of its own.
  // `empty`: a mount namespace of which nothing can be reached by a path, and nothing changed.
  [[nodiscard]] Result<UniqueFd> open_inside(int pid_namespace, int empty) const;

 private:
  ProcOpener(ChildStack stack, char* name) : stack_(std::move(stack)), name_(name) {}

  // Only copies of it are used.
  ChildStack stack_;
  // A page that nobody can write, not even by ptrace(2), since it is shared.
  char* name_;
};

}  // namespace seccompagent
