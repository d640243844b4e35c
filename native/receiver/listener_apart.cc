// SPDX-License-Identifier: Apache-2.0
// Listeners that were held (kernel/listener_guard.h): each has a thread of its own that receives
// from it, so that nobody else waits, until it was not held for a while.
#include <poll.h>
#include <sys/epoll.h>

#include <array>
#include <memory>

#include "kernel/blocked_signals_thread.h"
#include "kernel/listener_ends.h"
#include "kernel/listener_guard.h"
#include "kernel/scheduling.h"
#include "receiver/receiver.h"

namespace seccompagent {
namespace {

// More stay among the others, where they keep the reader for some milliseconds at a time.
constexpr std::uint32_t kMost = 256;
// How long one stays apart that is held no more.
constexpr Nanoseconds kApart = 10 * kSecond;
constexpr int kLookMs = 1000;
constexpr Nanoseconds kPause = 20 * kMillisecond;

enum class Look : std::uint8_t { nothing, call, held, ended };

[[nodiscard]] Look look_at(int listener) {
  pollfd there = {.fd = listener, .events = POLLIN, .revents = 0};
  const ListenerGuard::Asking asking;
  if (poll(&there, 1, 0) <= 0) return Look::nothing;
  if ((there.revents & POLLHUP) != 0) return Look::ended;
  if ((there.revents & POLLIN) != 0) return Look::call;
  return (there.revents & POLLERR) != 0 ? Look::held : Look::nothing;
}

}  // namespace

// By the reader, or for one that waits in RECV.
void Receiver::set_apart(const std::shared_ptr<Listener>& listener) {
  if (listener->is_apart.exchange(true)) return;
  struct Apart {
    std::shared_ptr<Receiver> receiver;
    std::shared_ptr<Listener> listener;

    static void* main(void* argument) {
      const std::unique_ptr<Apart> self(static_cast<Apart*>(argument));
      self->receiver->read_apart(self->listener);
      return nullptr;
    }
  };
  auto apart = std::make_unique<Apart>(weak_from_this().lock(), listener);
  const bool has_room = apart_count_.fetch_add(1) < kMost && apart->receiver;
  if (has_room) stop_receiving(*listener);
  if (has_room && start_blocked_signals_thread(Apart::main, apart.get())) {
    (void)apart.release();
    return;
  }
  apart_count_.fetch_sub(1);
  listener->is_apart.store(false);
  if (has_room) (void)watch(epoll_, listener->fd.get(), listener->token);
}

void Receiver::read_apart(const std::shared_ptr<Listener>& listener) {
  shorten_slice(0);
  NotifyBuffers buffers(sizes_);
  Nanoseconds held_at = now();
  const int fd = listener->fd.get();
  while (!is_stopping_.load() && !has_listener_ended(fd)) {
    std::array<pollfd, 2> there = {{{.fd = fd, .events = POLLIN, .revents = 0},
                                    {.fd = stop_event_.get(), .events = POLLIN, .revents = 0}}};
    if (now() - held_at >= kApart) {
      listener->is_apart.store(false);
      if (watch(epoll_, fd, listener->token)) {
        // or else nobody takes it from there
        if (has_listener_ended(fd)) stop_receiving(*listener);
        break;
      }
      listener->is_apart.store(true);
      held_at = now();
    }
    switch (look_at(fd)) {
      case Look::ended:
        // which another thread sees to
        pause_for(kPause);
        break;
      case Look::held:
        held_at = now();
        pause_for(kPause);
        break;
      case Look::call:
        receive_apart(buffers, listener);
        break;
      case Look::nothing:
        (void)poll(there.data(), there.size(), kLookMs);
    }
  }
  apart_count_.fetch_sub(1);
}

void Receiver::receive_apart(NotifyBuffers& buffers, const std::shared_ptr<Listener>& listener) {
  Pending pending = {};
  const auto received = buffers.receive(listener->fd.get(), pending.notification);
  if (!received) {
    const bool is_usual = received.error() == Errno{ENOENT} || received.error() == Errno{EINTR};
    if (!is_usual) end_listener(*listener);
    return;
  }
  pending.was_queued = true;
  if (is_watcher_asleep_.load()) wake_watcher();
  if (admit(*listener, pending) == Received::nothing) return;
  queue_apart(buffers, listener, pending);
}

// By a thread that is neither a worker nor the reader: the reader looks for it where nobody sleeps.
void Receiver::queue_apart(NotifyBuffers& buffers, const std::shared_ptr<Listener>& listener,
                           const Pending& pending) {
  queue(buffers, listener, pending);
  wake_workers(1);
  wake_reader();
}

// The reader waits for a lock that its listener's container keeps, which nothing ends but the
// container: somebody else becomes the reader. Where it is the fallback reader, there is none until
// it comes back.
void Receiver::replace_reader(std::uint64_t receiving) {
  const auto token = static_cast<std::uint32_t>(receiving);
  // it has come back
  if (!receiving_.compare_exchange_strong(receiving, 0)) return;
  if (const auto listener = listeners_.find(token)) set_apart(listener);
  has_reader_.store(false);
  wake_another();
}

}  // namespace seccompagent
