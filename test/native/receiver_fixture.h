// SPDX-License-Identifier: Apache-2.0
// Workers with memory of their own, and callers under a filter of the test's own.
#pragma once

#include <linux/audit.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "check.h"
#include "kernel/clock.h"
#include "kernel/raw_syscall.h"
#include "process/bpf.h"
#include "process/child.h"
#include "receiver/receiver.h"
#include "receiver/worker.h"

namespace seccompagent::test {

#if defined(__x86_64__)
inline constexpr std::uint32_t kArch = AUDIT_ARCH_X86_64;
#else
inline constexpr std::uint32_t kArch = AUDIT_ARCH_AARCH64;
#endif

inline constexpr Response kRefused = {.value = 0, .error = -EPERM, .is_continue = false};
inline constexpr PoolShape kOne = {.running = 1, .fewest = 1};

inline ReadTable whole_table() {
  return ReadTable(kArches * kNumbers * kArguments, ReadKind::nothing);
}
inline ReadSet whole_set() { return ReadSet(kArches * kNumbers, 0); }

inline std::shared_ptr<Receiver> make_receiver(PoolShape shape = kOne) {
  return VALUE(Receiver::make(whole_table(), shape));
}

// A worker with memory of its own.
class Desk {
 public:
  explicit Desk(const std::shared_ptr<Receiver>& receiver, std::uint32_t id = 1)
      : worker_(VALUE(Worker::attach(receiver, inbox_.data(), *counters_, id))) {}
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  [[nodiscard]] Worker& worker() { return *worker_; }
  [[nodiscard]] Inbox& inbox() { return *reinterpret_cast<Inbox*>(inbox_.data()); }
  [[nodiscard]] const CallCounters& counters() const { return (*counters_)[0]; }
  [[nodiscard]] EventKind receive() { return VALUE(worker_->receive()); }

  void answer(std::int64_t value, std::uint32_t delay_ms = 0) {
    inbox().answer.value = value;
    inbox().answer.kind = AnswerKind::value;
    inbox().answer.delay = delay_ms;
  }
  void leave() { worker_.reset(); }

 private:
  alignas(8) std::array<std::byte, kInboxSize> inbox_ = {};
  // too large for a stack that has several
  using Counters = std::array<CallCounters, kCounterSlots>;
  std::unique_ptr<Counters> counters_ = std::make_unique<Counters>();
  std::unique_ptr<Worker> worker_;
};

// Processes under one filter that make a call each, which a listener is notified of. They share our
// memory, so that there can be many.
class Callers {
 public:
  explicit Callers(std::size_t count) : places_(count), size_(count * kStack) {
    stacks_ = static_cast<std::byte*>(
        mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK(stacks_ != MAP_FAILED);
    thread_ = std::thread([this] { run(); });
    is_started_.wait(false);
  }
  Callers(const Callers&) = delete;
  Callers& operator=(const Callers&) = delete;
  ~Callers() {
    join();
    munmap(stacks_, size_);
  }

  [[nodiscard]] UniqueFd take_listener() { return std::move(fd_); }
  [[nodiscard]] pid_t pid(std::size_t index) const { return places_[index].pid.load(); }
  // Waits for the ends of all.
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  // What the call gave, as the kernel has it. Waits for it.
  [[nodiscard]] long result(std::size_t index) const {
    while (places_[index].result.load() == kNone) pause_for(kMillisecond);
    return places_[index].result.load();
  }
  [[nodiscard]] std::size_t count_of(long result) const {
    std::size_t count = 0;
    for (const Place& place : places_) count += place.result.load() == result ? 1 : 0;
    return count;
  }

  static constexpr long kNone = 1L << 40;

 private:
  static constexpr std::size_t kStack = 4096;
  struct Place {
    std::atomic<long> result = kNone;
    std::atomic<pid_t> pid = 0;
  };

  // getpriority(2), which nobody else makes here.
  static SECCOMPAGENT_CHILD_CODE int call(void* argument) {
    static_cast<Place*>(argument)->result.store(raw_syscall(SYS_getpriority, 0, 0));
    return 0;
  }

  void run() {
    const auto filter =
        VALUE(assemble_filter({{kArch, {static_cast<std::uint32_t>(SYS_getpriority)}}}));
    const long fd =
        install_filter(filter.data(), static_cast<unsigned short>(filter.size())).listener;
    CHECK(fd >= 0);
    fd_.reset(static_cast<int>(fd));
    for (std::size_t index = 0; index < places_.size(); ++index) {
      const pid_t pid =
          clone(call, stacks_ + (index + 1) * kStack, CLONE_VM | CLONE_FILES, &places_[index]);
      CHECK(pid != -1);
      places_[index].pid.store(pid);
    }
    is_started_.store(true);
    is_started_.notify_one();
    for (const Place& place : places_)
      CHECK_EQUAL(retry_eintr([&] { return waitpid(place.pid.load(), nullptr, __WALL); }),
                  place.pid.load());
  }

  std::vector<Place> places_;
  std::size_t size_;
  std::byte* stacks_ = nullptr;
  UniqueFd fd_;
  std::atomic<bool> is_started_ = false;
  std::thread thread_;
};

inline Terms terms() { return {.registry = "registry", .reads = whole_set(), .failure = kRefused}; }

inline std::uint32_t add(Receiver& receiver, Callers& callers, pid_t first_pid = 0,
                         std::uint32_t container = 0, uid_t peer_uid = 0) {
  return VALUE(receiver.add_listener(callers.take_listener(), {.terms = terms(),
                                                               .container = container,
                                                               .first = look_at_first(first_pid),
                                                               .peer_uid = peer_uid,
                                                               .sender = peer_uid}));
}

using Figure = std::uint64_t ReceiverFigures::*;
inline std::uint64_t figure(Receiver& receiver, Figure which) { return receiver.figures().*which; }
inline constexpr Figure kReceived = &ReceiverFigures::received;
inline constexpr Figure kQueued = &ReceiverFigures::queued;
inline constexpr Figure kQueueRefused = &ReceiverFigures::queue_refused;
inline constexpr Figure kLate = &ReceiverFigures::late_answers;
inline constexpr Figure kWorkers = &ReceiverFigures::workers;
inline constexpr Figure kBusy = &ReceiverFigures::busy_workers;
inline constexpr Figure kListeners = &ReceiverFigures::listeners;
inline constexpr Figure kReadByFallback = &ReceiverFigures::fallback_received;

template <typename Condition>
void wait_until(Condition condition) {
  const Nanoseconds end = now() + 60 * kSecond;
  while (!condition()) {
    CHECK(now() < end);
    pause_for(kMillisecond);
  }
}

// The next event for the main thread that is of a kind.
inline ReceiverEvent event_of(Receiver& receiver, ReceiverEvent::Kind kind) {
  std::optional<ReceiverEvent> event;
  wait_until([&] {
    event = receiver.next_event();
    return event && event->kind == kind;
  });
  return *event;
}

}  // namespace seccompagent::test
