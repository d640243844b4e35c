// SPDX-License-Identifier: Apache-2.0
#include "process/callers_fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <memory>
#include <optional>

#include "kernel/raw_syscall.h"
#include "process/child.h"
#include "process/ending_children.h"

namespace seccompagent {
namespace {

struct Closing {
  Closing(ChildStack own_stack, int closed) : stack(std::move(own_stack)), fd(closed) {}

  ChildStack stack;
  int fd;

  static SECCOMPAGENT_CHILD_CODE int child_main(void* argument) {
    raw_syscall(SYS_close, static_cast<Closing*>(argument)->fd);
    return 0;
  }
};

// Whether closing it waits for nobody. Regular files are flushed, sockets may linger, terminals are
// drained, and what a device does nobody knows.
[[nodiscard]] bool is_path(int fd) { return (fcntl(fd, F_GETFL) & O_PATH) != 0; }

// Asking the file system, too, might take for ever: what the kernel knows already is enough.
[[nodiscard]] bool is_fifo(int fd) {
  struct statx found = {};
  if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &found) == -1) return false;
  return S_ISFIFO(found.stx_mode);
}

// The descriptor is the child's then, which has the same ones. Nothing: there is no such child.
[[nodiscard]] std::optional<EndingChild> begin_closing(int fd, Payer payer) {
  auto stack = ChildStack::make();
  if (!stack) return std::nullopt;
  auto closing = std::make_shared<Closing>(std::move(*stack), fd);
  auto child = start_sharing_child(closing->stack, Closing::child_main, closing.get());
  if (!child) return std::nullopt;
  return EndingChild{
      .process = std::move(*child), .payer = payer, .since = now(), .used = std::move(closing)};
}

}  // namespace

void CallersFd::close_at_once() {
  if (flush_ == Flush::none || is_path(fd_.get()) || is_fifo(fd_.get())) fd_.reset();
}

void CallersFd::close_it() {
  const bool asks_nobody = flush_ == Flush::none || is_path(fd_.get());
  if (asks_nobody && !is_fifo(fd_.get())) {
    fd_.reset();
    return;
  }
  const int fd = fd_.release();
  EndingChildren::of_process().begin(payer_,
                                     [fd, payer = payer_] { return begin_closing(fd, payer); });
}

}  // namespace seccompagent
