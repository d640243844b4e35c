// SPDX-License-Identifier: Apache-2.0
// A path such as /proc/PID/root/config.json would lead into a container, which is why magic links
// are refused, see openat2(2).
#include "process/runtime_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "kernel/clock.h"
#include "kernel/raw_syscall.h"
#include "process/child_starter.h"
#include "process/ending_children.h"

namespace seccompagent {
namespace {

// Memory of the child: it may outlive the attempt, so it owns all of it.
struct Reading {
  ChildStack stack;
  std::string path;
  uid_t owner;
  std::size_t max;
  // One byte more than may be there.
  std::unique_ptr<char[]> bytes;
  // Of these, for the child.
  const char* const name = path.c_str();
  char* const begin = bytes.get();
  // Of what was read, or a negated errno.
  long length = -EINTR;

  [[nodiscard]] SECCOMPAGENT_CHILD_CODE long open_regular() const {
    open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW,
                    .mode = 0,
                    .resolve = RESOLVE_NO_MAGICLINKS};
    const long file =
        raw_syscall(SYS_openat2, AT_FDCWD, raw_pointer(name), raw_pointer(&how), sizeof how);
    if (file < 0) return file;
    struct statx found = {};
    const long error = raw_syscall(SYS_statx, file, raw_pointer(""), AT_EMPTY_PATH,
                                   STATX_TYPE | STATX_UID, raw_pointer(&found));
    if (error < 0) return error;
    if ((found.stx_mode & S_IFMT) != S_IFREG) return -EINVAL;
    // what others have written is not what the runtime says
    if (found.stx_uid != 0 && found.stx_uid != owner) return -EPERM;
    return file;
  }

  [[nodiscard]] SECCOMPAGENT_CHILD_CODE long read_all() const {
    const long file = open_regular();
    if (file < 0) return file;
    std::size_t size = 0;
    while (size <= max) {
      const long got =
          raw_syscall(SYS_read, file, raw_pointer(begin + size), static_cast<long>(max + 1 - size));
      if (got < 0) return got;
      if (got == 0) return static_cast<long>(size);
      size += static_cast<std::size_t>(got);
    }
    return -EFBIG;
  }

  static SECCOMPAGENT_CHILD_CODE int child_main(void* argument) {
    auto& reading = *static_cast<Reading*>(argument);
    reading.length = reading.read_all();
    return 0;
  }
};

}  // namespace

Result<std::string> read_runtime_file(const std::string& path, std::size_t max, uid_t owner) {
  const Patience patience = {.max = kSecond};
  // root's as well: there is no container yet
  const Payer payer = user_payer(owner);
  if (!EndingChildren::of_process().await_room(payer, patience)) return fail(ETIMEDOUT);
  auto stack = ChildStack::make();
  if (!stack) return std::unexpected(stack.error());
  auto bytes = std::make_unique_for_overwrite<char[]>(max + 1);
  auto reading = std::make_unique<Reading>(std::move(*stack), path, owner, max, std::move(bytes));
  auto child = ChildStarter::of_process().start_child(reading->stack, Reading::child_main,
                                                      reading.get(), {});
  if (!child) return std::unexpected(child.error());
  const auto ended = await_or_leave(std::move(*child), patience, payer, reading);
  if (!ended) return std::unexpected(ended.error());
  if (reading->length < 0) return fail(static_cast<int>(-reading->length));
  return std::string(reading->bytes.get(), static_cast<std::size_t>(reading->length));
}

}  // namespace seccompagent
