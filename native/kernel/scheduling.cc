// SPDX-License-Identifier: Apache-2.0
#include "kernel/scheduling.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace seccompagent {
namespace {

// struct sched_attr of <linux/sched/types.h>, in its first version.
struct SchedAttributes {
  std::uint32_t size;
  std::uint32_t policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime;
  std::uint64_t deadline;
  std::uint64_t period;
};
static_assert(sizeof(SchedAttributes) == 48);

constexpr std::uint64_t kSliceNs = 400'000;

}  // namespace

void shorten_slice(pid_t thread) {
  SchedAttributes attributes = {};
  if (syscall(SYS_sched_getattr, thread, &attributes, sizeof attributes, 0) == -1) return;
  attributes.size = sizeof attributes;
  // of threads of the fair class, the length of a slice
  attributes.runtime = kSliceNs;
  (void)syscall(SYS_sched_setattr, thread, &attributes, 0);
}

bool become_real_time(pid_t thread) {
  const sched_param parameters = {.sched_priority = sched_get_priority_min(SCHED_RR)};
  return sched_setscheduler(thread, SCHED_RR | SCHED_RESET_ON_FORK, &parameters) == 0;
}

void lower_priority(pid_t thread) {
  // not the lowest: what the kernel locks for it, others wait for
  constexpr int kNice = 10;
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(thread), kNice);
}

void become_fair(pid_t thread) {
  const sched_param parameters = {.sched_priority = 0};
  (void)sched_setscheduler(thread, SCHED_OTHER | SCHED_RESET_ON_FORK, &parameters);
}

}  // namespace seccompagent
