// SPDX-License-Identifier: Apache-2.0
// Workers: wait for a call and make it their own. Answers are in answering.cc, calls that were
// taken back in worker_restarts.cc, operations for the caller in worker_operations.cc, and those
// that helpers answer in handing_over.cc.
#include "receiver/worker.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "caller/caller_state.h"
#include "caller/long_statuses.h"
#include "kernel/interrupt_signal.h"
#include "kernel/scheduling.h"

namespace seccompagent {

namespace {

// Nothing: for as long as it takes.
[[nodiscard]] int wait_ms(Nanoseconds time) {
  return time == 0 ? -1 : static_cast<int>(time / kMillisecond);
}

[[nodiscard]] bool has_timed_out(const Pointers& pointers) {
  return std::ranges::any_of(
      pointers, [](const Inbox::Pointer& pointer) { return pointer.length == -ETIMEDOUT; });
}

}  // namespace

Result<std::unique_ptr<Worker>> Worker::attach(std::shared_ptr<Receiver> receiver, std::byte* inbox,
                                               CounterBlock counters, std::uint32_t id) {
  Receiver& shared = *receiver;
  const std::lock_guard lock(shared.mutex_);
  const auto free_place = std::ranges::find(shared.places_, nullptr, &Place::worker);
  if (free_place == shared.places_.end()) return fail(ENOSPC);
  std::unique_ptr<Worker> worker(new Worker(std::move(receiver), inbox, counters, id, *free_place));
  free_place->worker = worker.get();
  free_place->is_counted = true;
  free_place->is_overdue = false;
  const auto index = static_cast<std::size_t>(free_place - shared.places_.begin());
  shared.places_used_.store(std::max(shared.places_used_.load(), index + 1));
  shared.worker_count_.fetch_add(1);
  shared.events_.forget_crowded();
  return worker;
}

Worker::Worker(std::shared_ptr<Receiver> receiver, std::byte* inbox, CounterBlock counters,
               std::uint32_t id, Place& place)
    : receiver_(std::move(receiver)),
      inbox_(reinterpret_cast<Inbox*>(inbox)),
      data_(inbox + sizeof(Inbox), kInboxData),
      counters_(counters),
      place_(place),
      buffers_(receiver_->sizes_) {
  place_.begun.store(0);
  place_.operation_start.store(0);
  place_.worker_id = id;
  place_.inbox = inbox_;
  pthread_getcpuclockid(pthread_self(), &place_.cpu_clock);
  shorten_slice(0);
  place_.tid = accept_interrupts();
  place_.ended.clear();
  place_.has_ended.store(false);
  place_.is_shortage_told.store(false);
}

Worker::~Worker() {
  MemoryUse::watch_thread(nullptr);
  end_exclusive();
  end_being_held();
  if (has_call_) {
    note_broken();
    (void)send_answer();
  }
  bool is_refused = false;
  {
    const std::lock_guard lock(receiver_->mutex_);
    if (next_) {
      // the thread's next call, or what has come in its place meanwhile, needs another worker
      if (const auto parked = std::exchange(place_.parked, std::nullopt)) next_->pending = *parked;
      is_refused = !receiver_->enqueue(next_->listener, next_->pending);
      place_.key.store(0);
    }
    place_.worker = nullptr;
    place_.is_interrupted.store(false);
    place_.phase.store(Phase::idle);
    receiver_->unmark_blocked(place_);
    if (place_.is_counted) receiver_->worker_count_.fetch_sub(1);
    receiver_->call_worker();
  }
  if (is_refused) receiver_->refuse(buffers_, next_->listener, next_->pending);
}

// The thread ends with a call: the handler that has it, if any, has taken all memory that it may,
// or else has failed in a way that nobody catches.
void Worker::note_broken() {
  const std::uint32_t link = std::atomic_ref(inbox_->link).load(std::memory_order_relaxed);
  const Inbox::Answer& answer = inbox_->answer;
  if (link == 0 || answer.kind != AnswerKind::none || answer.failed != 0) return;
  const std::lock_guard lock(receiver_->mutex_);
  if ((place_.key.load() & CallKey::kOverdue) != 0) return;
  receiver_->listeners_.report_broken(*terms_, {.kind = ReceiverEvent::Kind::broken,
                                                .token = listener_->token,
                                                .worker = place_.worker_id,
                                                .link = link});
}

// Sleeping and being woken again costs more than a call does, and while many call, somebody mostly
// has only just begun to read: so the processor goes to callers that have been answered, and if
// there is none, the next look is at once. A lone caller stays with one worker.
Worker::Turn Worker::await_turn() {
  constexpr int kLooks = 30;
  if (receiver_->become_reader()) return Turn::reader;
  for (int look = 0; look < kLooks; ++look) {
    if (receiver_->crowd_.load(std::memory_order_relaxed) == 0) break;
    sched_yield();
    if (receiver_->is_stopping_.load() || place_.has_ended.load()) break;
    if (receiver_->queued_count_.load() > 0) {
      const std::lock_guard lock(receiver_->mutex_);
      return receiver_->has_eligible_queued() ? Turn::queued : Turn::none;
    }
    if (!receiver_->has_reader_.load() && receiver_->become_reader()) return Turn::reader;
  }
  return Turn::none;
}

// Until there is something that this worker may have to do. Nothing for long: it may be one too
// many.
void Worker::sleep() {
  constexpr Nanoseconds kPatience = 2 * kSecond;
  const Nanoseconds handed = wait_for_handed();
  const auto patience = std::chrono::nanoseconds(handed == 0 ? kPatience : handed);
  Receiver& receiver = *receiver_;
  end_exclusive();
  std::unique_lock lock(receiver.mutex_);
  // one that is too many takes up nothing by itself, until it is called
  const bool is_surplus = receiver.vacancies() < 0;
  const bool has_work = receiver.has_eligible_queued() || !receiver.has_reader_.load();
  const auto is_told = [&] {
    return place_.has_ended.load() || place_.is_shortage_told.load() ||
           receiver.is_stopping_.load();
  };
  receiver.events_.forget_crowded();
  if ((has_work && !is_surplus) || is_told()) return;
  place_.is_called = false;
  receiver.sleepers_.push_back(&place_);
  receiver.sleeping_count_.store(static_cast<std::uint32_t>(receiver.sleepers_.size()));
  const bool was_called =
      place_.wake.wait_for(lock, patience, [&] { return place_.is_called || is_told(); });
  // whoever calls one takes it out
  std::erase(receiver.sleepers_, &place_);
  receiver.sleeping_count_.store(static_cast<std::uint32_t>(receiver.sleepers_.size()));
  const bool is_one_too_many = handed == 0 &&
                               receiver.worker_count_.load() > receiver.shape_.fewest &&
                               receiver.queued_count_.load() == 0;
  if (was_called || !is_one_too_many) return;
  receiver.worker_count_.fetch_sub(1);
  place_.is_counted = false;
  is_condemned_ = true;
}

bool Worker::take_ended() {
  if (!place_.has_ended.load()) return false;
  end_exclusive();
  // the last one who names the listener closes it, without the mutex
  std::shared_ptr<Listener> closed;
  const std::lock_guard lock(receiver_->mutex_);
  forget_handed(place_.ended.front());
  inbox_->token = place_.ended.front();
  place_.ended.pop_front();
  place_.has_ended.store(!place_.ended.empty());
  if (listener_ && listener_->token == inbox_->token) closed = std::move(listener_);
  return true;
}

Result<EventKind> Worker::receive() {
  Nanoseconds start = 0;
  if (has_call_) start = send_answer();
  for (;;) {
    if (take_performed()) return EventKind::performed;
    if (is_condemned_) return EventKind::stopped;
    if (take_ended()) return EventKind::ended;
    if (take_shortage()) return EventKind::shortage;
    if (!next_ && receiver_->vacancies() < 0 && !receiver_->is_stopping_.load()) sleep();
    // it is not counted any more, so it must not become the reader
    if (is_condemned_) return EventKind::stopped;
    if (take_next() || take_queued()) {
      end_exclusive();
    } else if (!receive_exclusively(start)) {
      // only now: a call that was received is answered
      if (receiver_->is_stopping_.load()) {
        if (await_handed()) continue;
        return EventKind::stopped;
      }
      const Turn turn = await_turn();
      if (turn == Turn::none) sleep();
      // a reader is woken: what we are told from here on is seen by us
      if (turn == Turn::reader && (place_.has_ended.load() || place_.is_shortage_told.load())) {
        receiver_->leave_epoll();
        continue;
      }
      if (turn != Turn::reader) {
        start = 0;
        continue;
      }
      Receiver::Reading reading = {.buffers = buffers_,
                                   .thread = place_.tid,
                                   .place = &place_,
                                   .timeout_ms = wait_ms(wait_for_handed()),
                                   .start = start == 0 ? now() : start};
      const auto has_call = receiver_->read_pending(reading, listener_, pending_);
      if (reading.has_role) {
        if (has_call && *has_call) consider_exclusive();
        receiver_->leave_epoll();
      }
      start = 0;
      if (!has_call) return std::unexpected(has_call.error());
      if (!*has_call) continue;
      // somebody has to wait in epoll for all others
      if (place_.exclusive.load(std::memory_order_relaxed) != 0) receiver_->wake_another();
    }
    if (!begin()) continue;
    // somebody waits in epoll while we have an exclusive listener
    const bool is_alone = place_.exclusive.load(std::memory_order_relaxed) == 0 &&
                          receiver_->sleeping_count_.load(std::memory_order_relaxed) > 0;
    if (is_alone && is_more_pending()) receiver_->wake_another();
    return EventKind::notification;
  }
}

bool Worker::take_shortage() {
  if (!place_.is_shortage_told.exchange(false)) return false;
  end_exclusive();
  return true;
}

bool Worker::take_next() {
  if (!next_) return false;
  listener_ = std::move(next_->listener);
  pending_ = next_->pending;
  next_.reset();
  return true;
}

bool Worker::take_queued() {
  auto queued = receiver_->take_queued(place_);
  if (!queued) return false;
  listener_ = std::move(queued->listener);
  pending_ = queued->pending;
  return true;
}

// Makes a received call this worker's own. False: it went away again, or needs no handler.
bool Worker::begin() {
  has_call_ = true;
  LongStatuses::speak_of(listener_->token);
  MemoryUse::watch_thread(this);
  if (!terms_ || terms_->version != listener_->terms->version()) terms_ = listener_->terms->get();
  place_.terms.store(terms_.get(), std::memory_order_relaxed);
  place_.failure.store(terms_->failure.is_continue ? 0 : terms_->failure.error,
                       std::memory_order_relaxed);
  const Nanoseconds begun = pending_.was_queued ? now() : pending_.received;
  place_.begun.store(begun, std::memory_order_relaxed);
  has_acted_ = false;
  is_void_ = false;
  program_.clear();
  operation_count_ = 0;
  operation_time_ = 0;
  place_.id.store(pending_.notification.id, std::memory_order_relaxed);
  const SyscallNumber syscall =
      syscall_number(pending_.notification.arch, pending_.notification.nr);
  inbox_->token = listener_->token;
  inbox_->terms = terms_->version;
  inbox_->tid = static_cast<std::uint32_t>(pending_.notification.tid);
  inbox_->arch = static_cast<std::uint32_t>(syscall.arch);
  inbox_->number = syscall.number;
  inbox_->registers = pending_.notification.arguments;
  inbox_->id = pending_.notification.id;
  inbox_->audit_arch = pending_.notification.arch;
  std::atomic_ref(inbox_->link).store(0, std::memory_order_relaxed);
  const Reader chosen = reader();
  const bool has_read = read_memory(pending_.notification, chosen, inbox_->pointers, data_);
  // The bytes read may be somebody else's by now. In the queue a call may have outlived its
  // listener, which nobody is to meet again.
  const bool is_doubtful = has_read || pending_.was_queued;
  if (is_doubtful && !listener_->is_valid(pending_.notification.id)) {
    std::ranges::fill(data_, std::byte{0});
    receiver_->withdrawn_count_.fetch_add(1);
    close_and_follow();
    return false;
  }
  if (chosen.by == ReadBy::hasty_child && has_timed_out(inbox_->pointers)) {
    wait_among_slow();
    return false;
  }
  const bool is_to_be_known = listener_->restarts_until.load(std::memory_order_relaxed) > begun ||
                              listener_->is_frozen.load(std::memory_order_relaxed);
  if (is_to_be_known && may_come_again()) note_program(Look::anew);
  if (pending_.notification.tid != 0 && !listener_->kept.is_empty() && answer_kept()) return false;
  place_.phase.store(Phase::handling, std::memory_order_release);
  return true;
}

bool Worker::read_memory(const Notification& notification, Reader reader, Pointers& pointers,
                         std::span<std::byte> data) {
  const MemoryAccess access(*this, reader);
  return read_call_memory(
      {.table = receiver_->table_, .reads = terms_->reads, .reader = access.reader()}, notification,
      pointers, data);
}

// A hasty child has found that the container's memory is slow: the call waits among those of its
// like.
void Worker::wait_among_slow() {
  listener_->container->slow_reads.note_slow();
  has_call_ = false;
  place_.phase.store(Phase::idle);
  bool is_refused = false;
  {
    const std::lock_guard lock(receiver_->mutex_);
    // what its thread has called meanwhile comes in its place
    if (place_.parked) receiver_->withdrawn_count_.fetch_add(1);
    pending_ = std::exchange(place_.parked, std::nullopt).value_or(pending_);
    // answered already, it is not valid any more, which whoever takes it finds out
    is_condemned_ = (place_.key.load() & CallKey::kOverdue) != 0;
    is_refused = !receiver_->enqueue(listener_, pending_);
    place_.key.store(0);
  }
  if (is_refused) receiver_->refuse(buffers_, listener_, pending_);
}

// Asking costs a system call, so a lone caller is asked for every eighth time only.
bool Worker::is_more_pending() {
  constexpr std::uint32_t kQuiet = 64;
  constexpr std::uint32_t kSeldom = 8;
  ++quiet_calls_;
  if (quiet_calls_ > kQuiet && quiet_calls_ % kSeldom != 0) return false;
  if (receiver_->vacancies() <= 0) return false;
  pollfd pending = {.fd = receiver_->epoll_.get(), .events = POLLIN, .revents = 0};
  if (poll(&pending, 1, 0) <= 0) return false;
  quiet_calls_ = 0;
  receiver_->batch_size_.store(Receiver::kMaxBatch, std::memory_order_relaxed);
  receiver_->crowd_.store(Receiver::kCrowd, std::memory_order_relaxed);
  return true;
}

}  // namespace seccompagent
