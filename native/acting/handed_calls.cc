// SPDX-License-Identifier: Apache-2.0
#include "acting/handed_calls.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "acting/handed_calls_parts.h"
#include "acting/helper_pool.h"
#include "kernel/listener_ends.h"
#include "kernel/message.h"

namespace seccompagent {

using Phase = CompletionPhase;

HandedCalls::HandedCalls() : parts_(*new Parts) {}

// Never freed: its thread runs as long as the process.
HandedCalls& HandedCalls::of_process() {
  static HandedCalls calls;
  return calls;
}

void HandedCalls::start() {
  const std::lock_guard lock(parts_.mutex);
  if (parts_.epoll.is_open()) return;
  parts_.epoll.reset(epoll_create1(EPOLL_CLOEXEC));
  parts_.wake.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_event event = {.events = EPOLLIN | EPOLLET, .data = {.u64 = 0}};
  if (epoll_ctl(parts_.epoll.get(), EPOLL_CTL_ADD, parts_.wake.get(), &event) == -1) {
    // nothing is handed over then
    parts_.epoll.reset();
    return;
  }
  std::thread([parts = &parts_] { parts->run(); }).detach();
}

// With the mutex held: its end takes that of the pool alone.
void HandedCalls::Parts::drop(All::iterator at) {
  HandedCall& call = *at->second.call;
  // nobody else would answer; the caller is gone mostly
  if (!call.fail(HelperFailure::ended)) {
    const CallResult gone = {.is_gone = !call.is_being_answered(), .time = now()};
    call.settle(call.seen().value_or(gone));
  }
  const CallersFd closing(std::move(at->second.opened), call.payer());
  dropped.push_back(std::move(at->second.helper));
  all.erase(at);
}

HandedCalls::Parts::Counts HandedCalls::Parts::count(Payer payer, bool are_waiting) const {
  Counts counts = {.own = 0, .others = 0};
  for (const auto& [number, handed] : all) {
    if (handed.is_waiting != are_waiting || handed.call->seen()) continue;
    ++(handed.helper->identity_.owner.payer == payer ? counts.own : counts.others);
  }
  if (!are_waiting) return counts;
  for (const auto& [of, number] : giving) (of == payer ? counts.own : counts.others) += number;
  return counts;
}

bool HandedCalls::Parts::may_wait(const Helper& helper) const {
  const auto [own, others] = count(helper.identity_.owner.payer, true);
  // who has few is not held up by those who have many
  constexpr std::size_t kFew = 4;
  return own < kFew || (own < kMaxWaiting && own + others < kMaxWaitingOfAll);
}

// The helper's number; 0: it can't be watched. It stays watched until it is asked something else.
std::uint64_t HandedCalls::Parts::watch(Helper& helper) {
  if (helper.watched_as_ != 0) return helper.watched_as_;
  helper.watched_as_ = ++last_number;
  epoll_event event = {.events = EPOLLIN | EPOLLET, .data = {.u64 = helper.watched_as_}};
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, helper.socket_.get(), &event) == -1)
    helper.watched_as_ = 0;
  return helper.watched_as_;
}

bool HandedCalls::may_take(Payer payer) const {
  const std::lock_guard lock(parts_.mutex);
  const auto [own, others] = parts_.count(payer, false);
  return parts_.epoll.is_open() && own < kMaxActing && own + others < kMaxActingOfAll;
}

std::unique_ptr<Helper> HandedCalls::take(const HelperIdentity& identity) {
  const Locked lock(parts_);
  for (auto at = parts_.all.begin(); at != parts_.all.end(); ++at) {
    Parts::Handed& handed = at->second;
    if (handed.helper->identity_ != identity || handed.helper->has_left()) continue;
    const auto result = handed.call->seen();
    if (!result) continue;
    handed.call->settle(*result);
    if (handed.is_waiting && !HelperPool::of_process().count_in(*handed.helper)) continue;
    auto helper = std::move(handed.helper);
    helper->before_ = handed.call->is_answered() ? nullptr : handed.call;
    parts_.all.erase(at);
    if (helper->drain()) return helper;
    parts_.dropped.push_back(std::move(helper));
    return nullptr;
  }
  return nullptr;
}

void HandedCalls::hand_over(HandOver ready, const std::shared_ptr<HandedCall>& call) {
  constexpr std::uint32_t kLastNumber = ~0U >> Completion::kPhaseBits;
  Helper& helper = *ready.helper;
  helper.call_number_ = (helper.call_number_ + 1) & kLastNumber;
  call->number_ = helper.call_number_;
  call->completion_ = helper.completion_;
  const int socket = helper.socket_.get();
  const bool is_waiting = ready.message.empty();
  const bool is_prepared = !is_waiting && !ready.fds.empty();
  std::atomic<std::uint32_t>& state = call->completion_->get().state;
  const std::uint32_t acting = Completion::word(call->number_, Phase::acting);
  std::uint32_t preparing = Completion::word(call->number_, Phase::preparing);
  state.store(is_prepared ? preparing : acting);
  std::vector<int> fds;
  if (!helper.has_listener(call->call_)) fds.push_back(call->call_.listener);
  for (const UniqueFd& fd : ready.fds) fds.push_back(fd.get());
  // within the mutex: what the helper says is heard when it is among all
  const std::lock_guard lock(parts_.mutex);
  if (is_waiting && !parts_.may_wait(helper)) {
    call->answer_error(ENFILE);
    return;
  }
  const std::uint64_t number = parts_.watch(helper);
  if (number == 0 || (!is_waiting && !send_message(socket, ready.message, fds))) {
    state.store(acting);
    call->fail(HelperFailure::not_served);
    return;
  }
  helper.note_listener(call->call_);
  if (is_waiting) HelperPool::of_process().count_out(helper);
  ready.fds.clear();
  const bool has_begun =
      !is_waiting && (!is_prepared || state.compare_exchange_strong(preparing, acting));
  if (!has_begun) {
    state.store(acting);
    const std::byte begin = {};
    // where it has ended, the thread hears of it
    (void)send_message(socket, std::span(&begin, 1), {});
  }
  parts_.all.emplace(
      number,
      Parts::Handed{.helper = std::move(ready.helper), .call = call, .is_waiting = is_waiting});
  // one that waits is to be looked at more often
  if (std::exchange(parts_.is_asleep, false) || is_waiting) {
    (void)eventfd_write(parts_.wake.get(), 1);
  }
}

void HandedCalls::unwatch(Helper& helper) {
  if (std::exchange(helper.watched_as_, 0) == 0) return;
  const std::lock_guard lock(parts_.mutex);
  epoll_ctl(parts_.epoll.get(), EPOLL_CTL_DEL, helper.socket_.get(), nullptr);
}

void HandedCalls::collect() {
  const Locked lock(parts_);
  parts_.look();
}

void HandedCalls::end_of(std::uint32_t container) {
  const std::lock_guard lock(parts_.mutex);
  for (auto at = parts_.all.begin(); at != parts_.all.end();) {
    const auto here = at++;
    const Parts::Handed& handed = here->second;
    // others have come by a new listener
    if (handed.helper->identity_.owner.container == container &&
        has_listener_ended(handed.call->call_.listener))
      parts_.drop(here);
  }
  if (!parts_.dropped.empty()) (void)eventfd_write(parts_.wake.get(), 1);
}

void HandedCalls::answer_all() {
  constexpr Nanoseconds kLeft = kSecond;
  constexpr Nanoseconds kStep = 5 * kMillisecond;
  const Nanoseconds until = now() + kLeft;
  for (;; pause_for(kStep)) {
    const Locked lock(parts_);
    const bool is_late = now() >= until;
    bool is_busy = !parts_.giving.empty();
    for (auto at = parts_.all.begin(); at != parts_.all.end();) {
      const auto here = at++;
      const Parts::Handed& handed = here->second;
      if (handed.call->seen()) continue;
      const int error = handed.is_waiting ? EINTR : ETIMEDOUT;
      const bool is_due = handed.is_waiting || is_late;
      if (is_due && handed.call->answer_error(error)) {
        parts_.drop(here);
      } else {
        is_busy = true;
      }
    }
    if (!is_busy || is_late) return;
  }
}

}  // namespace seccompagent
