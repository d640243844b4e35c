// SPDX-License-Identifier: Apache-2.0
// Tests how numbers of calls are told apart, and what a receiver takes.
#include "receiver.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <thread>
#include <vector>

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

ReadTable whole_table() { return ReadTable(kArches * kNumbers * kArguments, ReadKind::nothing); }
ReadSet whole_set() { return ReadSet(kArches * kNumbers, 0); }

void refuses_a_table_of_another_size() {
  CHECK_EQUAL(ERROR(Receiver::make({})), Errno{EINVAL});
  ReadTable longer = whole_table();
  longer.push_back(ReadKind::nothing);
  CHECK_EQUAL(ERROR(Receiver::make(longer)), Errno{EINVAL});
}

void refuses_what_is_no_listener() {
  const auto receiver = VALUE(Receiver::make(whole_table()));
  CHECK_EQUAL(ERROR(receiver->add_listener(UniqueFd(eventfd(0, EFD_CLOEXEC)), "", whole_set())),
              Errno{ENOTTY});
  CHECK_EQUAL(ERROR(receiver->add_listener(UniqueFd(), "", whole_set())), Errno{ENOTTY});
  CHECK_EQUAL(ERROR(receiver->add_listener(UniqueFd(eventfd(0, EFD_CLOEXEC)), "", {})),
              Errno{EINVAL});
  CHECK_EQUAL(receiver->listener_count(), 0UL);
}

struct alignas(8) InboxMemory {
  std::array<std::byte, kInboxSize> bytes = {};
};

void stops_waiting_workers() {
  const auto receiver = VALUE(Receiver::make(whole_table()));
  std::atomic<int> stopped = 0;
  std::vector<std::thread> threads;
  for (int index = 0; index < 4; ++index) {
    threads.emplace_back([&] {
      InboxMemory inbox;
      Worker worker(receiver, inbox.bytes.data());
      if (VALUE(worker.receive()) == EventKind::stopped) ++stopped;
    });
  }
  receiver->stop();
  for (std::thread& thread : threads) thread.join();
  CHECK_EQUAL(stopped.load(), 4);
}

void stays_stopped() {
  const auto receiver = VALUE(Receiver::make(whole_table()));
  receiver->stop();
  receiver->stop();
  InboxMemory inbox;
  Worker worker(receiver, inbox.bytes.data());
  CHECK_EQUAL(VALUE(worker.receive()), EventKind::stopped);
  CHECK_EQUAL(VALUE(worker.receive()), EventKind::stopped);
}

// The number that the next descriptor of this process gets.
int next_fd() {
  const UniqueFd next(open("/dev/null", O_RDONLY | O_CLOEXEC));
  return next.get();
}

void leaves_nothing_behind() {
  const int before = next_fd();
  for (int round = 0; round < 100; ++round) {
    const auto receiver = VALUE(Receiver::make(whole_table()));
    InboxMemory inbox;
    const Worker worker(receiver, inbox.bytes.data());
    if (round % 2 == 0) receiver->stop();
  }
  CHECK_EQUAL(next_fd(), before);
}

void has_no_call_at_first() {
  const auto receiver = VALUE(Receiver::make(whole_table()));
  InboxMemory inbox;
  Worker worker(receiver, inbox.bytes.data());
  CHECK_EQUAL(ERROR(worker.current()), Errno{ENOENT});
  CHECK_EQUAL(ERROR(worker.registry(1)), Errno{ENOENT});
  worker.invite();
}

constexpr Case kCases[] = {
    {"K19: syscall_number: each architecture is known", knows_each_architecture},
    {"K19: syscall_number: x32 is told by its bit", tells_x32_by_its_bit},
    {"K19: syscall_number: -1 is no call of x32", takes_minus_one_as_no_call},
    {"K19: syscall_number: other architectures are unknown", does_not_know_others},
    {"Receiver: a table of another size is refused", refuses_a_table_of_another_size},
    {"Receiver: a descriptor that is no listener is refused", refuses_what_is_no_listener},
    {"G11: Receiver: stop ends every waiting worker", stops_waiting_workers},
    {"Receiver: a stopped one stays so", stays_stopped},
    {"Receiver: its end leaves no descriptor and no thread behind", leaves_nothing_behind},
    {"Worker: it has no call before it received one", has_no_call_at_first}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
