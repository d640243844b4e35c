// SPDX-License-Identifier: Apache-2.0
// Tests how numbers of calls are told apart, and where they stand in the tables.
#include "kernel/syscall_number.h"

#include <linux/audit.h>

#include "check.h"

namespace seccompagent::test {
namespace {

void check_call(std::uint32_t audit_arch, std::int32_t nr, Arch arch, std::uint32_t number) {
  const SyscallNumber syscall = syscall_number(audit_arch, nr);
  CHECK_EQUAL(syscall.arch, arch);
  CHECK_EQUAL(syscall.number, number);
}

void knows_each_architecture() {
  check_call(AUDIT_ARCH_X86_64, 83, Arch::x86_64, 83);
  check_call(AUDIT_ARCH_I386, 39, Arch::i386, 39);
  check_call(AUDIT_ARCH_AARCH64, 34, Arch::arm64, 34);
  check_call(AUDIT_ARCH_X86_64, 0, Arch::x86_64, 0);
}

void tells_x32_by_its_bit() {
  check_call(AUDIT_ARCH_X86_64, 0x40000053, Arch::x32, 83);
  check_call(AUDIT_ARCH_X86_64, 0x40000000, Arch::x32, 0);
  check_call(AUDIT_ARCH_X86_64, 0x3fffffff, Arch::x86_64, 0x3fffffff);
  // the bit means nothing to others
  check_call(AUDIT_ARCH_I386, 0x40000027, Arch::i386, 0x40000027);
  check_call(AUDIT_ARCH_AARCH64, 0x40000027, Arch::arm64, 0x40000027);
}

void takes_minus_one_as_no_call() {
  check_call(AUDIT_ARCH_X86_64, -1, Arch::x86_64, 0xffffffff);
  check_call(AUDIT_ARCH_I386, -1, Arch::i386, 0xffffffff);
  check_call(AUDIT_ARCH_X86_64, -0x40000000, Arch::x86_64, 0xc0000000);
}

void does_not_know_others() {
  check_call(AUDIT_ARCH_RISCV64, 34, Arch::unknown, 34);
  check_call(AUDIT_ARCH_ARM, 39, Arch::unknown, 39);
  check_call(0, 0, Arch::unknown, 0);
  check_call(0xffffffff, -1, Arch::unknown, 0xffffffff);
}

void has_each_call_in_the_table() {
  CHECK(is_in_table({Arch::x86_64, 0}));
  CHECK(is_in_table({Arch::arm64, kNumbers - 1}));
  CHECK_EQUAL(table_index({Arch::x86_64, 0}), 0UL);
  CHECK_EQUAL(table_index({Arch::i386, 5}), kNumbers + 5);
  CHECK_EQUAL(table_index({Arch::arm64, kNumbers - 1}), kArches * kNumbers - 1);
}

void has_nothing_else_in_the_table() {
  CHECK(!is_in_table({Arch::x86_64, kNumbers}));
  CHECK(!is_in_table({Arch::x86_64, 0xffffffff}));
  CHECK(!is_in_table({Arch::unknown, 0}));
}

constexpr Case kCases[] = {
    {"K19: syscall_number: each architecture is known", knows_each_architecture},
    {"K19: syscall_number: x32 is told by its bit", tells_x32_by_its_bit},
    {"K19: syscall_number: -1 is no call of x32", takes_minus_one_as_no_call},
    {"K19: syscall_number: other architectures are unknown", does_not_know_others},
    {"table_index: each call has a place of its own", has_each_call_in_the_table},
    {"is_in_table: numbers and architectures past its end are not", has_nothing_else_in_the_table}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
