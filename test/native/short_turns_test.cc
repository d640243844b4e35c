// SPDX-License-Identifier: Apache-2.0
// Tests that a thread has short turns, and is otherwise scheduled as before.
#include "short_turns.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <thread>

#include "check.h"

namespace seccompagent::test {
namespace {

// struct sched_attr; what stands in the words is in sched_setattr(2).
using Attributes = std::array<std::uint64_t, 6>;

constexpr std::size_t kRuntime = 3;

Attributes attributes_of_this_thread() {
  Attributes attributes = {};
  CHECK_EQUAL(syscall(SYS_sched_getattr, 0, attributes.data(), sizeof attributes, 0), 0L);
  return attributes;
}

void shortens_turns_alone() {
  const Attributes before = attributes_of_this_thread();
  take_short_turns();
  Attributes after = attributes_of_this_thread();
  // kernels before 6.12 do not say
  CHECK(after[kRuntime] == 200'000 || after[kRuntime] == 0);
  after[kRuntime] = before[kRuntime];
  CHECK(after == before);
}

void leaves_other_threads() {
  const Attributes before = attributes_of_this_thread();
  std::thread(take_short_turns).join();
  CHECK(attributes_of_this_thread() == before);
}

constexpr Case kCases[] = {{"take_short_turns: nothing else changes", shortens_turns_alone},
                           {"take_short_turns: other threads keep theirs", leaves_other_threads}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
