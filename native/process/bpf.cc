// SPDX-License-Identifier: Apache-2.0
// The assembly and installation of notify filters.
#include "process/bpf.h"

#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <cstddef>

#include "kernel/raw_syscall.h"
#include "process/child.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace seccompagent {
namespace {

sock_filter load(std::uint32_t offset) {
  return {.code = BPF_LD | BPF_W | BPF_ABS, .jt = 0, .jf = 0, .k = offset};
}

sock_filter skip_unless_equal(std::uint32_t value, std::uint8_t skipped) {
  return {.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 0, .jf = skipped, .k = value};
}

sock_filter skip_if_equal(std::uint32_t value, std::uint8_t skipped) {
  return {.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = skipped, .jf = 0, .k = value};
}

sock_filter jump(std::uint32_t skipped) {
  return {.code = BPF_JMP | BPF_JA, .jt = 0, .jf = 0, .k = skipped};
}

sock_filter answer(std::uint32_t action) {
  return {.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = action};
}

}  // namespace

Result<std::vector<sock_filter>> assemble_filter(const std::vector<TrappedCalls>& trapped) {
  std::vector<sock_filter> program;
  program.push_back(load(offsetof(seccomp_data, arch)));
  for (const TrappedCalls& calls : trapped) {
    // A conditional jump reaches 255 instructions only, so each number brings its own answer and
    // the way past an architecture is an unconditional jump.
    const auto section = static_cast<std::uint32_t>(2 * calls.numbers.size() + 2);
    program.push_back(skip_if_equal(calls.arch, 1));
    program.push_back(jump(section));
    program.push_back(load(offsetof(seccomp_data, nr)));
    for (const std::uint32_t number : calls.numbers) {
      program.push_back(skip_unless_equal(number, 1));
      program.push_back(answer(SECCOMP_RET_USER_NOTIF));
    }
    program.push_back(answer(SECCOMP_RET_ALLOW));
  }
  program.push_back(answer(SECCOMP_RET_ERRNO | ENOSYS));
  if (program.size() > BPF_MAXINSNS) return fail(E2BIG);
  return program;
}

SECCOMPAGENT_CHILD_CODE InstalledFilter install_filter(const sock_filter* instructions,
                                                       unsigned short count) {
  const sock_fprog program = {.len = count, .filter = const_cast<sock_filter*>(instructions)};
  // A signal between receive and answer must not restart a call whose effect was made already;
  // kernels before 5.19 do not know the flag.
  const long listener =
      raw_syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                  SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                  raw_pointer(&program));
  if (listener != -EINVAL) return {.listener = listener, .waits_killable = true};
  return {.listener = raw_syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                  SECCOMP_FILTER_FLAG_NEW_LISTENER, raw_pointer(&program)),
          .waits_killable = false};
}

}  // namespace seccompagent
