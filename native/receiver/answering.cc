// SPDX-License-Identifier: Apache-2.0
// Answers of a worker: at once or later, with a value or a descriptor, and so that a signal that
// comes at that moment loses nothing.
#include <sched.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "caller/caller_state.h"
#include "caller/long_statuses.h"
#include "caller/proc_text.h"
#include "receiver/worker.h"

namespace seccompagent {
namespace {

// Before Linux 6.18, and without the repair in an older one, a caller whose filter has
// WAIT_KILLABLE_RECV still loses the answer when it was given before a signal came. Versions with
// the repair that are not known as such only take longer.
[[nodiscard]] bool keeps_answers() {
  static const bool keeps = [] {
    constexpr auto kRepaired = std::pair(6, 18);
    utsname names = {};
    int major = 0;
    int minor = 0;
    return uname(&names) == 0 && std::sscanf(names.release, "%d.%d", &major, &minor) == 2 &&
           std::pair(major, minor) >= kRepaired;
  }();
  return keeps;
}

}  // namespace

// The descriptor that the answer in the inbox is; -1: it is none, or there is no such one.
int Worker::given_fd() const {
  const Inbox::Answer& answer = inbox_->answer;
  constexpr std::int64_t kMax = 0xffffffff;
  if (answer.kind != AnswerKind::descriptor || answer.value < 0 || answer.value > kMax) return -1;
  return kept(static_cast<std::uint32_t>(answer.value));
}

// To be called once the answer in the inbox was looked at.
std::shared_ptr<GivenFd> Worker::take_given() {
  if (given_fd() == -1) return nullptr;
  const Inbox::Answer& answer = inbox_->answer;
  CallersFd& fd = descriptors_[static_cast<std::size_t>(answer.value)];
  return std::make_shared<GivenFd>(
      GivenFd{.fd = std::move(fd), .is_close_on_exec = answer.error != 0});
}

Response Worker::answer_in_inbox(Counted& counted) const {
  const Inbox::Answer& answer = inbox_->answer;
  counted = Counted::failed;
  Response response = terms_->failure;
  switch (answer.kind) {
    case AnswerKind::value:
      counted = Counted::value;
      response = {.value = answer.value, .error = 0, .is_continue = false};
      break;
    case AnswerKind::error:
      counted = Counted::error;
      response = {.value = 0, .error = -answer.error, .is_continue = false};
      break;
    case AnswerKind::carry_on:
      counted = Counted::carry_on;
      response = {.value = 0, .error = 0, .is_continue = true};
      break;
    case AnswerKind::descriptor:
      // one that is not there is the handler's failure
      if (given_fd() == -1) break;
      counted = Counted::value;
      response = {.value = 0, .error = 0, .is_continue = false};
      break;
    case AnswerKind::handed:
    case AnswerKind::none:
      break;
  }
  if (answer.failed != 0) counted = Counted::failed;
  return response;
}

// The time when it was sent.
Nanoseconds Worker::send_answer() {
  std::optional<HandOver> ready = std::exchange(ready_, std::nullopt);
  let_go_of_found(ready ? ready->helper.get() : nullptr);
  Counted counted;
  const Response response = answer_in_inbox(counted);
  const Nanoseconds time = now();
  if (inbox_->answer.kind == AnswerKind::handed && ready) {
    counted = Counted::value;
    if (!hand_over(std::move(*ready), time)) send_now(response, Counted::failed, time);
  } else if (inbox_->answer.delay != 0 && pending_.notification.tid != 0 && !is_void_) {
    send_later(response, counted, time);
  } else {
    send_now(response, counted, time);
  }
  inbox_->answer = {};
  // they keep file systems of the container busy
  if (!descriptors_.empty()) descriptors_.clear();
  std::atomic_ref(inbox_->link).store(0, std::memory_order_relaxed);
  constexpr Nanoseconds kMaxTook = 1'000'000'000;
  const Nanoseconds took = time - place_.begun.load(std::memory_order_relaxed);
  inbox_->took = static_cast<std::uint32_t>(std::min(took / kMicrosecond, kMaxTook));
  // A call that nobody was asked about shows nothing. One that has only waited for a processor is
  // quick, too: it was not counted.
  if (counted != Counted::failed) {
    WorkerTime& worker_time = listener_->container->worker_time;
    const bool is_quick =
        took < WorkerTime::kLongCall || worker_time.kept(time) < WorkerTime::kLongCall;
    worker_time.note_answer(is_quick ? 0 : took);
  }
  place_.phase.store(Phase::idle, std::memory_order_relaxed);
  receiver_->unmark_blocked(place_);
  return time;
}

void Worker::count(Counted counted, Nanoseconds duration) {
  counters_[std::min<std::size_t>(inbox_->answer.slot, kCounterSlots - 1)].count(counted, duration);
}

void Worker::send_later(const Response& response, Counted counted, Nanoseconds time) {
  const Nanoseconds delay = inbox_->answer.delay * kMillisecond;
  if (may_come_again() && !note_program() && !listener_->is_valid(pending_.notification.id)) {
    is_void_ = true;
    send_now(response, counted, time);
    return;
  }
  if (!listener_->kept.keep_late(content(), response, time + delay)) {
    send_now(terms_->failure, Counted::failed, time);
    return;
  }
  const bool is_planned =
      receiver_->late_answers_.add({.due = time + delay,
                                    .listener = listener_,
                                    .tid = pending_.notification.tid,
                                    .is_second_try = false,
                                    .turns = turns_of_thread(pending_.notification.tid)});
  // the receiver stops, and may have sent it with an older one of the thread
  if (!is_planned && listener_->kept.forget(pending_.notification.tid)) {
    send_now(response, counted, time);
    return;
  }
  count(counted, time - pending_.received + delay);
  close_and_follow();
}

void Worker::send_now(const Response& response, Counted counted, Nanoseconds time) {
  if (is_void_) {
    listener_->note_taken_back();
    inbox_->was_gone = 1;
    count(Counted::gone, time - pending_.received);
    close_and_follow();
    return;
  }
  const auto given = take_given();
  const bool may_be_repeated = has_acted_ || listener_->is_frozen.load();
  const auto send = [&] {
    return may_be_repeated ? respond_once(response, given.get()) != Sent::no
                           : respond(response, given.get());
  };
  bool is_sent = send();
  while (!is_sent) {
    listener_->note_taken_back();
    // Before the call is closed, so that the same call finds its answer at one place or the other.
    const pid_t tid = pending_.notification.tid;
    // where somebody else has answered, its thread may have another call by now
    const bool is_overdue = (place_.key.load() & CallKey::kOverdue) != 0;
    if (tid != 0 && !is_overdue) keep_lost(response, given);
    const auto parked = take_parked();
    if (!parked) break;
    // if it is another one, what is kept goes when that one is begun
    if (!adopt(*parked)) break;
    listener_->kept.forget(tid);
    is_sent = send();
  }
  inbox_->was_gone = is_sent ? 0 : 1;
  count(is_sent ? counted : Counted::gone, time - pending_.received);
  close_and_follow();
}

// An answer that did not reach its caller is there when the call comes again.
void Worker::keep_lost(const Response& response, const std::shared_ptr<GivenFd>& given) {
  const bool is_short = given && !listener_->is_frozen.load();
  const Nanoseconds until = is_short ? now() + kLostFdFor : listener_->keeps_lost_until();
  if (!listener_->kept.keep_lost(content(), response, until, given) || !given) return;
  // so that somebody looks then
  (void)receiver_->late_answers_.add({.due = until,
                                      .listener = listener_,
                                      .tid = pending_.notification.tid,
                                      .is_second_try = true});
}

// With the answer where a signal could take the call back in between. Elsewhere it comes before, so
// that what the caller closes is open nowhere else.
Result<void> Worker::give(GivenFd& given) {
  const int listener = listener_->fd.get();
  const std::uint64_t id = pending_.notification.id;
  const auto& [fd, is_close_on_exec] = given;
  if (!listener_->waits_killable) {
    const auto sent = respond_with_fd(listener, id, fd.get(), is_close_on_exec);
    if (sent) given.fd.close_at_once();
    return sent;
  }
  const auto number = add_fd(listener, id, fd.get(), -1, is_close_on_exec);
  if (!number) return std::unexpected(number.error());
  given.fd.close_at_once();
  // whoever is gone by now has ended
  (void)buffers_.respond(listener, id, {.value = *number, .error = 0, .is_continue = false});
  return {};
}

// False: the notification is gone.
bool Worker::respond(const Response& response, GivenFd* given) {
  const int listener = listener_->fd.get();
  const std::uint64_t id = pending_.notification.id;
  if (given == nullptr) return buffers_.respond(listener, id, response).has_value();
  const auto sent = give(*given);
  if (sent) return true;
  // a signal took it back before, or just now
  if (sent.error() == Errno{ENOENT} || sent.error() == Errno{ESRCH}) return false;
  const Response refusal = {.value = 0, .error = -sent.error().number, .is_continue = false};
  return buffers_.respond(listener, id, refusal).has_value();
}

// The kernel may take an answer and lose it: when a signal has woken the caller, and the caller has
// left its wait but not yet said so. What was done would then be done again for the call that comes
// after the signal, and so would an answer that was kept be given in vain to the call that came
// again. So a caller that is awake already is waited for, and unless it has slept on, the answer is
// kept for a while where a signal came at that moment. What is left are the few signals that come
// and are gone in between: only a filter with WAIT_KILLABLE_RECV excludes those, and where it is
// known to be there and the kernel loses no answer in spite of it, nothing of this is needed.
Worker::Sent Worker::respond_carefully(const Response& response, GivenFd* given) {
  constexpr Nanoseconds kStep = 50 * kMicrosecond;
  constexpr Nanoseconds kSoon = 5 * kMillisecond;
  constexpr int kMaxYields = 3;
  CallerState& caller = CallerState::of(pending_.notification.tid);
  // That it has slept on does not say so: one that was woken, and has not run since, runs soon. Or
  // it has not come to wait yet, where there are fewer cores than there is to do.
  int yields = 0;
  for (Nanoseconds waited = 0; waited < kSignalTime && caller.is_awake(); waited += kStep) {
    if (!listener_->is_valid(pending_.notification.id)) return Sent::no;
    if (yields < kMaxYields) {
      ++yields;
      sched_yield();
      continue;
    }
    // nobody may wait for other calls meanwhile
    if (waited <= kMaxYields * kStep) receiver_->wake_another();
    pause_for(kStep);
  }
  if (!respond(response, given)) return Sent::no;
  // a descriptor is taken by the caller itself, so it has had the answer then
  if (given != nullptr || caller.has_slept_on() || !caller.has_pending_signal()) return Sent::yes;
  listener_->kept.keep_lost(content(), response, now() + kSoon);
  return Sent::perhaps;
}

// With WAIT_KILLABLE_RECV only the thread's end takes it back.
bool Worker::may_come_again() const { return !listener_->waits_killable || !keeps_answers(); }

Worker::Sent Worker::respond_once(const Response& response, GivenFd* given) {
  if (may_come_again()) return respond_carefully(response, given);
  return respond(response, given) ? Sent::yes : Sent::no;
}

// Ends this worker's part in the current call. What its thread has called meanwhile comes next.
void Worker::close_and_follow() {
  // also of a call that was quick: each may be of a new thread
  if (const Nanoseconds took = LongStatuses::take_time(); took > 0) {
    (void)receiver_->listeners_.note_kept(listener_->container->sender->number, listener_->token,
                                          took, now());
  }
  has_call_ = false;
  std::uint64_t key = CallKey::of(listener_->token, pending_.notification.tid);
  if (place_.key.compare_exchange_strong(key, 0)) return;
  const std::lock_guard lock(receiver_->mutex_);
  key = place_.key.load();
  auto parked = std::exchange(place_.parked, std::nullopt);
  if ((key & CallKey::kOverdue) != 0) {
    // answered already; an answer of ours that came too late is not to be remembered
    is_condemned_ = true;
    listener_->kept.forget(pending_.notification.tid, pending_.notification.id);
  } else if (parked) {
    // the next call has no phase and no handler until it begins
    std::atomic_ref(inbox_->link).store(0, std::memory_order_relaxed);
    place_.phase.store(Phase::idle, std::memory_order_release);
    place_.count_call();
    place_.key.store(key & ~CallKey::kFlags);
    parked->was_queued = true;
    next_ = OwnedCall{listener_, *parked};
    return;
  }
  place_.key.store(0);
}

}  // namespace seccompagent
