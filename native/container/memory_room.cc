// SPDX-License-Identifier: Apache-2.0
#include "container/memory_room.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <span>
#include <string_view>

#include "container/own_cgroup_mounts.h"
#include "kernel/process_files.h"
#include "process/cgroup_places.h"

namespace seccompagent {
namespace {

// The number of version 1 for no limit is larger.
constexpr std::uint64_t kUnlimited = 1ULL << 62;
constexpr std::size_t kMaxText = 16384;

[[nodiscard]] UniqueFd open_to_read(const std::string& path) {
  return UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

// Present text of such a file; empty: it is gone.
[[nodiscard]] std::string_view read_again(const UniqueFd& file, std::span<char> into) {
  const ssize_t length = pread(file.get(), into.data(), into.size(), 0);
  return {into.data(), length < 0 ? 0 : static_cast<std::size_t>(length)};
}

// 0: there is none.
[[nodiscard]] std::uint64_t sum_of(std::string_view text,
                                   std::initializer_list<std::string_view> names) {
  std::uint64_t sum = 0;
  for (const std::string_view name : names) sum += number_behind(text, name).value_or(0);
  return sum;
}

// None: it says `max`.
[[nodiscard]] std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  return std::from_chars(text.begin(), text.end(), number).ec == std::errc() ? std::optional(number)
                                                                             : std::nullopt;
}

// 0, where there is more to take away.
[[nodiscard]] std::uint64_t less(std::uint64_t from, std::uint64_t amount) {
  return from - std::min(from, amount);
}

[[nodiscard]] std::uint64_t part_of(std::uint64_t bytes, std::uint64_t percent) {
  constexpr std::uint64_t kWhole = 100;
  return bytes / kWhole * percent;
}

}  // namespace

MemoryLeft::MemoryLeft(const std::optional<MemoryGroup>& group, const std::string& machine)
    : machine_(open_to_read(machine)) {
  if (!group) return;
  is_unified_ = group->is_unified;
  std::string path = group->path == "/" ? "" : group->path;
  for (;;) {
    const std::string folder = group->mounted + path;
    Level level = {
        .max = open_to_read(folder + (is_unified_ ? "/memory.max" : "/memory.limit_in_bytes")),
        .used = open_to_read(folder + "/memory.stat")};
    // above are caches of others, too
    if (!is_unified_ && levels_.empty()) {
      of_kernel_ = open_to_read(folder + "/memory.kmem.usage_in_bytes");
      force_empty_ = UniqueFd(open((folder + "/memory.force_empty").c_str(), O_WRONLY | O_CLOEXEC));
    }
    if (level.max.is_open() && level.used.is_open()) levels_.push_back(std::move(level));
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) break;
    path.resize(slash);
  }
}

std::optional<std::uint64_t> MemoryLeft::limit_of(const Level& level) {
  std::array<char, kMaxText> room = {};
  const auto max = number_of(read_again(level.max, room));
  return max && *max < kUnlimited ? max : std::nullopt;
}

MemoryLeft MemoryLeft::of_process() {
  const auto cgroups = read_file("/proc/self/cgroup");
  const auto mounts = own_cgroup_mounts();
  if (!cgroups || !mounts) return MemoryLeft(std::nullopt);
  return MemoryLeft(group_of(*cgroups, *mounts, "memory"));
}

std::uint64_t MemoryLeft::used_at(const Level& level) const {
  std::array<char, kMaxText> room = {};
  const std::string_view stat = read_again(level.used, room);
  if (is_unified_) {
    // huge pages count where cgroup2 is mounted so (memory_hugetlb_accounting)
    return sum_of(stat, {"anon", "shmem", "slab_unreclaimable", "kernel_stack", "pagetables",
                         "percpu", "unevictable", "hugetlb"});
  }
  return sum_of(stat, {"total_rss", "total_shmem", "total_unevictable"});
}

std::uint64_t MemoryLeft::used_by_kernel() const {
  std::array<char, kMaxText> room = {};
  if (is_unified_) {
    return levels_.empty() ? 0
                           : sum_of(read_again(levels_.front().used, room), {"slab_unreclaimable"});
  }
  // it may be caches all of it
  if (!force_empty_.is_open()) return 0;
  return number_of(read_again(of_kernel_, room)).value_or(0);
}

void MemoryLeft::take_back() const {
  constexpr std::string_view kAll = "0";
  // it takes back what it can
  if (force_empty_.is_open()) (void)!pwrite(force_empty_.get(), kAll.data(), kAll.size(), 0);
}

// Limits above the agent's own are others', too: what counts is how much these leave of them.
std::uint64_t MemoryLeft::bytes(std::uint64_t percent) const {
  std::array<char, kMaxText> room = {};
  const std::uint64_t told = levels_.empty() ? 0 : used_at(levels_.front());
  const std::uint64_t by_kernel = used_by_kernel();
  // version 2 has told of that already
  const std::uint64_t own = told + (is_unified_ ? 0 : by_kernel);
  std::uint64_t left = ~0ULL;
  const auto leave = [&](std::uint64_t max) {
    left = std::min(left, less(part_of(max, percent), own));
  };
  // in KiB
  constexpr std::uint64_t kUnit = 1024;
  if (const auto available = number_behind(read_again(machine_, room), "MemAvailable:"))
    leave(*available * kUnit + own);
  for (const Level& level : levels_) {
    if (const auto max = limit_of(level)) leave(less(*max, less(used_at(level), told)));
  }
  return left;
}

// Never freed: threads may use it to the end.
MemoryRoom& MemoryRoom::of_process() {
  static auto& room = *new MemoryRoom(MemoryLeft::of_process());
  return room;
}

void MemoryRoom::look(Look& own) {
  own.unlooked = 0;
  own.next = now() + kLookPause;
  own.is_short = left_.bytes(own.percent) == 0;
  if (!own.is_short || now() < own.next_take_back) return;
  left_.take_back();
  own.is_short = left_.bytes(own.percent) == 0;
  if (own.is_short) own.next_take_back = now() + kTakeBackPause;
}

bool MemoryRoom::is_short(Payer payer) {
  Look& own = looks_[is_user(payer) ? 1 : 0];
  if (own.unlooked >= kLookBytes || now() >= own.next) look(own);
  return own.is_short;
}

}  // namespace seccompagent
