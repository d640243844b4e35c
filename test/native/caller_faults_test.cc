// SPDX-License-Identifier: Apache-2.0
// Tests who is still read where memory is short, and that faults of a thread are counted.
#include "container/caller_faults.h"

#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <string>

#include "cgroup_files.h"
#include "check.h"

namespace seccompagent::test {
namespace {

constexpr Payer kPayer = 1;
constexpr Payer kOther = 2;

class Group : public CgroupFiles {
 public:
  Group() {
    write("meminfo", "MemAvailable:    4096000 kB\n");
    write("a/memory.max", std::to_string(100 * kMega) + "\n");
    use(0);
  }
  void use(std::uint64_t bytes) const {
    write("a/memory.stat", "pagetables " + std::to_string(bytes) + "\n");
  }
  [[nodiscard]] MemoryRoom room() const {
    return MemoryRoom(MemoryLeft(MemoryGroup{.mounted = path(), .path = "/a", .is_unified = true},
                                 path() + "/meminfo"));
  }
};

void reads_for_everybody_while_there_is_memory() {
  const Group group;
  MemoryRoom room = group.room();
  CallerFaults faults(room);
  faults.note(kPayer, 1'000'000, 0);
  CHECK(faults.may_read(kPayer, 0));
}

void reads_no_more_for_who_had_many() {
  const Group group;
  group.use(90 * kMega);
  MemoryRoom room = group.room();
  CallerFaults faults(room);
  CHECK(faults.may_read(kPayer, 0));
  faults.note(kPayer, 64, 0);
  CHECK(faults.may_read(kPayer, 0));
  faults.note(kPayer, 64, 0);
  CHECK(!faults.may_read(kPayer, 0));
  CHECK(faults.may_read(kOther, 0));
  // half of them
  CHECK(faults.may_read(kPayer, 61 * kSecond));
}

void looks_for_memory_after_some() {
  const Group group;
  MemoryRoom room = group.room();
  CallerFaults faults(room);
  CHECK(faults.may_read(kPayer, 0));
  group.use(90 * kMega);
  faults.note(kPayer, 100, 0);
  CHECK(!faults.may_read(kPayer, 0));
}

void remembers_so_many() {
  const Group group;
  group.use(90 * kMega);
  MemoryRoom room = group.room();
  CallerFaults faults(room);
  faults.note(kPayer, 1000, 0);
  for (Payer payer = kOther; payer < 10'000; ++payer) faults.note(payer, 1, 0);
  CHECK(!faults.may_read(kPayer, 0));
}

// As the kernel counts what a thread reads of others.
void counts_those_of_a_thread() {
  constexpr std::size_t kPages = 100;
  constexpr std::size_t kPage = 4096;
  const Group group;
  group.use(90 * kMega);
  MemoryRoom room = group.room();
  CallerFaults faults(room);
  void* const mapped = mmap(nullptr, kPages * kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(mapped != MAP_FAILED);
  auto* const pages = static_cast<char*>(mapped);
  const auto read_all = [&](Payer payer) {
    for (std::size_t page = 0; page < kPages; ++page) {
      const FaultWatch watch(payer, faults);
      char byte = 0;
      const iovec local = {&byte, 1};
      const iovec remote = {pages + page * kPage, 1};
      CHECK_EQUAL(process_vm_readv(getpid(), &local, 1, &remote, 1, 0), 1);
    }
  };
  read_all(kPayer);
  CHECK(!faults.may_read(kPayer));
  // they are there now
  read_all(kOther);
  CHECK(faults.may_read(kOther));
  CHECK_EQUAL(munmap(mapped, kPages * kPage), 0);
}

constexpr Case kCases[] = {
    {"A12: CallerFaults: whoever has many is read while there is memory",
     reads_for_everybody_while_there_is_memory},
    {"A12: CallerFaults: where memory is short, who had many is not read",
     reads_no_more_for_who_had_many},
    {"A12: CallerFaults: memory is looked at after some", looks_for_memory_after_some},
    {"A12: CallerFaults: who had many is remembered among others", remembers_so_many},
    {"A12: FaultWatch: reading what is not there is counted for the thread",
     counts_those_of_a_thread},
};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
