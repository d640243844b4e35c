// SPDX-License-Identifier: Apache-2.0
#include "kernel/clone_into.h"

#include <linux/sched.h>
#include <sched.h>
#include <sys/syscall.h>

#include <cstdint>

namespace seccompagent {
namespace {

using Main = int (*)(void*);

// The C library offers no clone3. The child calls `main` on its own stack and ends with its result;
// it never comes back to where we were called, which is on ours.
#if defined(__x86_64__)
[[nodiscard]] long clone3(const clone_args& args, Main main, void* argument) {
  long result;
  const register Main r12 __asm__("r12") = main;
  const register void* r13 __asm__("r13") = argument;
  __asm__ volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %%r13, %%rdi\n\t"
      "call *%%r12\n\t"
      "mov %%eax, %%edi\n\t"
      "mov %[exit], %%eax\n\t"
      "syscall\n\t"
      "hlt\n"
      "1:"
      : "=a"(result)
      : "a"(SYS_clone3), "D"(&args), "S"(sizeof args), "r"(r12), "r"(r13), [exit] "i"(SYS_exit)
      : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
[[nodiscard]] long clone3(const clone_args& args, Main main, void* argument) {
  register long x8 __asm__("x8") = SYS_clone3;
  register long x0 __asm__("x0") = reinterpret_cast<long>(&args);
  const register long x1 __asm__("x1") = sizeof args;
  const register Main x19 __asm__("x19") = main;
  const register void* x20 __asm__("x20") = argument;
  __asm__ volatile(
      "svc 0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, xzr\n\t"
      "mov x0, x20\n\t"
      "blr x19\n\t"
      "mov x8, %[exit]\n\t"
      "svc 0\n\t"
      "brk 0\n"
      "1:"
      : "+r"(x0), "+r"(x8)
      : "r"(x1), "r"(x19), "r"(x20), [exit] "i"(SYS_exit)
      : "memory");
  return x0;
}
#endif

}  // namespace

Result<int> clone_into(int cgroup, void* stack, unsigned long stack_size, int (*main)(void*),
                       void* argument) {
  clone_args args = {};
  args.flags = CLONE_VM | CLONE_INTO_CGROUP;
  args.stack = reinterpret_cast<std::uintptr_t>(stack);
  args.stack_size = stack_size;
  args.cgroup = static_cast<std::uint64_t>(cgroup);
  const long result = clone3(args, main, argument);
  if (result < 0) return fail(static_cast<int>(-result));
  return static_cast<int>(result);
}

}  // namespace seccompagent
