// SPDX-License-Identifier: Apache-2.0
// Makes the system calls `ABI:NUMBER` of its arguments, with arguments that nothing can come of,
// and prints `ABI:NUMBER ERRNO` for each; `ABI:NUMBER:FIRST` has a first argument. Then what
// seccomp(2) says to a filter that is none: with SECCOMP_FILTER_FLAG_NEW_LISTENER (`listener
// ERRNO`), and without
// (`filter ERRNO`).
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

static const long kNothing = -1;
static const long kX32Bit = 0x40000000;

static long by_syscall(long number, long a, long b, long c) {
  long result;
  register long r10 __asm__("r10") = kNothing;
  register long r8 __asm__("r8") = kNothing;
  register long r9 __asm__("r9") = kNothing;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

// A 64-bit program may call as i386 does; the kernel then says so to the filter.
static long by_interrupt(long number, long a) {
  int result;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"((int)number), "b"((int)a), "c"((int)kNothing), "d"((int)kNothing),
                     "S"((int)kNothing), "D"((int)kNothing)
                   : "r8", "r9", "r10", "r11", "memory");
  return result;
}

static long make_call(const char* abi, long number, long first) {
  if (strcmp(abi, "i386") == 0) return by_interrupt(number, first);
  const long bit = strcmp(abi, "x32") == 0 ? kX32Bit : 0;
  return by_syscall(number | bit, first, kNothing, kNothing);
}

int main(int count, char** arguments) {
  for (int index = 1; index < count; ++index) {
    char abi[16];
    long number;
    long first = kNothing;
    if (sscanf(arguments[index], "%15[^:]:%ld:%ld", abi, &number, &first) < 2) return 2;
    printf("%s %ld\n", arguments[index], -make_call(abi, number, first));
  }
  const long flags[] = {SECCOMP_FILTER_FLAG_NEW_LISTENER, 0};
  const char* names[] = {"listener", "filter"};
  for (int index = 0; index < 2; ++index) {
    const long result = by_syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags[index], 0);
    printf("%s %ld\n", names[index], -result);
  }
  return 0;
}
