// SPDX-License-Identifier: Apache-2.0
// Tests that threads get short slices or real-time priority, and nothing else changes.
#include "kernel/scheduling.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
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

void shortens_slice_alone() {
  const Attributes before = attributes_of_this_thread();
  shorten_slice(0);
  Attributes after = attributes_of_this_thread();
  // kernels before 6.12 do not say
  CHECK(after[kRuntime] == 400'000 || after[kRuntime] == 0);
  after[kRuntime] = before[kRuntime];
  CHECK(after == before);
}

void leaves_other_threads() {
  const Attributes before = attributes_of_this_thread();
  std::thread([] { shorten_slice(0); }).join();
  CHECK(attributes_of_this_thread() == before);
}

int policy_of(pid_t thread) { return sched_getscheduler(thread) & ~SCHED_RESET_ON_FORK; }

void lets_another_thread_go_before() {
  std::atomic<pid_t> thread = 0;
  std::atomic<bool> is_over = false;
  std::thread other([&] {
    thread.store(gettid());
    thread.notify_one();
    is_over.wait(false);
  });
  thread.wait(0);
  if (become_real_time(thread.load())) {
    CHECK_EQUAL(policy_of(thread.load()), SCHED_RR);
    CHECK_EQUAL(policy_of(0), SCHED_OTHER);
  }
  become_fair(thread.load());
  CHECK_EQUAL(policy_of(thread.load()), SCHED_OTHER);
  is_over.store(true);
  is_over.notify_one();
  other.join();
}

constexpr Case kCases[] = {
    {"shorten_slice: nothing else changes", shortens_slice_alone},
    {"shorten_slice: other threads keep theirs", leaves_other_threads},
    {"become_real_time: another thread does, and then no longer", lets_another_thread_go_before}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
