// SPDX-License-Identifier: Apache-2.0
// Memory that is left to the agent for its work for containers, which the kernel charges to it.
// Budgets limit what may be made; this measures what was really taken.
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

  struct Share {
    // In percent of what others leave of a limit: the agent itself and its handlers need the rest.
    std::uint64_t part;
    // In percent as well, what the kernel has of it at least, or nothing counts.
    std::uint64_t of_kernel;
  };
  static constexpr Share kOfAll = {.part = 70, .of_kernel = 0};
  // Of users, who leave some for root's containers.
  static constexpr Share kOfUsers = {.part = 50, .of_kernel = 0};
  // Of users together, from where on one who takes all that one may have leaves others nothing.
  static constexpr Share kAmple = {.part = 40, .of_kernel = 0};
  // For what is made on disks. The kernel takes back what it has of that, but not what somebody
  // holds, as by a watch (inotify(7)). It is more than the others, so that whoever has used those
  // up takes it from nobody; and so is a limit that the agent itself needs nearly all of.
  static constexpr Share kOfDisks = {.part = 80, .of_kernel = 25};
  static constexpr Share kOfUsersDisks = {.part = 60, .of_kernel = 25};

  // Of such a share; nothing, before the kernel has to kill somebody. What it can take back at once
  // is left.
  [[nodiscard]] std::uint64_t bytes(const Share& share) const;
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

  [[nodiscard]] bool is_ample() const { return left_.bytes(MemoryLeft::kAmple) != 0; }
  // Nothing more may be made in memory.
  [[nodiscard]] bool is_short(Payer payer) { return has_none(look_of(payer)); }
  // Nor anywhere else.
  [[nodiscard]] bool is_full(Payer payer) { return has_none(disks_[is_user(payer) ? 1 : 0]); }
  // So much may be taken without asking, and is noted then.
  [[nodiscard]] std::uint64_t unasked(Payer payer) { return is_short(payer) ? 0 : kUnasked; }
  void note(std::uint64_t bytes) {
    for (auto* const looks : {&memory_, &disks_}) {
      for (Look& look : *looks) look.unlooked += bytes;
    }
  }
  // The same of what a file system has copied, which may have become more since it was weighed.
  void note_copied(std::uint64_t bytes);

  // As long as it lives, nobody else gets these bytes.
  class Taken {
   public:
    Taken(MemoryRoom& room, std::uint64_t bytes) : room_(&room), bytes_(bytes) {}
    Taken(Taken&& other) noexcept
        : room_(std::exchange(other.room_, nullptr)), bytes_(other.bytes_) {}
    Taken& operator=(Taken&&) = delete;
    Taken(const Taken&) = delete;
    Taken& operator=(const Taken&) = delete;
    ~Taken() {
      if (room_ != nullptr) room_->taken_ -= bytes_;
    }

   private:
    MemoryRoom* room_;
    std::uint64_t bytes_;
  };
  // None: there is not so much.
  [[nodiscard]] std::optional<Taken> take(Payer payer, std::uint64_t bytes);

 private:
  static constexpr std::uint64_t kUnasked = 64ULL << 10;
  // It is looked again after so much, or so long.
  static constexpr std::uint64_t kLookBytes = 1ULL << 20;
  static constexpr Nanoseconds kLookPause = kSecond;
  // The kernel copies some 3 MiB a millisecond.
  static constexpr Nanoseconds kCopiedPause = 5 * kMillisecond;
  // After it was of no use: files that are in use have to be read again afterwards.
  static constexpr Nanoseconds kTakeBackPause = 10 * kSecond;

  struct Look {
    const MemoryLeft::Share& share;
    std::atomic<std::uint64_t> unlooked = 0;
    std::atomic<Nanoseconds> next = 0;
    std::atomic<Nanoseconds> next_take_back = 0;
    std::atomic<bool> is_short = false;
  };
  [[nodiscard]] Look& look_of(Payer payer) { return memory_[is_user(payer) ? 1 : 0]; }
  [[nodiscard]] bool has_none(Look& own);
  [[nodiscard]] std::uint64_t look(Look& own);

  const MemoryLeft left_;
  std::atomic<std::uint64_t> taken_ = 0;
  // For root's containers, and for those of users.
  std::array<Look, 2> memory_ = {Look(MemoryLeft::kOfAll), Look(MemoryLeft::kOfUsers)};
  std::array<Look, 2> disks_ = {Look(MemoryLeft::kOfDisks), Look(MemoryLeft::kOfUsersDisks)};
};

}  // namespace seccompagent
