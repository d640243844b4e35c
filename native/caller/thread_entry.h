// SPDX-License-Identifier: Apache-2.0
// A thread's entry in procfs, with its files open.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// Files that stay open with the entry.
enum class EntryFile : std::uint8_t { wchan, status, stat, schedstat, label, limits, pagemap };

// What is opened there stays open: the next call mostly comes from the same thread, and opening
// takes longer than reading. It pins no more of the thread than its entry.
class ThreadEntry {
 public:
  explicit ThreadEntry(pid_t tid) : tid_(tid) {}
  ThreadEntry(const ThreadEntry&) = delete;
  ThreadEntry& operator=(const ThreadEntry&) = delete;
  ~ThreadEntry() = default;

  [[nodiscard]] pid_t tid() const { return tid_; }
  // Another thread's from here on.
  void turn_to(pid_t tid);
  // Closes all, unless it is used just now.
  void close_if_unused();

  // Nobody closes anything before this is over: held for some system calls at most, and mostly by
  // nobody else.
  class Use {
   public:
    explicit Use(ThreadEntry& entry) : flag_(entry.is_used_) {
      while (flag_.test_and_set(std::memory_order_acquire)) sched_yield();
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use() { flag_.clear(std::memory_order_release); }

   private:
    std::atomic_flag& flag_;
  };

  // Gives the open entry to `access`, which may keep files of it open. The kept entry may be that
  // of an ended thread, whose number another one has got since: then it is opened anew, once.
  template <typename Access>
  auto with(Access access) -> decltype(access(0)) {
    const Use use(*this);
    const bool was_kept = entry_.is_open();
    if (!was_kept) {
      const auto opened = open_entry();
      if (!opened) return std::unexpected(opened.error());
    }
    auto result = access(entry_.get());
    const bool is_missing =
        !result && (result.error() == Errno{ENOENT} || result.error() == Errno{ESRCH});
    if (!was_kept || !is_missing) return result;
    const auto opened = open_entry();
    if (!opened) return std::unexpected(opened.error());
    return access(entry_.get());
  }

  // The following, while it is used.

  // Opens the file under this name, unless it is open.
  [[nodiscard]] Result<int> kept(EntryFile file, const char* name);
  // The open one, or none.
  [[nodiscard]] UniqueFd& file(EntryFile file) { return files_[static_cast<std::size_t>(file)]; }
  [[nodiscard]] const UniqueFd& file(EntryFile file) const {
    return files_[static_cast<std::size_t>(file)];
  }
  // Opens what the entry has under this name.
  [[nodiscard]] Result<UniqueFd> open(const char* name, int flags) const;
  // Another number once all was closed: what was learnt before may be of another thread.
  [[nodiscard]] std::uint64_t generation() const { return generation_; }

 private:
  [[nodiscard]] Result<void> open_entry();
  void close();

  std::atomic_flag is_used_;
  pid_t tid_;
  std::uint64_t generation_ = 0;
  UniqueFd entry_;
  std::array<UniqueFd, static_cast<std::size_t>(EntryFile::pagemap) + 1> files_;
};

}  // namespace seccompagent
