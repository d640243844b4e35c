// SPDX-License-Identifier: Apache-2.0
// See fsopen(2), clone(2), madvise(2), ptrace(2) and seccomp(2).
#include "helper/proc_opener.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdint>
#include <cstring>
#include <utility>

#include "helper/hardening.h"
#include "helper/own_child.h"
#include "kernel/raw_syscall.h"

// End of the program's text, see end(3).
extern "C" const char etext;

namespace seccompagent {
namespace {

// The only descriptors are its own pidfd, and then the context.
constexpr int kContext = 1;
constexpr rlim_t kDescriptors = kContext + 1;

// CLONE_PTRACE: nobody else can be the tracer, and the child ends with ours.
constexpr long kCloneFlags = CLONE_FILES | CLONE_PTRACE | CLONE_PIDFD | SIGCHLD;

// The kernel writes here before there is a child. It is memory that the child does not have, so the
// same call fails when the child makes it.
int pidfd_of_child = -1;

struct Opening {
  const char* name;
  const ChildStack& stack;
  int pid_namespace;
  int empty;
  pid_t parent;
};

[[nodiscard]] std::uintptr_t page_size() {
  return static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
}

[[nodiscard]] Result<void> keep_from_child(std::uintptr_t from, std::uintptr_t until) {
  // ENOMEM: there are holes
  if (from < until && madvise(reinterpret_cast<void*>(from), until - from, MADV_DONTFORK) == -1 &&
      errno != ENOMEM) {
    return fail_errno();
  }
  return {};
}

// All but the program, the stack and the name.
[[nodiscard]] Result<void> keep_memory_from_child(const Opening& opening) {
  constexpr std::uintptr_t kEnd = std::uintptr_t{1} << 48;
  const auto address = [](const void* at) { return reinterpret_cast<std::uintptr_t>(at); };
  using Range = std::pair<std::uintptr_t, std::uintptr_t>;
  std::array given = {
      Range{address(opening.stack.bottom()), address(opening.stack.top())},
      Range{address(opening.name), address(opening.name) + page_size()},
      Range{kEnd, kEnd},
  };
  std::ranges::sort(given);
  std::uintptr_t from = (address(&etext) + page_size() - 1) & ~(page_size() - 1);
  for (const auto& [begin, end] : given) {
    if (const auto kept = keep_from_child(from, begin); !kept) return kept;
    from = end;
  }
  return {};
}

[[nodiscard]] Result<void> keep_sys_admin_only() {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> halves = {};
  halves[0].effective = halves[0].permitted = 1U << CAP_SYS_ADMIN;
  if (syscall(SYS_capset, &header, halves.data()) == -1) return fail_errno();
  return {};
}

[[nodiscard]] Result<void> confine(const Opening& opening) {
  const std::array allowed = {
      AllowedCall{SYS_clone, {{0, kCloneFlags}, {2, raw_pointer(&pidfd_of_child)}}},
      AllowedCall{SYS_fsopen, {{0, raw_pointer(opening.name)}}},
      AllowedCall{SYS_wait4},
      AllowedCall{SYS_exit},
      AllowedCall{SYS_exit_group},
  };
  return allow_only(allowed);
}

// Sets what the child is born with.
[[nodiscard]] Result<void> prepare(const Opening& opening) {
  constexpr rlimit kLimit = {.rlim_cur = kDescriptors, .rlim_max = kDescriptors};
  if (setns(opening.empty, CLONE_NEWNS) == -1 || setns(opening.pid_namespace, CLONE_NEWPID) == -1 ||
      close_range(0, UINT_MAX, 0) == -1 || setrlimit(RLIMIT_NOFILE, &kLimit) == -1) {
    return fail_errno();
  }
  if (const auto kept = keep_memory_from_child(opening); !kept) return kept;
  if (const auto kept = keep_sys_admin_only(); !kept) return kept;
  return confine(opening);
}

// Behind the call that makes it, somebody else may say what the child does. Its pid for us, or
// -errno.
SECCOMPAGENT_CHILD_CODE long start_inside(const char* name) {
  const long pid = raw_syscall(SYS_clone, kCloneFlags, 0, raw_pointer(&pidfd_of_child));
  if (pid != 0) return pid;
  const long context = raw_syscall(SYS_fsopen, raw_pointer(name), FSOPEN_CLOEXEC);
  for (;;) raw_syscall(SYS_exit_group, context < 0 ? -context : 0);
}

// 0 or errno, as of the child.
[[nodiscard]] int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR; }

// Outside, with the memory of ours copied. 0 or errno.
int opener_main(void* argument) {
  const auto& opening = *static_cast<const Opening*>(argument);
  rearm(opening.parent);
  if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == -1 || raise(SIGSTOP) != 0) return errno;
  if (const auto prepared = prepare(opening); !prepared) return prepared.error().number;
  const long pid = start_inside(opening.name);
  if (pid < 0) return static_cast<int>(-pid);
  int status = 0;
  if (waitpid(static_cast<pid_t>(pid), &status, __WALL) == -1) return errno;
  return code_of(status);
}

// Signals from inside are not delivered, so that none stops it. The opener's end is the last.
[[nodiscard]] int trace_until_end(pid_t opener) {
  for (bool is_new = true;;) {
    int status = 0;
    const pid_t pid = retry_eintr([&status] { return waitpid(-1, &status, __WALL); });
    if (pid == -1) return errno;
    if (!WIFSTOPPED(status)) {
      if (pid == opener) return code_of(status);
      continue;
    }
    if (is_new && ptrace(PTRACE_SETOPTIONS, opener, nullptr, PTRACE_O_EXITKILL) == -1) return errno;
    is_new = false;
    // it may have been killed meanwhile
    ptrace(PTRACE_CONT, pid, nullptr, nullptr);
  }
}

}  // namespace

Result<ProcOpener> ProcOpener::make() {
  auto stack = ChildStack::make();
  if (!stack) return std::unexpected(stack.error());
  const std::size_t size = page_size();
  void* page = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return fail_errno();
  ProcOpener opener(std::move(*stack), static_cast<char*>(page));
  constexpr char kName[] = "proc";
  std::memcpy(opener.name_, kName, sizeof kName);
  if (mprotect(page, size, PROT_READ) == -1) return fail_errno();
  return opener;
}

ProcOpener::ProcOpener(ProcOpener&& other) noexcept
    : stack_(std::move(other.stack_)), name_(std::exchange(other.name_, nullptr)) {}

ProcOpener::~ProcOpener() {
  if (name_ != nullptr) munmap(name_, page_size());
}

Result<UniqueFd> ProcOpener::open_inside(int pid_namespace, int empty) const {
  Opening opening = {.name = name_,
                     .stack = stack_,
                     .pid_namespace = pid_namespace,
                     .empty = empty,
                     .parent = getpid()};
  const pid_t opener = clone(opener_main, stack_.top(), CLONE_FILES | SIGCHLD, &opening);
  if (opener == -1) return fail_errno();
  if (const int error = trace_until_end(opener); error != 0) return fail(error);
  return UniqueFd(kContext);
}

}  // namespace seccompagent
