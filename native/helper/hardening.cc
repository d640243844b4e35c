// SPDX-License-Identifier: Apache-2.0
// See prctl(2), close_range(2) and seccomp(2).
#include "helper/hardening.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "helper/own_child.h"
#include "helper/wire.h"
#include "kernel/unique_fd.h"

namespace seccompagent {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArch = AUDIT_ARCH_AARCH64;
#else
#error "the helper knows x86-64 and arm64 only"
#endif

constexpr long kAlways[] = {
    // talking
    SYS_recvmsg, SYS_sendmsg, SYS_close,
    // asking whether a notification is still there, answering it
    SYS_ioctl,
    // memory
    SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_madvise,
    // the time, where the kernel's own clock is not mapped
    SYS_clock_gettime,
    // its end
    SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_gettid, SYS_getpid,
    SYS_tgkill};

constexpr long kForFiles[] = {
    // the role
    SYS_fchdir,
    SYS_chdir,
    SYS_chroot,
    SYS_umask,
    SYS_setfsuid,
    SYS_capget,
    SYS_capset,
    SYS_prctl,
    // files
    SYS_read,
    SYS_fcntl,
    SYS_openat,
    SYS_openat2,
    SYS_mkdirat,
    SYS_mknodat,
    SYS_fchmodat,
    452 /* fchmodat2 */,
    457 /* statmount */,
    SYS_fchownat,
    SYS_truncate,
    SYS_utimensat,
    SYS_renameat2,
    SYS_linkat,
    SYS_symlinkat,
    SYS_unlinkat,
    SYS_newfstatat,
    SYS_fstat,
    SYS_fstatfs,
    SYS_uname,
    SYS_statx,
    SYS_name_to_handle_at,
    SYS_readlinkat,
    SYS_getxattr,
    SYS_setxattr,
    SYS_listxattr,
    SYS_removexattr,
    463 /* setxattrat */,
    464 /* getxattrat */,
    465 /* listxattrat */,
    466 /* removexattrat */,
#if defined(__x86_64__)
    SYS_chmod,
#endif
};

constexpr long kForLabels[] = {
    // children
    SYS_clone, SYS_wait4, SYS_getppid,
    // becoming the caller
    SYS_write, SYS_pread64};

constexpr long kForMounts[] = {
    // children, see also those for labels
    SYS_close_range, SYS_ptrace, SYS_prlimit64,
    // namespaces
    SYS_setns, SYS_unshare, SYS_pidfd_open,
    // becoming a caller
    SYS_fchdir, SYS_chroot, SYS_capget, SYS_capset, SYS_prctl, SYS_setgroups, SYS_setresgid,
    SYS_setresuid, SYS_setfsgid, SYS_setfsuid, SYS_geteuid,
    // asking for ids of its user namespace
    SYS_memfd_create,
    // finding the mount point, and what it is
    SYS_openat, SYS_openat2, SYS_newfstatat, SYS_fstat, SYS_fstatfs, SYS_statx, SYS_readlinkat,
    SYS_faccessat2, SYS_read, SYS_lseek, SYS_fcntl,
#if defined(__x86_64__)
    SYS_poll,
#else
    SYS_ppoll,
#endif
    // mounts
    SYS_fsopen, SYS_fspick, SYS_fsconfig, SYS_fsmount, SYS_open_tree, SYS_move_mount, SYS_mount,
    SYS_umount2, SYS_mount_setattr, SYS_pivot_root};

// Besides those that are always allowed.
struct AllowedFor {
  std::span<const long> for_role;
  std::span<const long> for_labels;
};

[[nodiscard]] AllowedFor allowed_for(Confined role) {
  switch (role) {
    case Confined::files:
      return {kForFiles, {}};
    case Confined::files_with_label:
      return {kForFiles, kForLabels};
    case Confined::mounts:
      return {kForMounts, kForLabels};
  }
  return {};
}

[[nodiscard]] sock_filter statement(unsigned code, std::uint32_t value) {
  return {.code = static_cast<std::uint16_t>(code), .jt = 0, .jf = 0, .k = value};
}

[[nodiscard]] sock_filter jump_if_equal(std::uint32_t value, std::uint8_t yes, std::uint8_t no) {
  return {.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = yes, .jf = no, .k = value};
}

// The low half comes first on both architectures.
void add_argument(std::vector<sock_filter>& filter, const AllowedArgument& argument) {
  const auto value = static_cast<std::uint64_t>(argument.value);
  for (const unsigned half : {0U, 1U}) {
    const std::size_t at =
        offsetof(seccomp_data, args) + argument.index * sizeof value + half * sizeof half;
    filter.push_back(statement(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(at)));
    filter.push_back(jump_if_equal(static_cast<std::uint32_t>(value >> (32 * half)), 1, 0));
    filter.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  }
}

void add_call(std::vector<sock_filter>& filter, const AllowedCall& call) {
  std::vector<sock_filter> rest;
  for (const AllowedArgument& argument : call.arguments) add_argument(rest, argument);
  rest.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  filter.push_back(jump_if_equal(static_cast<std::uint32_t>(call.number), 0,
                                 static_cast<std::uint8_t>(rest.size())));
  filter.insert(filter.end(), rest.begin(), rest.end());
}

}  // namespace

void choose_oom_score(bool is_charged_apart) {
  const std::string_view chosen = is_charged_apart ? "-1000" : "1000";
  const UniqueFd score(open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (score.is_open()) (void)!write(score.get(), chosen.data(), chosen.size());
}

Result<void> harden_helper(pid_t parent) {
  rearm(parent);
  if (syscall(SYS_close_range, 0, kHelperSocket - 1, 0) == -1 ||
      syscall(SYS_close_range, kHelperSocket + 1, ~0U, 0) == -1) {
    return fail_errno();
  }
  sigset_t none;
  sigemptyset(&none);
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  // of a limit, errors tell, see FileSizeLimit
  signal(SIGXFSZ, SIG_IGN);
  if (sigprocmask(SIG_SETMASK, &none, nullptr) == -1) return fail_errno();
  return {};
}

Result<void> allow_only(std::span<const AllowedCall> calls) {
  std::vector<sock_filter> filter = {
      statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      jump_if_equal(kArch, 1, 0),
      statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
  };
  for (const AllowedCall& call : calls) add_call(filter, call);
  filter.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  const sock_fprog program = {.len = static_cast<std::uint16_t>(filter.size()),
                              .filter = filter.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == -1) {
    return fail_errno();
  }
  return {};
}

Result<void> confine_helper(Confined role) {
  const AllowedFor allowed = allowed_for(role);
  std::vector<AllowedCall> calls;
  for (const std::span<const long> numbers :
       {std::span<const long>(kAlways), allowed.for_role, allowed.for_labels}) {
    for (const long number : numbers) calls.push_back({number});
  }
  // its own limits, see FileSizeLimit
  if (role != Confined::mounts)
    calls.push_back(
        {SYS_prlimit64, {{.index = 0, .value = 0}, {.index = 1, .value = RLIMIT_FSIZE}}});
  return allow_only(calls);
}

}  // namespace seccompagent
