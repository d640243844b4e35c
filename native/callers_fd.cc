// SPDX-License-Identifier: Apache-2.0
#include "callers_fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <memory>

#include "child.h"
#include "ending_children.h"
#include "last_closing.h"
#include "raw_syscall.h"

namespace seccompagent {
namespace {

struct Closing {
  Closing(ChildStack own_stack, int closed) : stack(std::move(own_stack)), fd(closed) {}

  ChildStack stack;
  int fd;
  LastClosing::Need need = {};

  static SECCOMPAGENT_CHILD_CODE int child_main(void* argument) {
    raw_syscall(SYS_close, static_cast<Closing*>(argument)->fd);
    return 0;
  }
};

// Of all kinds of files these alone are flushed. What the kernel knows already is enough: asking
// the file system might take for ever, too.
[[nodiscard]] bool may_be_flushed(int fd) {
  if ((fcntl(fd, F_GETFL) & O_PATH) != 0) return false;
  struct statx found = {};
  if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &found) == -1) return true;
  return S_ISREG(found.stx_mode);
}

// False: there is no such child.
[[nodiscard]] bool close_in_child(int fd, std::uint32_t token) {
  auto stack = ChildStack::make();
  if (!stack) return false;
  auto closing = std::make_shared<Closing>(std::move(*stack), fd);
  auto child = start_sharing_child(closing->stack, Closing::child_main, closing.get());
  if (!child) return false;
  EndingChildren::of_process().add(
      {.process = std::move(*child), .token = token, .since = now(), .used = std::move(closing)});
  return true;
}

}  // namespace

void CallersFd::close_it() {
  if (!may_be_flushed(fd_.get())) return;
  // it is the child's now, which has the same descriptors
  if (close_in_child(fd_.get(), token_)) (void)fd_.release();
}

}  // namespace seccompagent
