// SPDX-License-Identifier: Apache-2.0
// The epoll set of all listeners, and the workers that take turns in receiving from it.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "notify.h"
#include "result.h"
#include "target.h"
#include "unique_fd.h"

namespace seccompagent {

// Which table of syscall numbers a call belongs to; the order is the one of syscall-numbers.ts.
enum class Arch : std::uint32_t { x86_64, i386, x32, arm64, unknown };

struct SyscallNumber {
  Arch arch;
  // Without the bit of x32.
  std::uint32_t number;
};

[[nodiscard]] SyscallNumber syscall_number(std::uint32_t audit_arch, std::int32_t nr);

inline constexpr std::size_t kArches = 4;
inline constexpr std::size_t kNumbers = 1024;
inline constexpr std::size_t kArguments = 6;

// How an argument is read; the values are those of native.ts.
enum class ReadKind : std::uint8_t { nothing, path, source, mount_data };

// [arch][number][argument] -> ReadKind.
using ReadTable = std::vector<ReadKind>;
// [arch][number] -> whether the handlers of a container want the pointers followed.
using ReadSet = std::vector<std::uint8_t>;

// One seccomp listener: the only owner of its descriptor.
struct Listener {
  UniqueFd fd;
  unsigned long id_valid_request;
  std::uint32_t token;
  ReadSet reads;
  // The container's registry, encoded; never looked into here.
  std::string registry;
};

enum class AnswerKind : std::uint32_t { none = 0, value = 1, error = 2, carry_on = 3 };

enum class EventKind : std::int32_t { notification = 1, ended = 2, stopped = 3, exited = 4 };

// What a call is received in and answered through, once per worker; native.ts has the same offsets.
struct Inbox {
  std::uint32_t token;
  std::uint32_t tid;
  std::uint32_t arch;
  std::uint32_t number;
  std::array<std::uint64_t, kArguments> registers;
  struct Pointer {
    // Length in bytes, or kNotRead, kNull, or a negated errno.
    std::int32_t length;
    std::uint32_t offset;
  };
  std::array<Pointer, kArguments> pointers;
  std::uint64_t id;
  std::uint32_t audit_arch;
  // With `ended`: whether this worker is the first to hear of it.
  std::uint32_t is_first;
  // Written by JavaScript, sent and cleared by the next receive.
  struct Answer {
    std::int64_t value;
    // 0 or a positive errno.
    std::int32_t error;
    AnswerKind kind;
  } answer;
  // Whether the last answer found its notification gone.
  std::uint32_t was_gone;
  std::uint32_t padding;
};
static_assert(sizeof(Inbox) == 152 && offsetof(Inbox, pointers) == 64 &&
              offsetof(Inbox, id) == 112 && offsetof(Inbox, answer) == 128);
inline constexpr std::int32_t kNotRead = -0x10000;
inline constexpr std::int32_t kNull = -0x10001;
// Room for the strings of one call behind the struct.
inline constexpr std::size_t kInboxData = 4UL * 4096;
inline constexpr std::size_t kInboxSize = sizeof(Inbox) + kInboxData;

// What was received but is not yet some worker's own.
struct Pending {
  // Empty: a watched process has ended.
  std::shared_ptr<Listener> listener;
  Notification notification;
  std::uint32_t token;
  // Whether time may have passed since it was received.
  bool was_queued;
};

class Worker;

// Shared by all threads. One worker at a time waits in epoll and receives what is pending there:
// one call for itself, the others for a queue that all workers take from. Then it handles its own
// call, and whoever is first to have nothing to do waits in epoll next. A lone caller is thus
// served by one worker alone, without a wake-up of another.
class Receiver {
 public:
  // ENOSYS or EINVAL: the kernel has no user notification.
  [[nodiscard]] static Result<std::shared_ptr<Receiver>> make(ReadTable table);
  ~Receiver();
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  // Takes the listener over and gives its token. ENOTTY: the descriptor is no listener.
  [[nodiscard]] Result<std::uint32_t> add_listener(UniqueFd fd, std::string registry,
                                                   ReadSet reads);
  // Reports the end of a process as an event; the descriptor stays the caller's.
  [[nodiscard]] Result<std::uint32_t> watch_process(int pidfd);
  // Every worker gets `stopped` from its next receive, at once if it waits.
  void stop();
  [[nodiscard]] std::size_t listener_count();

 private:
  friend class Worker;
  Receiver(const NotifySizes& sizes, ReadTable table);
  void end_listener(const Listener& listener, const Worker& finder);
  [[nodiscard]] std::uint32_t next_token();
  void leave_epoll();
  void invite();
  void watch_readers();

  const NotifySizes sizes_;
  const ReadTable table_;
  UniqueFd epoll_;
  UniqueFd stop_event_;
  std::atomic<bool> is_stopping_ = false;
  // Whether a worker waits in epoll or receives from there. No listener has two readers at a time:
  // RECV would block the second.
  std::atomic<bool> has_reader_ = false;
  std::atomic<std::size_t> queued_count_ = 0;
  std::atomic<int> sleeping_count_ = 0;

  std::mutex mutex_;
  std::condition_variable work_;
  // Received for whoever comes first; no more than one batch.
  std::deque<Pending> queue_;
  // A sleeping worker is to wait in epoll.
  bool is_invited_ = false;

  // Operations invite before they begin, but a handler may compute for long, too: this thread
  // invites when nobody was in epoll for a whole tick. A tick costs whoever is interrupted by it,
  // so ticks are few, and there are none while there is nothing to do.
  std::atomic<std::uint64_t> reads_ = 0;
  std::atomic<bool> is_watcher_asleep_ = false;
  std::counting_semaphore<> watcher_wake_{0};
  std::thread watcher_;
  std::map<std::uint32_t, std::shared_ptr<Listener>> listeners_;
  std::map<std::uint32_t, int> processes_;
  std::uint32_t last_token_ = 0;
  std::vector<Worker*> workers_;
};

// One thread's place at the receiver. At most one notification at a time is its own, and that one
// is answered at most once.
class Worker {
 public:
  // The inbox must hold kInboxSize bytes, aligned to 8, and outlive the worker.
  Worker(std::shared_ptr<Receiver> receiver, std::byte* inbox);
  // A call that was not answered is answered with EPERM.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Sends the answer that is in the inbox, then waits for the next event. A call whose answer is
  // missing fails with EPERM: it must not hang.
  [[nodiscard]] Result<EventKind> receive();
  // The notification being handled. ENOENT: there is none.
  [[nodiscard]] Result<CallId> current() const;
  // The registry of a listener that this worker has a notification of. ENOENT: it is not there.
  [[nodiscard]] Result<std::string> registry(std::uint32_t token);
  // Lets a sleeping worker wait in epoll while this one does something slow.
  void invite();

 private:
  friend class Receiver;
  void send_answer();
  [[nodiscard]] bool take_ended();
  [[nodiscard]] std::optional<Pending> take_queued();
  void sleep();
  [[nodiscard]] Result<std::optional<Pending>> read_pending();
  [[nodiscard]] std::optional<Pending> receive_one(std::uint32_t token, bool is_readable,
                                                   bool is_fresh);
  [[nodiscard]] std::shared_ptr<Listener> find_listener(std::uint32_t token);
  [[nodiscard]] bool begin(const Pending& pending);
  [[nodiscard]] bool read_pointers(const Notification& notification, const SyscallNumber& syscall);
  [[nodiscard]] bool is_more_pending();

  const std::shared_ptr<Receiver> receiver_;
  Inbox* const inbox_;
  const std::span<std::byte> data_;
  NotifyBuffers buffers_;
  // Calls in a row with nothing pending behind them.
  std::uint32_t quiet_calls_ = 0;
  // Of the current call; empty when there is none.
  std::shared_ptr<Listener> listener_;
  // Of the last call: most calls come from where the one before came from.
  std::shared_ptr<Listener> last_listener_;
  CallId call_ = {};

  struct Ended {
    std::uint32_t token;
    bool is_first;
  };
  std::atomic<bool> has_ended_ = false;
  std::deque<Ended> ended_;  // under the receiver's mutex
};

}  // namespace seccompagent
