// SPDX-License-Identifier: Apache-2.0
// Memory that is left to the agent for what the kernel charges to it when it reads the memory of
// callers.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "container/resources.h"
#include "kernel/clock.h"
#include "kernel/payer.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// Memory that cgroups and the machine leave, in bytes, see cgroups(7). Their files stay open: it is
// asked also where descriptors have run out.
class MemoryLeft {
 public:
  // `group`: whose limits and those above it count; none: only what the machine has.
  explicit MemoryLeft(const std::optional<MemoryGroup>& group,
                      const std::string& machine = "/proc/meminfo");
  // Of the process.
  [[nodiscard]] static MemoryLeft of_process();

  // In percent of what others leave of a limit: the agent itself and its handlers need the rest. Of
  // users, who leave some for root's containers.
  static constexpr std::uint64_t kOfAll = 70;
  static constexpr std::uint64_t kOfUsers = 50;

  // So many percent; nothing, before the kernel has to kill somebody. What it can take back at once
  // is left.
  [[nodiscard]] std::uint64_t bytes(std::uint64_t percent) const;
  // Has the kernel take that back where nothing else tells how much it is, as version 1 does not of
  // what the kernel itself has. Others lose nothing.
  void take_back() const;

 private:
  struct Level {
    UniqueFd max;
    UniqueFd used;
  };
  // None: it has none.
  [[nodiscard]] static std::optional<std::uint64_t> limit_of(const Level& level);
  [[nodiscard]] std::uint64_t used_at(const Level& level) const;
  // In the innermost cgroup.
  [[nodiscard]] std::uint64_t used_by_kernel() const;

  // The agent's own first, which nobody else is in.
  std::vector<Level> levels_;
  // Of the first one, where that is of version 1.
  UniqueFd of_kernel_;
  UniqueFd force_empty_;
  UniqueFd machine_;
  bool is_unified_ = false;
};

class MemoryRoom {
 public:
  explicit MemoryRoom(MemoryLeft left) : left_(std::move(left)) {}
  [[nodiscard]] static MemoryRoom& of_process();

  [[nodiscard]] bool is_short(Payer payer);
  void note(std::uint64_t bytes) {
    for (Look& look : looks_) look.unlooked += bytes;
  }

 private:
  // It is looked again after so much, or so long.
  static constexpr std::uint64_t kLookBytes = 1ULL << 20;
  static constexpr Nanoseconds kLookPause = kSecond;
  // After it was of no use: files that are in use have to be read again afterwards.
  static constexpr Nanoseconds kTakeBackPause = 10 * kSecond;

  struct Look {
    std::uint64_t percent;
    std::atomic<std::uint64_t> unlooked = 0;
    std::atomic<Nanoseconds> next = 0;
    std::atomic<Nanoseconds> next_take_back = 0;
    std::atomic<bool> is_short = false;
  };
  void look(Look& own);

  const MemoryLeft left_;
  // For root's containers, and for those of users.
  std::array<Look, 2> looks_ = {Look(MemoryLeft::kOfAll), Look(MemoryLeft::kOfUsers)};
};

}  // namespace seccompagent
