// SPDX-License-Identifier: Apache-2.0
// Tests what cgroups make of a machine, with files such as the kernel has them.
#include "container/resources.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "cgroup_files.h"
#include "check.h"

namespace seccompagent::test {
namespace {

constexpr const char* kUnlimited = "9223372036854771712\n";

class Hierarchy : public CgroupFiles {
 public:
  [[nodiscard]] Resources limited(const std::string& path, bool is_unified) const {
    Resources resources = {.uptime = 1,
                           .load1 = 0,
                           .load5 = 0,
                           .load15 = 0,
                           .memory = 1000 * kMega,
                           .memory_free = 400 * kMega,
                           .memory_shared = 3 * kMega,
                           .swap = 500 * kMega,
                           .swap_free = 300 * kMega,
                           .processes = 1};
    apply_memory_limits(resources,
                        {.mounted = this->path(), .path = path, .is_unified = is_unified});
    return resources;
  }
};

std::string megas(std::uint64_t count) { return std::to_string(count * kMega) + "\n"; }

void takes_the_limits_of_version_2() {
  const Hierarchy hierarchy;
  hierarchy.write("a/b/memory.max", megas(100));
  hierarchy.write("a/b/memory.current", megas(30));
  hierarchy.write("a/b/memory.swap.max", megas(50));
  hierarchy.write("a/b/memory.swap.current", megas(20));
  hierarchy.write("a/b/memory.stat", "anon 5\nshmem 4096\nshmem_thp 7\n");
  hierarchy.write("a/memory.max", "max\n");
  const Resources resources = hierarchy.limited("/a/b", true);
  CHECK_EQUAL(resources.memory, 100 * kMega);
  CHECK_EQUAL(resources.memory_free, 70 * kMega);
  CHECK_EQUAL(resources.memory_shared, 4096U);
  CHECK_EQUAL(resources.swap, 50 * kMega);
  CHECK_EQUAL(resources.swap_free, 30 * kMega);
}

void takes_what_is_above() {
  const Hierarchy hierarchy;
  hierarchy.write("a/b/memory.max", megas(200));
  hierarchy.write("a/b/memory.current", megas(10));
  hierarchy.write("a/memory.max", megas(100));
  hierarchy.write("a/memory.current", megas(95));
  const Resources resources = hierarchy.limited("/a/b", true);
  CHECK_EQUAL(resources.memory, 100 * kMega);
  CHECK_EQUAL(resources.memory_free, 5 * kMega);
}

void leaves_what_is_not_limited() {
  const Hierarchy hierarchy;
  hierarchy.write("a/memory.max", "max\n");
  hierarchy.write("a/memory.current", megas(30));
  hierarchy.write("a/memory.swap.max", "max\n");
  for (const char* path : {"/a", "/none", "/"}) {
    const Resources resources = hierarchy.limited(path, true);
    CHECK_EQUAL(resources.memory, 1000 * kMega);
    CHECK_EQUAL(resources.memory_free, 400 * kMega);
    CHECK_EQUAL(resources.memory_shared, 3 * kMega);
    CHECK_EQUAL(resources.swap, 500 * kMega);
    CHECK_EQUAL(resources.swap_free, 300 * kMega);
  }
}

void never_has_less_than_nothing() {
  const Hierarchy hierarchy;
  hierarchy.write("a/memory.max", megas(10));
  hierarchy.write("a/memory.current", megas(11));
  hierarchy.write("a/memory.swap.max", "0\n");
  hierarchy.write("a/memory.swap.current", megas(1));
  const Resources resources = hierarchy.limited("/a", true);
  CHECK_EQUAL(resources.memory, 10 * kMega);
  CHECK_EQUAL(resources.memory_free, 0U);
  CHECK_EQUAL(resources.swap, 0U);
  CHECK_EQUAL(resources.swap_free, 0U);
}

void takes_the_limits_of_version_1() {
  const Hierarchy hierarchy;
  hierarchy.write("a/memory.limit_in_bytes", megas(100));
  hierarchy.write("a/memory.usage_in_bytes", megas(40));
  hierarchy.write("a/memory.memsw.limit_in_bytes", megas(130));
  hierarchy.write("a/memory.memsw.usage_in_bytes", megas(60));
  hierarchy.write("memory.limit_in_bytes", kUnlimited);
  hierarchy.write("memory.memsw.limit_in_bytes", kUnlimited);
  const Resources resources = hierarchy.limited("/a", false);
  CHECK_EQUAL(resources.memory, 100 * kMega);
  CHECK_EQUAL(resources.memory_free, 60 * kMega);
  CHECK_EQUAL(resources.swap, 30 * kMega);
  CHECK_EQUAL(resources.swap_free, 10 * kMega);
}

void leaves_what_version_1_does_not_limit() {
  const Hierarchy hierarchy;
  hierarchy.write("a/memory.limit_in_bytes", kUnlimited);
  hierarchy.write("a/memory.usage_in_bytes", megas(40));
  hierarchy.write("a/memory.memsw.limit_in_bytes", kUnlimited);
  const Resources resources = hierarchy.limited("/a", false);
  CHECK_EQUAL(resources.memory, 1000 * kMega);
  CHECK_EQUAL(resources.memory_free, 400 * kMega);
  CHECK_EQUAL(resources.swap, 500 * kMega);
  CHECK_EQUAL(resources.swap_free, 300 * kMega);
}

void is_as_old_as_its_first_process() {
  const UniqueFd self(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  const auto places = find_first_places(self);
  CHECK(places != nullptr);
  const Resources resources = VALUE(resources_of(self, places.get()));
  CHECK(resources.uptime <= 60);
  CHECK(resources.memory > 0 && resources.memory_free <= resources.memory);
  CHECK(resources.processes > 0);
}

constexpr Case kCases[] = {
    {"resources: limits of version 2 count", takes_the_limits_of_version_2},
    {"resources: a cgroup above may allow less", takes_what_is_above},
    {"resources: without a limit there is what the machine has", leaves_what_is_not_limited},
    {"resources: more use than allowed leaves nothing", never_has_less_than_nothing},
    {"resources: limits of version 1 count", takes_the_limits_of_version_1},
    {"resources: version 1 has a number for no limit", leaves_what_version_1_does_not_limit},
    {"resources: a container is as old as its first process", is_as_old_as_its_first_process},
};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
