// SPDX-License-Identifier: Apache-2.0
#include "process/users_closing.h"

#include <iterator>
#include <utility>

#include "kernel/blocked_signals_thread.h"

namespace seccompagent {

void UsersClosing::close(uid_t user, std::vector<UniqueFd> fds) {
  std::erase_if(fds, [](const UniqueFd& fd) { return !fd.is_open(); });
  if (fds.empty()) return;
  const std::lock_guard lock(queues_->mutex);
  Queue& queue = queues_->by_user[user];
  std::ranges::move(fds, std::back_inserter(queue.waiting));
  if (queue.has_thread) return;
  auto thread = std::make_unique<Thread>(Thread{queues_, user});
  // where there is no thread to be had, the next one to be closed brings one
  if (!start_blocked_signals_thread(run, thread.get())) return;
  queue.has_thread = true;
  (void)thread.release();
}

bool UsersClosing::has_too_many(uid_t user) const {
  const std::lock_guard lock(queues_->mutex);
  const auto found = queues_->by_user.find(user);
  return found != queues_->by_user.end() && found->second.waiting.size() >= kMaxWaiting;
}

std::size_t UsersClosing::user_count() const {
  const std::lock_guard lock(queues_->mutex);
  return queues_->by_user.size();
}

void* UsersClosing::run(void* thread) {
  const std::unique_ptr<Thread> own(static_cast<Thread*>(thread));
  std::unique_lock lock(own->queues->mutex);
  const auto entry = own->queues->by_user.find(own->user);
  auto& waiting = entry->second.waiting;
  while (!waiting.empty()) {
    UniqueFd fd = std::move(waiting.back());
    waiting.pop_back();
    lock.unlock();
    fd.reset();
    lock.lock();
  }
  own->queues->by_user.erase(entry);
  return nullptr;
}

}  // namespace seccompagent
