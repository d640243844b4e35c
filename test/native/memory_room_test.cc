// SPDX-License-Identifier: Apache-2.0
// Tests what is left of the agent's memory, with files such as the kernel has them.
#include "container/memory_room.h"

#include <string>
#include <utility>
#include <vector>

#include "cgroup_files.h"
#include "check.h"
#include "kernel/clock.h"

namespace seccompagent::test {
namespace {

// A container of root, and a user.
constexpr Payer kRoot = 1;
constexpr Payer kUser = user_payer(1000);

constexpr const char* kLargeMachine = "MemTotal:        4096000 kB\nMemAvailable:    4096000 kB\n";

class Machine : public CgroupFiles {
 public:
  explicit Machine(bool is_unified) : is_unified_(is_unified) { write("meminfo", kLargeMachine); }

  void limit(const std::string& group, const std::string& max) const {
    write(group + (is_unified_ ? "/memory.max" : "/memory.limit_in_bytes"), max + "\n");
  }
  void use(const std::string& group, const std::string& name, std::uint64_t bytes) const {
    write(group + "/memory.stat", name + " " + std::to_string(bytes) + "\nfile 1\n");
  }
  [[nodiscard]] MemoryLeft left(const std::string& group) const {
    return MemoryLeft(MemoryGroup{.mounted = path(), .path = group, .is_unified = is_unified_},
                      path() + "/meminfo");
  }

 private:
  bool is_unified_;
};

std::string megas(std::uint64_t count) { return std::to_string(count * kMega); }

void leaves_a_part_of_a_limit() {
  for (const bool is_unified : {true, false}) {
    const Machine machine(is_unified);
    machine.limit("a", megas(100));
    for (const std::string& name :
         is_unified ? std::vector<std::string>{"anon", "shmem", "slab_unreclaimable",
                                               "kernel_stack", "pagetables", "hugetlb"}
                    : std::vector<std::string>{"total_rss", "total_shmem"}) {
      machine.use("a", name, 30 * kMega);
      CHECK_EQUAL(machine.left("/a").bytes(MemoryLeft::kOfAll), 40 * kMega);
    }
    // what the kernel can take back
    machine.use("a", "inactive_file", 90 * kMega);
    CHECK_EQUAL(machine.left("/a").bytes(MemoryLeft::kOfAll), 70 * kMega);
  }
}

// Version 1 does not tell what of it the kernel can take back, but does so when asked.
void counts_what_the_kernel_has() {
  const Machine machine(false);
  machine.limit("a", megas(100));
  machine.use("a", "total_rss", 10 * kMega);
  machine.write("a/memory.kmem.usage_in_bytes", megas(50) + "\n");
  CHECK_EQUAL(machine.left("/a").bytes(MemoryLeft::kOfAll), 60 * kMega);
  machine.write("a/memory.force_empty", "");
  CHECK_EQUAL(machine.left("/a").bytes(MemoryLeft::kOfAll), 10 * kMega);
  machine.write("a/memory.kmem.usage_in_bytes", megas(60) + "\n");
  MemoryRoom room(machine.left("/a"));
  CHECK(room.is_short(kRoot));
  CHECK_EQUAL(machine.read("a/memory.force_empty"), "0");
}

void counts_each_level() {
  const Machine machine(true);
  machine.limit("pod", megas(100));
  machine.use("pod", "anon", 60 * kMega);
  machine.limit("pod/agent", "max");
  machine.use("pod/agent", "anon", 60 * kMega);
  CHECK_EQUAL(machine.left("/pod/agent").bytes(MemoryLeft::kOfAll), 10 * kMega);
}

// The agent has what they leave, however much of the limit they use.
void does_not_count_others_as_its_own() {
  for (const bool is_unified : {true, false}) {
    const Machine machine(is_unified);
    const std::string used = is_unified ? "anon" : "total_rss";
    machine.limit("pods", megas(1000));
    machine.use("pods", used, 810 * kMega);
    machine.write("pods/memory.kmem.usage_in_bytes", megas(900) + "\n");
    machine.write("pods/memory.force_empty", "");
    machine.limit("pods/agent", megas(100));
    machine.use("pods/agent", used, 10 * kMega);
    CHECK_EQUAL(machine.left("/pods/agent").bytes(MemoryLeft::kOfAll), 60 * kMega);
    machine.use("pods", used, 960 * kMega);
    CHECK_EQUAL(machine.left("/pods/agent").bytes(MemoryLeft::kOfAll), 25 * kMega);
    machine.use("pods", used, 1000 * kMega);
    MemoryRoom room(machine.left("/pods/agent"));
    CHECK(room.is_short(kRoot));
    // what others have cached stays
    CHECK_EQUAL(machine.read("pods/memory.force_empty"), "");
  }
}

void sees_what_has_changed() {
  const Machine machine(true);
  machine.limit("a", megas(100));
  machine.use("a", "anon", 0);
  const MemoryLeft left = machine.left("/a");
  CHECK_EQUAL(left.bytes(MemoryLeft::kOfAll), 70 * kMega);
  machine.use("a", "shmem", 80 * kMega);
  CHECK_EQUAL(left.bytes(MemoryLeft::kOfAll), 0U);
  machine.limit("a", megas(200));
  CHECK_EQUAL(left.bytes(MemoryLeft::kOfAll), 60 * kMega);
}

void leaves_some_of_the_machine() {
  const Machine machine(true);
  machine.write("meminfo", "MemTotal:        1024000 kB\nMemAvailable:     204800 kB\n");
  CHECK_EQUAL(machine.left("/a").bytes(MemoryLeft::kOfAll), 140 * kMega);
}

void leaves_roots_more_than_users() {
  const Machine machine(true);
  machine.limit("a", megas(100));
  machine.use("a", "anon", 40 * kMega);
  CHECK_EQUAL(machine.left("/a").bytes(MemoryLeft::kOfUsers), 10 * kMega);
  machine.use("a", "anon", 60 * kMega);
  CHECK_EQUAL(machine.left("/a").bytes(MemoryLeft::kOfUsers), 0U);
  MemoryRoom room(machine.left("/a"));
  CHECK(room.is_short(kUser));
  CHECK(!room.is_short(kRoot));
  machine.use("a", "anon", 0);
  machine.write("meminfo", "MemTotal:        1024000 kB\nMemAvailable:      51200 kB\n");
  CHECK_EQUAL(machine.left("/a").bytes(MemoryLeft::kOfUsers), 25 * kMega);
}

void looks_again_for_what_was_taken() {
  const Machine machine(true);
  machine.limit("a", megas(100));
  machine.use("a", "anon", 0);
  MemoryRoom room(machine.left("/a"));
  CHECK(!room.is_short(kRoot));
  machine.use("a", "shmem", 90 * kMega);
  // not for each call
  CHECK(!room.is_short(kRoot));
  room.note(kMega);
  CHECK(room.is_short(kRoot));
}

constexpr Case kCases[] = {
    {"A12: memory left: a part of a limit, without what is used", leaves_a_part_of_a_limit},
    {"A12: memory left: what the kernel has counts where it takes back what it can",
     counts_what_the_kernel_has},
    {"A12: memory left: a cgroup above may leave less", counts_each_level},
    {"A12: memory left: what others use of a limit is not the agent's",
     does_not_count_others_as_its_own},
    {"A12: memory left: it is read anew", sees_what_has_changed},
    {"A12: memory left: others have some of the machine", leaves_some_of_the_machine},
    {"A10: memory left: root's containers have more than users take", leaves_roots_more_than_users},
    {"A12: memory room: what was taken is looked for", looks_again_for_what_was_taken},
};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
