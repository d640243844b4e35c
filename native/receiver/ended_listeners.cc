// SPDX-License-Identifier: Apache-2.0
// The end of listeners: a thread of our own hears of it, in real time. Whoever has run a container
// removes its cgroup as soon as it has ended, where no helper may be by then; the threads that
// receive wait for their turn on a busy machine, or all have something to do.
#include <sys/epoll.h>

#include <array>

#include "acting/helper_pool.h"
#include "acting/mount_budget.h"
#include "kernel/listener_ends.h"
#include "kernel/listener_guard.h"
#include "kernel/scheduling.h"
#include "receiver/receiver.h"

namespace seccompagent {

// Of its end alone, which the kernel tells unasked, and once.
Result<void> Receiver::watch_end(const Listener& listener, int operation) {
  epoll_event event = {.events = EPOLLONESHOT, .data = {.u64 = listener.token}};
  const ListenerGuard::Asking asking;
  if (epoll_ctl(ends_.get(), operation, listener.fd.get(), &event) == -1) return fail_errno();
  return {};
}

void Receiver::await_ends() {
  if (!become_real_time(0)) shorten_slice(0);
  std::array<epoll_event, 16> events;
  while (!is_stopping_.load()) {
    const int count = retry_eintr([&] {
      const ListenerGuard::Waiting waiting;
      return epoll_wait(ends_.get(), events.data(), static_cast<int>(events.size()), -1);
    });
    for (int index = 0; index < count; ++index) {
      const epoll_event& event = events[static_cast<std::size_t>(index)];
      const auto listener = listeners_.find(static_cast<std::uint32_t>(event.data.u64));
      if (!listener) continue;
      if ((event.events & EPOLLHUP) != 0) {
        end_listener(*listener);
      } else {
        // a signal has kept the kernel from looking
        (void)watch_end(*listener, EPOLL_CTL_MOD);
      }
    }
  }
}

void Receiver::stop_receiving(const Listener& listener) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener.fd.get(), nullptr);
}

// Its descriptor stays open for as long as somebody names the listener.
void Receiver::end_listener(const Listener& listener) {
  const std::uint32_t token = listener.token;
  const Listeners::Removed removed = listeners_.remove(listener);
  if (removed == Listeners::Removed::was_gone) return;
  note_end_of_listener(listener.fd.get());
  // first of all, and without the lock for which every call would wait
  if (removed == Listeners::Removed::last)
    HelperPool::of_process().end_of(listener.container->token);
  stop_receiving(listener);
  {
    const std::lock_guard lock(mutex_);
    for (Place& place : places_) {
      if (place.worker == nullptr) continue;
      place.ended.push_back(token);
      place.has_ended.store(true);
    }
    interrupt_exclusive(token);
  }
  MountBudget::of_process().end_of(listener.container->payer);
  events_.tell({.kind = ReceiverEvent::Kind::ended, .token = token});
  {
    const std::lock_guard lock(mutex_);
    wake_all();
  }
  wake_reader();
}

}  // namespace seccompagent
