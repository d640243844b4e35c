// SPDX-License-Identifier: Apache-2.0
// Kept calls by their threads: a thread makes one call at a time.
#include "receiver/kept_calls.h"

#include <atomic>
#include <iterator>
#include <utility>

#include "caller/caller_state.h"
#include "caller/proc_text.h"
#include "kernel/keyed_hash.h"

namespace seccompagent {
namespace {

// The kernel has all calls of a listener that are not answered in one list, which it goes through
// at each of ours: for whoever receives, and so for all containers.
constexpr std::size_t kMaxLate = 1024;
constexpr std::size_t kMaxLost = 4096;
constexpr std::size_t kMaxGiven = 64;
// Of all containers together. One has no more than half of what is left of these, so there is
// always something left for the next one.
constexpr std::size_t kMaxOfAll = 192 * kMaxLate;

std::atomic<std::size_t> count_of_all = 0;

// The text of a program has all groups of its user: they may be tens of kilobytes.
[[nodiscard]] CallContent with_hash(const CallContent& call) {
  CallContent shortened = {
      .notification = call.notification, .memory_hash = call.memory_hash, .program = {}};
  if (call.program.empty()) return shortened;
  const std::uint64_t hash = keyed_hash(call.program);
  shortened.program.assign(reinterpret_cast<const char*>(&hash), sizeof hash);
  return shortened;
}

}  // namespace

KeptCalls::~KeptCalls() {
  while (!calls_.empty()) erase(calls_.begin());
}

bool CallContent::is_same_call(const CallContent& other) const {
  const Notification& mine = notification;
  const Notification& theirs = other.notification;
  return mine.tid == theirs.tid && mine.arch == theirs.arch && mine.nr == theirs.nr &&
         mine.instruction_pointer == theirs.instruction_pointer &&
         mine.arguments == theirs.arguments && memory_hash == other.memory_hash &&
         !program.empty() && program == other.program;
}

bool KeptCalls::keep_late(const CallContent& call, const Response& response, Nanoseconds due) {
  const std::lock_guard lock(mutex_);
  if (of_payer_->late >= kMaxLate || !has_share()) return false;
  put({.call = with_hash(call), .response = response, .due = due, .until = 0});
  return true;
}

std::uint64_t KeptCalls::keep_awaited(const CallContent& call) {
  const std::lock_guard lock(mutex_);
  if (of_payer_->late >= kMaxLate || !has_share()) return 0;
  put({.call = with_hash(call),
       .response = {},
       .due = kAwaited,
       .until = 0,
       .number = ++last_number_});
  return last_number_;
}

KeptCalls::Calls::iterator KeptCalls::find_awaited(pid_t tid, std::uint64_t number) {
  const auto found = calls_.find(tid);
  const bool is_it =
      found != calls_.end() && found->second.due == kAwaited && found->second.number == number;
  return is_it ? found : calls_.end();
}

std::optional<std::uint64_t> KeptCalls::awaited_id(pid_t tid, std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  const auto found = find_awaited(tid, number);
  if (found == calls_.end()) return std::nullopt;
  return found->second.call.notification.id;
}

void KeptCalls::forget_awaited(pid_t tid, std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  if (const auto found = find_awaited(tid, number); found != calls_.end()) erase(found);
}

bool KeptCalls::lose_awaited(pid_t tid, std::uint64_t number, std::uint64_t id,
                             LostAnswer& answer) {
  const std::lock_guard lock(mutex_);
  const auto found = find_awaited(tid, number);
  if (found == calls_.end()) return true;
  if (found->second.call.notification.id != id) return false;
  lose(found, std::move(answer));
  return true;
}

bool KeptCalls::keep_lost(const CallContent& call, const Response& response, Nanoseconds until,
                          std::shared_ptr<GivenFd> given) {
  // neither a dead thread comes again nor one of which nobody can tell that it is the same
  const bool may_come_again = !call.program.empty() && has_thread(call.notification.tid);
  const std::lock_guard lock(mutex_);
  drop_expired(now());
  // an older one of this thread is of another call, whatever becomes of this one
  if (const auto older = calls_.find(call.notification.tid); older != calls_.end()) erase(older);
  const std::size_t lost = of_payer_->all - of_payer_->late;
  if (!may_come_again || lost >= kMaxLost || !has_share()) return false;
  if (given && of_payer_->given >= kMaxGiven) return false;
  put({.call = with_hash(call),
       .response = response,
       .due = 0,
       .until = until,
       .given = std::move(given)});
  return true;
}

bool KeptCalls::has_share() const {
  const std::size_t all = count_of_all.load();
  return all < kMaxOfAll && of_payer_->all < (kMaxOfAll - all) / 2;
}

void KeptCalls::put(Kept kept) {
  const pid_t tid = kept.call.notification.tid;
  if (const auto older = calls_.find(tid); older != calls_.end()) erase(older);
  if (kept.due != 0) {
    ++late_count_;
    ++of_payer_->late;
  }
  if (kept.given) ++of_payer_->given;
  calls_.emplace(tid, std::move(kept));
  ++of_payer_->all;
  ++count_of_all;
  count_.store(calls_.size());
}

void KeptCalls::drop_expired(Nanoseconds time) {
  constexpr std::size_t kFew = 64;
  if (calls_.size() - late_count_ < kFew) return;
  for (auto call = calls_.begin(); call != calls_.end();) {
    const auto next = std::next(call);
    if (call->second.due == 0 && call->second.until <= time) erase(call);
    call = next;
  }
}

void KeptCalls::erase(Calls::iterator call) {
  if (call->second.due != 0) end_being_late();
  if (call->second.given) --of_payer_->given;
  calls_.erase(call);
  --of_payer_->all;
  --count_of_all;
  count_.store(calls_.size());
}

void KeptCalls::end_being_late() {
  --late_count_;
  --of_payer_->late;
}

void KeptCalls::lose(Calls::iterator call, LostAnswer answer) {
  const bool has_room = !answer.given || of_payer_->given < kMaxGiven;
  if (!has_room || !has_thread(call->first)) {
    erase(call);
    return;
  }
  Kept& kept = call->second;
  end_being_late();
  kept.due = 0;
  kept.until = answer.until;
  kept.response = answer.response;
  kept.given = std::move(answer.given);
  if (kept.given) ++of_payer_->given;
  drop_expired(now());
}

KeptCalls::Match KeptCalls::find(const CallContent& call) {
  const std::lock_guard lock(mutex_);
  const auto found = calls_.find(call.notification.tid);
  if (found == calls_.end()) return {.kind = Match::Kind::none, .response = {}};
  Kept& kept = found->second;
  const bool is_late = kept.due != 0;
  const bool is_known = kept.call.is_same_call(with_hash(call)) && (is_late || kept.until > now());
  if (!is_known) {
    erase(found);
    return {.kind = Match::Kind::none, .response = {}};
  }
  if (!is_late)
    return {.kind = Match::Kind::answer, .response = kept.response, .given = kept.given};
  kept.call.notification.id = call.notification.id;
  return {.kind = Match::Kind::wait, .response = {}};
}

bool KeptCalls::forget(pid_t tid) {
  const std::lock_guard lock(mutex_);
  const auto found = calls_.find(tid);
  if (found == calls_.end()) return false;
  erase(found);
  return true;
}

void KeptCalls::forget(pid_t tid, std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  const auto found = calls_.find(tid);
  if (found != calls_.end() && found->second.call.notification.id == id) erase(found);
}

bool KeptCalls::has(pid_t tid) {
  const std::lock_guard lock(mutex_);
  return calls_.contains(tid);
}

bool KeptCalls::is_due_at(pid_t tid, Nanoseconds time) {
  const std::lock_guard lock(mutex_);
  const auto found = calls_.find(tid);
  return found != calls_.end() && (found->second.due == time || found->second.until == time);
}

std::size_t KeptCalls::late_count() {
  const std::lock_guard lock(mutex_);
  return late_count_;
}

}  // namespace seccompagent
