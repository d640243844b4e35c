// SPDX-License-Identifier: Apache-2.0
// System calls that touch no errno and no thread-local state, for children that share our memory.
#pragma once

namespace seccompagent {

// The kernel's own result: -4095 to -1 is a negated errno.
#if defined(__x86_64__)
__attribute__((always_inline)) inline long raw_syscall(long number, long a = 0, long b = 0,
                                                       long c = 0, long d = 0, long e = 0,
                                                       long f = 0) {
  long result;
  const register long r10 __asm__("r10") = d;
  const register long r8 __asm__("r8") = e;
  const register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
__attribute__((always_inline)) inline long raw_syscall(long number, long a = 0, long b = 0,
                                                       long c = 0, long d = 0, long e = 0,
                                                       long f = 0) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
}
#else
#error "seccompagent knows the system call instruction of x86-64 and arm64 only"
#endif

template <typename T>
__attribute__((always_inline)) inline long raw_pointer(T* pointer) {
  return reinterpret_cast<long>(pointer);
}

}  // namespace seccompagent
