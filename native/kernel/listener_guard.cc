// SPDX-License-Identifier: Apache-2.0
#include "kernel/listener_guard.h"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <semaphore>
#include <string_view>
#include <thread>
#include <utility>

#include "kernel/clock.h"
#include "kernel/interrupt_signal.h"
#include "kernel/scheduling.h"
#include "kernel/unique_fd.h"

namespace seccompagent {
namespace {

// A thread that is in the same system call at two looks is interrupted.
constexpr Nanoseconds kTick = 4 * kMillisecond;
// Looks without anything new, after which there are few.
constexpr int kQuietTicks = 50;
// Between those, while somebody waits for calls: what holds a listener may have begun long ago.
constexpr auto kQuietLook = std::chrono::milliseconds(250);
constexpr std::uint64_t kIsWaiting = 1;
constexpr std::uint64_t kNext = 2;

// What one thread does. 0: nothing with listeners; else another number each time.
struct alignas(64) Slot {
  std::atomic<bool> is_taken = false;
  std::atomic<pid_t> tid = 0;
  std::atomic<std::uint64_t> state = 0;
};

// More threads than this are not looked at.
constexpr std::size_t kSlots = 512;

struct Guard {
  std::array<Slot, kSlots> slots;
  std::atomic<std::size_t> used = 0;
  std::atomic<bool> is_asleep = false;
  std::counting_semaphore<> wake{0};
};

// Never freed: its thread runs as long as the process.
[[nodiscard]] Guard& guard() {
  static Guard& only = *new Guard;
  return only;
}

[[nodiscard]] Slot* take_slot() {
  Guard& all = guard();
  for (std::size_t index = 0; index < kSlots; ++index) {
    Slot& slot = all.slots[index];
    if (slot.is_taken.exchange(true)) continue;
    slot.tid.store(accept_interrupts());
    std::size_t used = all.used.load();
    while (used <= index && !all.used.compare_exchange_weak(used, index + 1)) {
    }
    return &slot;
  }
  return nullptr;
}

struct OwnSlot {
  Slot* const slot = take_slot();
  std::uint64_t number = 0;

  OwnSlot() = default;
  OwnSlot(const OwnSlot&) = delete;
  OwnSlot& operator=(const OwnSlot&) = delete;
  ~OwnSlot() {
    if (slot != nullptr) slot->is_taken.store(false);
  }
};

[[nodiscard]] OwnSlot& own() {
  thread_local OwnSlot slot;
  return slot;
}

// Whoever stores a state sees that the guard sleeps, or the guard sees the state.
void begin(std::uint64_t kind) {
  OwnSlot& mine = own();
  if (mine.slot == nullptr) return;
  mine.number += kNext;
  mine.slot->state.store(mine.number | kind);
  Guard& all = guard();
  if (all.is_asleep.load() && all.is_asleep.exchange(false)) all.wake.release();
}

void end() {
  const OwnSlot& mine = own();
  if (mine.slot != nullptr) mine.slot->state.store(0, std::memory_order_release);
}

// Whether a thread that waits for calls waits in a listener instead.
[[nodiscard]] bool is_held(pid_t tid) {
  std::array<char, 64> path = {};
  std::snprintf(path.data(), path.size(), "/proc/self/task/%d/wchan", tid);
  const UniqueFd file(open(path.data(), O_RDONLY | O_CLOEXEC));
  std::array<char, 64> name = {};
  const ssize_t length = read(file.get(), name.data(), name.size());
  // where the kernel does not tell, being interrupted does no harm
  if (length <= 0) return true;
  return std::string_view(name.data(), static_cast<std::size_t>(length)).starts_with("seccomp");
}

class Looks {
 public:
  // Whether anything is going on; interrupts whoever was there at the last look.
  bool look() {
    Guard& all = guard();
    bool is_busy = false;
    waits_ = false;
    const std::size_t used = all.used.load();
    for (std::size_t index = 0; index < used; ++index) {
      const Slot& slot = all.slots[index];
      const std::uint64_t state = slot.state.load();
      const bool is_same = std::exchange(seen_[index], state) == state;
      const bool is_waiting = (state & kIsWaiting) != 0;
      waits_ = waits_ || is_waiting;
      if (!is_same) is_busy = true;
      if (!is_same || state == 0 || (is_waiting && !is_held(slot.tid.load()))) continue;
      is_busy = true;
      interrupt_thread(slot.tid.load());
    }
    return is_busy;
  }

  // Whether something has begun since.
  [[nodiscard]] bool is_anything_new() const {
    Guard& all = guard();
    for (std::size_t index = 0; index < all.used.load(); ++index) {
      if (all.slots[index].state.load() != seen_[index]) return true;
    }
    return false;
  }

  // At the last look, somebody waited for calls.
  [[nodiscard]] bool waits() const { return waits_; }

 private:
  std::array<std::uint64_t, kSlots> seen_ = {};
  bool waits_ = false;
};

void run() {
  if (!become_real_time(0)) shorten_slice(0);
  Guard& all = guard();
  Looks looks;
  int quiet_ticks = 0;
  for (;;) {
    quiet_ticks = looks.look() ? 0 : quiet_ticks + 1;
    if (quiet_ticks < kQuietTicks) {
      pause_for(kTick);
      continue;
    }
    all.is_asleep.store(true);
    if (!looks.is_anything_new()) {
      if (looks.waits()) {
        (void)all.wake.try_acquire_for(kQuietLook);
      } else {
        all.wake.acquire();
      }
    }
    all.is_asleep.store(false);
    // one token may be left, which costs one look
    quiet_ticks = kQuietTicks - 1;
  }
}

}  // namespace

void ListenerGuard::start() {
  static const bool is_started = [] {
    std::thread(run).detach();
    return true;
  }();
  (void)is_started;
}

ListenerGuard::Asking::Asking() { begin(0); }
ListenerGuard::Asking::~Asking() { end(); }
ListenerGuard::Waiting::Waiting() { begin(kIsWaiting); }
ListenerGuard::Waiting::~Waiting() { end(); }

}  // namespace seccompagent
