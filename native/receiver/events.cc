// SPDX-License-Identifier: Apache-2.0
#include "receiver/events.h"

#include <fcntl.h>
#include <unistd.h>

namespace seccompagent {

Result<void> EventQueue::open() {
  int wake[2];
  if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) == -1) return fail_errno();
  wake_read_.reset(wake[0]);
  wake_write_.reset(wake[1]);
  return {};
}

void EventQueue::tell(const ReceiverEvent& event) {
  const std::lock_guard lock(mutex_);
  const bool was_empty = events_.empty();
  events_.push_back(event);
  // a full pipe wakes the main thread just as well
  if (was_empty) (void)!write(wake_write_.get(), "", 1);
}

void EventQueue::tell_crowded() {
  if (is_crowded_told_.exchange(true)) return;
  tell({.kind = ReceiverEvent::Kind::crowded, .token = 0});
}

std::optional<ReceiverEvent> EventQueue::next() {
  const std::lock_guard lock(mutex_);
  if (events_.empty()) return std::nullopt;
  const ReceiverEvent event = events_.front();
  events_.pop_front();
  return event;
}

}  // namespace seccompagent
