// SPDX-License-Identifier: Apache-2.0
// The ioctls of a seccomp listener, see seccomp_unotify(2).
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernel/result.h"

namespace seccompagent {

// Sizes of the kernel's structs in bytes; they may be larger than the headers' we were built with.
struct NotifySizes {
  std::size_t notification;
  std::size_t response;
  std::size_t data;
};

struct Notification {
  std::uint64_t id;
  // Thread id of the caller in our pid namespace; 0 when it is in none that we can see.
  pid_t tid;
  std::uint32_t arch;
  std::int32_t nr;
  std::uint64_t instruction_pointer;
  std::array<std::uint64_t, 6> arguments;
};

struct Response {
  std::int64_t value;
  // 0 or a negative errno, as the kernel has it.
  std::int32_t error;
  bool is_continue;
};

// SECCOMP_GET_NOTIF_SIZES of seccomp(2). ENOSYS or EINVAL: this kernel has no user notification.
[[nodiscard]] Result<NotifySizes> notify_sizes();

// What has become of an answer. Held: a signal came before it was given, see listener_guard.h.
enum class Arrival : std::uint8_t { arrived, lost, held };

// Receives and answers with buffers of its own: one for each thread.
class NotifyBuffers {
 public:
  explicit NotifyBuffers(const NotifySizes& sizes);

  // Blocks unless poll(2) said that something is pending. ENOENT: the caller is gone, or (Linux
  // 6.11) all callers are; poll again. EINTR: a signal; poll again.
  [[nodiscard]] Result<void> receive(int listener, Notification& notification);
  // ENOENT: the notification is gone. EINPROGRESS: it was answered already.
  [[nodiscard]] Result<void> respond(int listener, std::uint64_t id, const Response& response);
  // The same in one attempt.
  [[nodiscard]] Arrival try_to_respond(int listener, std::uint64_t id, const Response& response);

 private:
  void fill(std::uint64_t id, const Response& response);

  std::vector<std::byte> request_;
  std::vector<std::byte> response_;
};

// Gives the caller a copy of a descriptor, whose number there the call returns: both at once.
// ENOENT: the notification is gone. EMFILE: the caller has as many as it may have. EINVAL: this
// kernel is older than Linux 5.14. After an error the notification still has to be answered.
[[nodiscard]] Result<void> respond_with_fd(int listener, std::uint64_t id, int fd,
                                           bool is_close_on_exec);

// Gives the caller a copy of a descriptor while its call goes on: its number there. `at`: the
// number that it is to have, in place of what the caller has there; -1: any.
[[nodiscard]] Result<int> add_fd(int listener, std::uint64_t id, int fd, int at,
                                 bool is_close_on_exec);

// The number of the ID_VALID ioctl that this listener knows: Linux before 5.17 had its direction
// wrong. ENOTTY: the descriptor is no seccomp listener. EBUSY: a signal came first.
[[nodiscard]] Result<unsigned long> probe_id_valid(int fd);

// Whether the caller of this notification still waits for its answer.
[[nodiscard]] bool id_valid(int listener, unsigned long request, std::uint64_t id);

// The same in one attempt. Unknown: a signal came first.
enum class Awaited : std::uint8_t { yes, no, unknown };
[[nodiscard]] Awaited ask_awaited(int listener, unsigned long request, std::uint64_t id);

// Whether there is somebody yet of whose calls this listener is told.
[[nodiscard]] bool has_users(int listener);

// Hands the CPU to the other end on each wake-up (Linux 6.6). EINVAL on older kernels.
[[nodiscard]] Result<void> set_sync_wake_up(int listener);

}  // namespace seccompagent
