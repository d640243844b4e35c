// SPDX-License-Identifier: Apache-2.0
// The fallback reader: a thread of our own that receives while no worker does.
#include <sys/epoll.h>

#include "kernel/interrupt_signal.h"
#include "kernel/listener_guard.h"
#include "kernel/scheduling.h"
#include "receiver/receiver.h"

namespace seccompagent {
namespace {

// Time for a worker from its answer to its next read.
constexpr Nanoseconds kGrace = 200 * kMicrosecond;

}  // namespace

// To be called when nobody waits in epoll, and nobody may for long: a worker that sleeps goes
// there, or else the fallback reader.
void Receiver::wake_another() {
  if (has_reader_.load()) return;
  if (sleeping_count_.load() > 0) {
    const std::lock_guard lock(mutex_);
    call_worker();
  } else {
    fallback_wake_.release();
    // those who wait at a listener that they hold may as well wait in epoll
    const std::lock_guard lock(mutex_);
    interrupt_exclusive(std::nullopt);
  }
}

// It waits in epoll behind the workers, since epoll wakes the thread that came last. When it is
// woken, a worker may just be on its way back, which this thread, where it goes before all others,
// has kept from reading: so it leaves them a little time where one has read since it was here last.
void Receiver::read_as_fallback() {
  const pid_t thread = accept_interrupts();
  fallback_thread_.store(thread);
  shorten_slice(0);
  NotifyBuffers buffers(sizes_);
  std::shared_ptr<Listener> listener;
  Pending pending;
  std::uint64_t reads = 0;
  while (!is_stopping_.load()) {
    fallback_wake_.acquire();
    while (fallback_wake_.try_acquire()) {
    }
    while (!is_stopping_.load()) {
      epoll_event event;
      (void)retry_eintr([&] {
        const ListenerGuard::Waiting waiting;
        return epoll_wait(epoll_.get(), &event, 1, -1);
      });
      if (reads_.load() != reads) {
        reads = reads_.load();
        if (is_computing_.load()) pause_for(kGrace);
      }
      // whoever needs a fallback reader again says so
      if (reads_.load() != reads || !become_reader()) break;
      Reading reading = {
          .buffers = buffers, .thread = thread, .place = nullptr, .timeout_ms = 0, .start = now()};
      (void)read_pending(reading, listener, pending);
      if (!reading.has_role) break;
      has_reader_.store(false);
      const std::lock_guard lock(mutex_);
      if (queued_count_.load() == 0) continue;
      if (sleeping_count_.load() > 0) {
        call_worker();
      } else {
        interrupt_exclusive(std::nullopt);
        tell_crowded();
      }
    }
  }
}

void Receiver::tell_crowded() {
  // where as many compute as there are to, one more only takes turns with them
  if (vacancies() > 0) events_.tell_crowded();
}

// The fallback reader goes before all others as long as handlers compute, and a little longer: it
// would have to wait for their turns to end. Otherwise it would only keep workers from reading.
void Receiver::set_fallback_priority(Nanoseconds time) {
  constexpr Nanoseconds kStays = kSecond;
  const bool is_computing = computed_at_ != 0 && time - computed_at_ < kStays;
  const pid_t thread = fallback_thread_.load();
  if (thread == 0 || is_computing == is_computing_.load()) return;
  is_computing_.store(is_computing);
  if (is_computing && become_real_time(thread)) return;
  if (!is_computing) become_fair(thread);
  shorten_slice(thread);
}

}  // namespace seccompagent
