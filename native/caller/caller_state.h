// SPDX-License-Identifier: Apache-2.0
// The state in /proc of a thread that waits for an answer, see proc(5).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "caller/namespaces.h"
#include "caller/thread_entry.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

class CallerState {
 public:
  explicit CallerState(pid_t tid) : entry_(tid) {}

  // The one that the calling thread keeps; it is that of the caller it has dealt with last.
  [[nodiscard]] static CallerState& of(pid_t tid);
  // Closes what all threads keep and don't use just now: for times when nothing happens.
  static void close_kept();
  CallerState(const CallerState&) = delete;
  CallerState& operator=(const CallerState&) = delete;
  ~CallerState() = default;

  // Opens what the entry has under this name. ENOENT, ESRCH: the thread has ended, or has no such.
  [[nodiscard]] Result<UniqueFd> open(const char* what, int flags);
  // Text of a symbolic link of the entry, as in `user:[4026531837]`; valid until the next use.
  [[nodiscard]] Result<std::string_view> read_link(const char* what);
  // The mount whose root the thread's root is, see root_mount.h; 0: nobody knows.
  [[nodiscard]] std::uint64_t mount_of_root();
  // The mode of a symbolic link of the entry, see proc_pid_fd(5).
  [[nodiscard]] Result<mode_t> link_mode(const char* what);
  // Whether all numbers of descriptors that it may have are taken, see RLIMIT_NOFILE of
  // getrlimit(2). Where nobody can tell, they are not.
  [[nodiscard]] bool has_all_descriptors();
  // RLIMIT_FSIZE; where there is none, the highest number.
  [[nodiscard]] Result<std::uint64_t> max_file_size();
  // The whole text, see proc_pid_status(5); valid until it is read the next time. ETOOMANYREFS: it
  // is longer than that of any thread with kMaxGroups (target.h), or was so a moment ago
  // (long_statuses.h).
  [[nodiscard]] Result<const char*> read_status();
  // The same, of a thread that waits for the answer to this notification: read once for it, without
  // a look at whether the thread sleeps. Rights do not change while a thread waits, so what it says
  // of them counts if the notification is valid afterwards.
  [[nodiscard]] Result<const char*> status_during(std::uint64_t notification);
  // What was kept of the thread that its number still is; see places_of.
  [[nodiscard]] std::optional<Places> lasting_places();
  void keep_places(const Places& places);
  // Label by a security module, at its one place in the entry (label.h); valid until the next use.
  // EINVAL: it is not active.
  [[nodiscard]] Result<std::string_view> read_label(const char* what);

  // Identity of the thread's program, with the rights that it has: when the thread
  // started, where the kernel has put the parts of its memory, what it was executed from, and its
  // credentials. execve(2) changes it even where program and rights are the same: the kernel
  // chooses the places anew, unless the whole system is told not to. Nothing that the caller owns
  // is read, so nothing waits. EPERM: we may not look.
  [[nodiscard]] Result<std::string> read_program(std::uint64_t notification);
  // The same without a look at what was known of the memory that the thread still had when it was
  // looked at last. Of a program that shares its memory with another process it may say what was
  // before an execve: that equals nothing which is read anew.
  [[nodiscard]] Result<std::string> known_program(std::uint64_t notification);

  // It does not wait any more: something has woken it. A thread that has ended, or that we may not
  // look at, is taken for one that waits.
  [[nodiscard]] bool is_awake();
  // A signal is about to interrupt it. Only asked of the thread that was looked at before.
  [[nodiscard]] bool has_pending_signal();
  // It slept when its status was read last, as in the wait for an answer, and has not run since: no
  // signal can have ended that wait. False: it may have, or nobody knows.
  [[nodiscard]] bool has_slept_on();
  // It was woken for a moment, and goes on with its wait.
  void note_turn();

 private:
  using File = EntryFile;

  [[nodiscard]] bool is_memory_known() const;
  [[nodiscard]] Result<void> know_memory(int entry);
  [[nodiscard]] Result<std::string> program_of(const char* status) const;
  // 0: for no notification.
  [[nodiscard]] Result<const char*> read_status_for(std::uint64_t notification, bool notes_sleep);
  void note_sleep(std::string_view status, std::uint64_t turns_before);
  [[nodiscard]] std::optional<std::uint64_t> turns();
  // Of the thread's limits, see proc_pid_limits(5). EINVAL: it has no such limit.
  [[nodiscard]] Result<std::uint64_t> limit(std::string_view name);
  [[nodiscard]] bool has_descriptor(std::uint64_t number);

  ThreadEntry entry_;
  // The state of the memory that the thread had when its pagemap was opened.
  std::string memory_;
  // Number of times it had got a processor when it was seen asleep.
  std::optional<std::uint64_t> slept_at_;
  std::optional<Places> places_;
  std::uint64_t places_of_ = 0;
  std::vector<char> text_;
  std::vector<char> status_text_;
  // 0: the text is of no notification.
  std::uint64_t status_of_ = 0;
};

}  // namespace seccompagent
