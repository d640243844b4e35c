// SPDX-License-Identifier: Apache-2.0
#include "container/resources.h"

#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "container/own_cgroup_mounts.h"
#include "kernel/process_files.h"
#include "process/cgroup_places.h"

namespace seccompagent {
namespace {

using Number = std::optional<std::uint64_t>;

// The number in a file; none: there is no such file, or it says `max`.
[[nodiscard]] Number number_in(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return std::nullopt;
  std::uint64_t number = 0;
  const char* end = text->data() + text->size();
  return std::from_chars(text->data(), end, number).ec == std::errc() ? Number(number)
                                                                      : std::nullopt;
}

[[nodiscard]] std::uint64_t difference(std::uint64_t more, std::uint64_t less) {
  return more > less ? more - less : 0;
}

// An amount of something and what is left of it.
struct Amount {
  std::uint64_t& total;
  std::uint64_t& left;

  // With a limit below what there is, what is left counts from the limit.
  void limit(std::uint64_t max, std::uint64_t used) {
    const std::uint64_t rest = difference(max, used);
    left = max < total && !is_limited ? rest : std::min(left, rest);
    is_limited = is_limited || max < total;
    total = std::min(total, max);
  }
  bool is_limited = false;
};

void apply_unified(const std::string& folder, Amount& memory, Amount& swap) {
  const auto max = number_in(folder + "/memory.max");
  if (max) memory.limit(*max, number_in(folder + "/memory.current").value_or(0));
  const auto max_swap = number_in(folder + "/memory.swap.max");
  if (max_swap) swap.limit(*max_swap, number_in(folder + "/memory.swap.current").value_or(0));
}

// Version 1 counts memory, and memory with swap.
void apply_version1(const std::string& folder, Amount& memory, Amount& swap) {
  const auto max = number_in(folder + "/memory.limit_in_bytes");
  if (!max) return;
  const std::uint64_t used = number_in(folder + "/memory.usage_in_bytes").value_or(0);
  const auto max_both = number_in(folder + "/memory.memsw.limit_in_bytes");
  if (max_both) {
    const std::uint64_t both = number_in(folder + "/memory.memsw.usage_in_bytes").value_or(used);
    swap.limit(difference(*max_both, std::min(*max, memory.total)), difference(both, used));
  }
  memory.limit(*max, used);
}

// Seconds since a process began.
[[nodiscard]] Number age_of(const FirstPlaces& process) {
  timespec now = {};
  if (clock_gettime(CLOCK_BOOTTIME, &now) == -1) return std::nullopt;
  const auto ticks_per_second = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  return difference(static_cast<std::uint64_t>(now.tv_sec), process.start / ticks_per_second);
}

[[nodiscard]] Result<Resources> resources_of_machine() {
  struct sysinfo found = {};
  if (sysinfo(&found) == -1) return fail_errno();
  const std::uint64_t unit = found.mem_unit;
  return Resources{.uptime = static_cast<std::uint64_t>(found.uptime),
                   .load1 = found.loads[0],
                   .load5 = found.loads[1],
                   .load15 = found.loads[2],
                   .memory = found.totalram * unit,
                   .memory_free = found.freeram * unit,
                   .memory_shared = found.sharedram * unit,
                   .swap = found.totalswap * unit,
                   .swap_free = found.freeswap * unit,
                   .processes = found.procs};
}

}  // namespace

std::optional<MemoryGroup> group_of(const std::string& cgroups, const std::string& mounts,
                                    std::string_view controller) {
  for (const std::string_view hierarchy : {controller, kUnified}) {
    const auto path = cgroup_path(cgroups, hierarchy);
    const auto mounted = cgroup_mount(mounts, hierarchy);
    if (path && mounted && !path->starts_with("/.."))
      return MemoryGroup{.mounted = *mounted, .path = *path, .is_unified = hierarchy == kUnified};
  }
  return std::nullopt;
}

void apply_memory_limits(Resources& resources, const MemoryGroup& group) {
  Amount memory = {.total = resources.memory, .left = resources.memory_free};
  Amount swap = {.total = resources.swap, .left = resources.swap_free};
  std::string path = group.path == "/" ? "" : group.path;
  const std::string own = group.mounted + path;
  for (;;) {
    const std::string folder = group.mounted + path;
    if (group.is_unified)
      apply_unified(folder, memory, swap);
    else
      apply_version1(folder, memory, swap);
    if (path.empty()) break;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
  if (!memory.is_limited) return;
  const auto stat = read_file(own + "/memory.stat");
  resources.memory_shared = stat ? number_behind(*stat, "shmem").value_or(0) : 0;
}

Result<Resources> resources_of(const UniqueFd& first_process, const FirstPlaces* places) {
  const auto cgroups = read_of_process(first_process, "cgroup");
  if (!cgroups) return fail(ESRCH);
  auto resources = resources_of_machine();
  if (!resources) return resources;
  if (places != nullptr) resources->uptime = age_of(*places).value_or(resources->uptime);
  const auto mounts = own_cgroup_mounts();
  if (!mounts) return std::unexpected(mounts.error());
  if (const auto memory = group_of(*cgroups, *mounts, "memory"); memory)
    apply_memory_limits(*resources, *memory);
  if (const auto pids = group_of(*cgroups, *mounts, "pids"); pids) {
    const auto count = number_in(pids->mounted + pids->path + "/pids.current");
    resources->processes = count.value_or(resources->processes);
  }
  return resources;
}

}  // namespace seccompagent
