// SPDX-License-Identifier: Apache-2.0
// Calls that a worker hands over to helpers, and what comes of them.
#include <algorithm>
#include <utility>

#include "acting/helper_pool.h"
#include "acting/living_helpers.h"
#include "caller/caller_state.h"
#include "kernel/listener_guard.h"
#include "process/ending_children.h"
#include "receiver/worker.h"

namespace seccompagent {
namespace {

// Of one worker; helpers have fewer.
constexpr std::size_t kMaxHanded = 1024;
// Whoever waits for a helper finds one, whatever others have handed over.
static_assert(LivingHelpers::kMaxAwaited >= Receiver::kMaxWorkers);
// Intervals at which a worker without calls looks for results of those that it has handed over: at
// first, and of those that take long.
constexpr Nanoseconds kSoon = 10 * kMillisecond;
constexpr Nanoseconds kSeldom = kSecond;

// Those of the caller that count for what is done. False: nothing is done then, or nobody can tell.
[[nodiscard]] bool add_limits(FileRequest& request, pid_t tid) {
  CallerState& caller = CallerState::of(tid);
  if (request.operation == FileOperation::open)
    return !makes_or_empties(request) || !caller.has_all_descriptors();
  if (request.operation != FileOperation::truncate) return true;
  const auto max = caller.max_file_size();
  if (max) request.max_size = *max;
  return max.has_value();
}

// Its listener's kept calls know it, so that it goes on waiting when it comes again.
class AwaitedCall : public ComingAgain {
 public:
  // `number`: see KeptCalls::keep_awaited.
  AwaitedCall(const std::shared_ptr<Receiver>& receiver, std::shared_ptr<Listener> listener,
              pid_t tid, std::uint64_t number, bool is_close_on_exec)
      : receiver_(receiver),
        listener_(std::move(listener)),
        tid_(tid),
        number_(number),
        is_close_on_exec_(is_close_on_exec) {}

  [[nodiscard]] Awaited ask_awaited() override {
    Awaited found = Awaited::no;
    const bool is_over = listener_->kept.forget_unless(tid_, number_, [&](std::uint64_t id) {
      const ListenerGuard::Asking asking;
      found = seccompagent::ask_awaited(listener_->fd.get(), listener_->id_valid_request, id);
      return found != Awaited::no;
    });
    return is_over ? Awaited::no : found;
  }

  Arrival answer(const Response& response, UniqueFd opened, Flush flush) override {
    LostAnswer answer = {.response = response, .until = listener_->keeps_lost_until()};
    const bool is_opened = opened.is_open();
    if (is_opened && !listener_->is_frozen.load()) answer.until = now() + kLostFdFor;
    const Nanoseconds until = answer.until;
    if (is_opened) {
      answer.given = std::make_shared<GivenFd>(
          GivenFd{.fd = CallersFd(std::move(opened), listener_->container->payer, flush),
                  .is_close_on_exec = is_close_on_exec_});
    }
    const auto send = [&](std::uint64_t id) {
      const auto sizes = notify_sizes();
      if (!sizes) return Arrival::lost;
      const ListenerGuard::Asking asking;
      return NotifyBuffers(*sizes).try_to_respond(listener_->fd.get(), id, answer.response);
    };
    Arrival arrival = Arrival::lost;
    if (!is_opened || give(answer)) {
      // a thread of its own waits where something is opened
      do {
        arrival = listener_->kept.complete(tid_, number_, answer, send);
      } while (is_opened && arrival == Arrival::held);
    }
    if (arrival != Arrival::lost) return arrival;
    listener_->note_taken_back();
    // so that somebody looks then
    const auto receiver = receiver_.lock();
    if (is_opened && receiver) receiver->close_lost(listener_, tid_, until);
    return arrival;
  }

  void forget() override { listener_->kept.forget_awaited(tid_, number_); }

 private:
  // The descriptor comes before the answer: what the caller closes then is open nowhere else, and
  // nobody meets us at the other end of a FIFO. If a signal takes the call back in between, it has
  // the same number when it comes again. The caller takes it when it has a processor, so nobody is
  // kept waiting by a lock meanwhile; it does not go on before it is answered. False: there is
  // nothing to be answered any more.
  [[nodiscard]] bool give(LostAnswer& answer) {
    for (;;) {
      const auto id = listener_->kept.awaited_id(tid_, number_);
      if (!id) return false;
      const auto number = add_fd(listener_->fd.get(), *id, answer.given->fd.get(), -1,
                                 answer.given->is_close_on_exec);
      const auto is = [&](int error) { return !number && number.error() == Errno{error}; };
      if (is(ENOENT) || is(ESRCH) || is(EINPROGRESS)) {
        if (listener_->kept.lose_awaited(tid_, number_, *id, answer)) return false;
        continue;
      }
      answer.given->fd.close_at_once();
      answer.given.reset();
      answer.response = {.value = number.value_or(0),
                         .error = number ? 0 : -number.error().number,
                         .is_continue = false};
      return true;
    }
  }

  const std::weak_ptr<Receiver> receiver_;
  const std::shared_ptr<Listener> listener_;
  const pid_t tid_;
  const std::uint64_t number_;
  const bool is_close_on_exec_;
};

}  // namespace

bool Worker::may_leave() const {
  // once the receiver stops, nobody would hear of it
  return has_call_ && pending_.notification.tid != 0 && handed_.size() < kMaxHanded &&
         !receiver_->is_stopping_.load(std::memory_order_relaxed);
}

// The caller's directory may be on a file system that keeps us waiting.
Result<Target> Worker::pin_for_files(const CallId& call, const Paths& paths) {
  place_.operation_start.store(now());
  place_.phase.store(Phase::operating);
  auto target = pin_target(call, paths.start, Pinned::for_files, paths.second);
  end_being_held();
  place_.phase.store(Phase::handling);
  return target;
}

bool Worker::prepare_hand_over(FileRequest& request, const Paths& paths,
                               const std::function<int(Target&)>& start_at_found) {
  const auto call = current();
  const Owner owned = owner();
  if (!call || EndingChildren::of_process().has_too_many_hanging(owned.payer) ||
      !HandedCalls::of_process().may_take(owned.payer)) {
    return false;
  }
  auto target = pin_for_files(*call, paths);
  if (!target || !seccompagent::may_hand_over(*target)) return false;
  if (start_at_found(*target) != 0) return false;
  if (paths.needs_open_file && target->is_base_path_only) return false;
  if (!add_limits(request, call->tid)) return false;
  if (request.second_error == 0) request.second_error = target->second_base_error;
  const HelperCaller caller = helper_caller_of(*target, cgroups());
  HelperPool& pool = HelperPool::of_process();
  auto helper = pool.take_idle(caller, owned);
  if (!helper) return false;
  if (*helper == nullptr) {
    // it takes a while to start one, and others receive meanwhile
    if (!begin_operation()) return false;
    const char* step = "";
    helper = pool.take(caller, owned, patience(), step);
    end_operation(Effect::unknown);
    if (!helper) return false;
  } else if (!count_operation()) {
    pool.put_back(std::move(*helper));
    return false;
  }
  auto ready = prepare(**helper, std::move(*target), request);
  if (!ready) {
    pool.put_back(std::move(*helper));
    return false;
  }
  ready->helper = std::move(*helper);
  ready_ = std::move(*ready);
  return true;
}

// The call is the helper's from here on. False: it is not, since too many are kept already.
bool Worker::hand_over(HandOver ready, Nanoseconds time) {
  const CallId call = {.listener = listener_->fd.get(),
                       .id_valid_request = listener_->id_valid_request,
                       .id = pending_.notification.id,
                       .tid = pending_.notification.tid,
                       .listener_token = listener_->token};
  // it waits for another process
  const bool is_waiting = ready.message.empty();
  std::unique_ptr<ComingAgain> again;
  if (may_come_again()) {
    const std::uint64_t number = listener_->kept.keep_awaited(content());
    if (number == 0) return false;
    again = std::make_unique<AwaitedCall>(receiver_, listener_, pending_.notification.tid, number,
                                          ready.is_close_on_exec);
  }
  auto handed = std::make_shared<HandedCall>(call, listener_, terms_->failure, owner().payer,
                                             std::move(again));
  HandedCalls::of_process().hand_over(std::move(ready), handed);
  // whoever answers all at the stop may have done so before
  if (is_waiting && receiver_->is_stopping_.load()) handed->answer_error(EINTR);
  handed_.push_back({.call = std::move(handed),
                     .token = listener_->token,
                     .cookie = inbox_->answer.value,
                     .received = pending_.received,
                     .handed = time});
  inbox_->was_gone = 0;
  close_and_follow();
  return true;
}

// Whether JavaScript is to hear what came of one, so that it is counted.
bool Worker::take_performed() {
  if (told_) {
    count(told_->first, told_->second);
    told_.reset();
    inbox_->answer = {};
  }
  for (auto at = handed_.begin(); at != handed_.end(); ++at) {
    const auto result = at->call->result();
    if (!result) continue;
    Counted counted = result->error == 0 ? Counted::value : Counted::error;
    if (result->is_gone) counted = Counted::gone;
    if (result->failure != HelperFailure::none) counted = Counted::failed;
    told_ = {counted, std::max<Nanoseconds>(result->time - at->received, 0)};
    inbox_->answer = {};
    inbox_->answer.value = at->cookie;
    inbox_->answer.error = result->error;
    inbox_->answer.helper_failure = result->failure;
    *at = std::move(handed_.back());
    handed_.pop_back();
    return true;
  }
  return false;
}

// Its counters are others' from now on.
void Worker::forget_handed(std::uint32_t token) {
  std::erase_if(handed_, [token](const Handed& handed) { return handed.token == token; });
}

// Before the worker ends: false if there is none that will be answered in a moment.
bool Worker::await_handed() {
  constexpr int kLooks = 50;
  const auto is_answered = [](const Handed& handed) { return handed.call->result().has_value(); };
  for (int look = 0; look < kLooks && !handed_.empty(); ++look) {
    if (std::ranges::any_of(handed_, is_answered)) return true;
    pause_for(kMillisecond);
  }
  return false;
}

// 0: for none.
Nanoseconds Worker::wait_for_handed() const {
  if (handed_.empty()) return 0;
  const auto newest = std::ranges::max_element(handed_, {}, &Handed::handed);
  return std::clamp(now() - newest->handed, kSoon, kSeldom);
}

}  // namespace seccompagent
