// SPDX-License-Identifier: Apache-2.0
// Calls that a signal took back, and that come again while a worker has them or their answers.
#include <algorithm>
#include <chrono>
#include <utility>

#include "caller/caller_state.h"
#include "caller/proc_text.h"
#include "receiver/worker.h"

namespace seccompagent {

// Whether the call goes on with the answer that it had, or waits for it.
bool Worker::answer_kept() {
  if (!listener_->kept.has(pending_.notification.tid)) return false;
  if (!note_program(Look::anew) && !listener_->is_valid(pending_.notification.id)) {
    // taken back once more: what is kept stays for the next time
    receiver_->withdrawn_count_.fetch_add(1);
    close_and_follow();
    return true;
  }
  const KeptCalls::Match match = listener_->kept.find(content());
  if (match.kind == KeptCalls::Match::Kind::none) return false;
  receiver_->restarted_count_.fetch_add(1);
  const bool has_answer = match.kind == KeptCalls::Match::Kind::answer;
  if (has_answer && respond_once(match.response, match.given.get()) == Sent::yes)
    listener_->kept.forget(pending_.notification.tid);
  close_and_follow();
  return true;
}

Result<CallId> Worker::current() {
  if (!has_call_) return fail(ENOENT);
  if ((place_.key.load() & CallKey::kParked) != 0) {
    if (const auto parked = take_parked()) (void)adopt(*parked);
  }
  return CallId{.listener = listener_->fd.get(),
                .id_valid_request = listener_->id_valid_request,
                .id = pending_.notification.id,
                .tid = pending_.notification.tid,
                .listener_token = listener_->token};
}

Result<std::shared_ptr<const Terms>> Worker::terms(std::uint32_t token) {
  if (!has_call_ || listener_->token != token) return fail(ENOENT);
  return terms_;
}

bool Worker::await_restart() {
  constexpr Nanoseconds kPatience = 10 * kMillisecond;
  if (!has_call_ || !has_thread(pending_.notification.tid)) return false;
  // where signals come in a row, what has come may be gone by the time that it is looked at
  for (const Nanoseconds start = now(); now() - start < kPatience;) {
    // somebody has to receive it
    wake_another();
    {
      std::unique_lock lock(receiver_->mutex_);
      const auto left =
          std::chrono::nanoseconds(std::max<Nanoseconds>(start + kPatience - now(), 0));
      const bool has_come = receiver_->parked_.wait_for(lock, left, [this] {
        return (place_.key.load() & (CallKey::kParked | CallKey::kOverdue)) != 0 ||
               receiver_->is_stopping_.load();
      });
      if (!has_come) return false;
    }
    const auto parked = take_parked();
    if (!parked) return false;
    if (adopt(*parked)) return true;
    // it is another call
    if ((place_.key.load() & CallKey::kParked) != 0) return false;
  }
  return false;
}

// The parked notification, if the deadline has not taken it.
std::optional<Pending> Worker::take_parked() {
  const std::lock_guard lock(receiver_->mutex_);
  const std::uint64_t key = place_.key.load();
  if ((key & CallKey::kOverdue) != 0 || (key & CallKey::kParked) == 0) return std::nullopt;
  place_.key.store(key & ~CallKey::kFlags);
  return std::exchange(place_.parked, std::nullopt);
}

// Goes on for a newer notification of the same call. Another one is parked again, if it is there.
bool Worker::adopt(const Pending& parked) {
  const bool is_same = !program_.empty() && content().is_same_call(content_of(parked.notification));
  // what was read counts only if it is still there; else it comes again, or never
  if (!listener_->is_valid(parked.notification.id)) {
    receiver_->withdrawn_count_.fetch_add(1);
    return false;
  }
  if (is_same) {
    receiver_->restarted_count_.fetch_add(1);
    pending_.notification.id = parked.notification.id;
    inbox_->id = pending_.notification.id;
    place_.id.store(pending_.notification.id);
    return true;
  }
  const std::lock_guard lock(receiver_->mutex_);
  const std::uint64_t key = place_.key.load();
  // what has come meanwhile is newer
  if ((key & CallKey::kFlags) == 0) {
    place_.parked = parked;
    place_.key.store(key | CallKey::kParked);
  } else {
    receiver_->withdrawn_count_.fetch_add(1);
  }
  return false;
}

// While a program is executed, even its stat keeps whoever reads it waiting, for ever where the
// container's own file system keeps execve(2) waiting. So nobody looks for those who are not read
// by this thread: nothing is kept of their calls, and one that comes again is another call.
Result<std::string> Worker::program_of(const Notification& notification, Look look) {
  const Reader chosen = reader();
  if (chosen.by != ReadBy::this_thread) return fail(ETIMEDOUT);
  CallerState& caller = CallerState::of(notification.tid);
  const MemoryAccess access(*this, chosen);
  return look == Look::known ? caller.known_program(notification.id)
                             : caller.read_program(notification.id);
}

// False: nobody can tell whose the current call is, or it is gone.
bool Worker::note_program(Look look) {
  if (!program_.empty() || pending_.notification.tid == 0) return !program_.empty();
  auto program = program_of(pending_.notification, look);
  if (!program || !listener_->is_valid(pending_.notification.id)) return false;
  program_ = std::move(*program);
  return true;
}

CallContent Worker::content() const {
  return {.notification = pending_.notification,
          .memory_hash = hash_of(inbox_->pointers, data_),
          .program = program_};
}

CallContent Worker::content_of(const Notification& notification) {
  scratch_.resize(kInboxData);
  Pointers pointers;
  (void)read_memory(notification, reader(), pointers, scratch_);
  return {.notification = notification,
          .memory_hash = hash_of(pointers, scratch_),
          .program = program_of(notification, Look::anew).value_or("")};
}

}  // namespace seccompagent
