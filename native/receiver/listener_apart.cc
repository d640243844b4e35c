// SPDX-License-Identifier: Apache-2.0
// Listeners that were held (kernel/listener_guard.h): each has a thread of its own that receives
// from it, so that nobody else waits, until it was not held for a while.
#include <poll.h>
#include <sys/epoll.h>

#include <array>
#include <thread>

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
  auto self = weak_from_this().lock();
  if (!self || apart_count_.fetch_add(1) >= kMost) {
    if (self) apart_count_.fetch_sub(1);
    listener->is_apart.store(false);
    return;
  }
  stop_receiving(*listener);
  std::thread([self = std::move(self), listener] { self->read_apart(listener); }).detach();
}

void Receiver::read_apart(const std::shared_ptr<Listener>& listener) {
  shorten_slice(0);
  NotifyBuffers buffers(sizes_);
  Nanoseconds held_at = now();
  const int fd = listener->fd.get();
  while (!is_stopping_.load() && !has_listener_ended(fd) && now() - held_at < kApart) {
    std::array<pollfd, 2> there = {{{.fd = fd, .events = POLLIN, .revents = 0},
                                    {.fd = stop_event_.get(), .events = POLLIN, .revents = 0}}};
    switch (look_at(fd)) {
      case Look::ended:
        // which another thread sees to
        held_at = 0;
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
  listener->is_apart.store(false);
  if (is_stopping_.load() || has_listener_ended(fd)) return;
  (void)watch(epoll_, fd, listener->token);
  // or else nobody takes it from there
  if (has_listener_ended(fd)) stop_receiving(*listener);
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
// container: somebody else becomes the reader.
void Receiver::replace_reader(std::uint64_t receiving, pid_t thread) {
  if (!receiving_.compare_exchange_strong(receiving, 0)) return;
  {
    const std::lock_guard lock(mutex_);
    lost_readers_[thread] = weak_from_this().lock();
  }
  if (const auto listener = listeners_.find(static_cast<std::uint32_t>(receiving)))
    set_apart(listener);
  if (thread == fallback_thread_.load()) {
    // it ends where it comes back
    fallback_.detach();
    fallback_ = std::thread([this] { read_as_fallback(); });
  }
  has_reader_.store(false);
  wake_another();
}

// By one that has come back: the receiver, which it needs until it has ended.
std::shared_ptr<Receiver> Receiver::end_lost_reader(pid_t thread) {
  const std::lock_guard lock(mutex_);
  const auto lost = lost_readers_.extract(thread);
  return lost ? std::move(lost.mapped()) : nullptr;
}

}  // namespace seccompagent
