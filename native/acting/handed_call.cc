// SPDX-License-Identifier: Apache-2.0
#include "acting/handed_call.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "caller/proc_text.h"
#include "kernel/listener_guard.h"
#include "process/patient_answers.h"

namespace seccompagent {

using Phase = CompletionPhase;

namespace {

// Errno with which the kernel makes the call anew, unless a handler of the signal says otherwise;
// see SA_RESTART in signal(7). It reaches callers that have no signal to handle, too.
constexpr int kRestart = 512;

}  // namespace

std::optional<CallResult> HandedCall::seen() const {
  const Completion& completion = completion_->get();
  const std::uint32_t finished = Completion::word(number_, Phase::finished);
  const std::uint32_t answered = Completion::word(number_, Phase::answered);
  const auto is_done = [&](std::memory_order order) {
    const std::uint32_t state = completion.state.load(order);
    return state == finished || state == answered;
  };
  if (!is_done(std::memory_order_acquire)) return std::nullopt;
  const CallResult seen = {.error = completion.error.load(std::memory_order_relaxed),
                           .is_gone = completion.is_gone.load(std::memory_order_relaxed) != 0,
                           .time = completion.time.load(std::memory_order_relaxed)};
  std::atomic_thread_fence(std::memory_order_acquire);
  // else the helper has another call by now, and this one is settled
  if (!is_done(std::memory_order_relaxed)) return std::nullopt;
  return seen;
}

std::optional<CallResult> HandedCall::result() const {
  if (is_settled_.load(std::memory_order_acquire)) return result_;
  if (const auto found = seen()) return found;
  if (is_settled_.load(std::memory_order_acquire)) return result_;
  return std::nullopt;
}

bool HandedCall::is_being_answered() const {
  return completion_->get().state.load() == Completion::word(number_, Phase::answering);
}

bool HandedCall::is_answered() const {
  return completion_->get().state.load(std::memory_order_acquire) ==
         Completion::word(number_, Phase::answered);
}

bool HandedCall::may_be_asked() const { return ask_again_at_ <= now(); }

Awaited HandedCall::ask_awaited() {
  constexpr Nanoseconds kPause = kSecond;
  const auto ask = [this] {
    const ListenerGuard::Asking asking;
    return seccompagent::ask_awaited(call_.listener, call_.id_valid_request, call_.id);
  };
  const Awaited found = again_ ? again_->ask_awaited() : ask();
  if (found == Awaited::unknown) ask_again_at_ = now() + kPause;
  return found;
}

bool HandedCall::claim() {
  std::uint32_t acting = Completion::word(number_, Phase::acting);
  const std::uint32_t withdrawn = Completion::word(number_, Phase::withdrawn);
  return completion_->get().state.compare_exchange_strong(acting, withdrawn);
}

bool HandedCall::answer(const Response& response, const CallResult& result) {
  if (!claim()) return false;
  answer_anyway(response, result);
  return true;
}

// ENOENT: the caller is gone, or has had its answer.
void HandedCall::answer_anyway(const Response& response, const CallResult& result) {
  answer_with(response, result, {}, Flush::unknown);
}

void HandedCall::answer_with(const Response& response, const CallResult& result, UniqueFd opened,
                             Flush flush) {
  if (try_to_answer(response, result, std::move(opened), flush)) return;
  PatientAnswers::of_process().add(call_.listener, [self = shared_from_this(), response, result] {
    return self->try_to_answer(response, result, {}, Flush::unknown);
  });
}

bool HandedCall::try_to_answer(const Response& response, const CallResult& result, UniqueFd opened,
                               Flush flush) {
  const auto send = [&] {
    if (again_) return again_->answer(response, std::move(opened), flush);
    const auto sizes = notify_sizes();
    if (!sizes) return Arrival::lost;
    const ListenerGuard::Asking asking;
    return NotifyBuffers(*sizes).try_to_respond(call_.listener, call_.id, response);
  };
  const Arrival arrival = send();
  if (arrival == Arrival::held) return false;
  CallResult settled = arrival == Arrival::arrived ? result : CallResult{.is_gone = true};
  settled.time = now();
  settle(settled);
  return true;
}

void HandedCall::complete(const HelperAnswer& answer, UniqueFd opened) {
  // no call of these returns anything else
  const bool has_failed = answer.error == 0 && answer.given < 0 && !opened.is_open();
  if (has_failed && !answer.is_gone) {
    answer_anyway(failure_, {.failure = HelperFailure::could_not_act});
    return;
  }
  const Response response = {
      .value = std::max(answer.given, 0), .error = -answer.error, .is_continue = false};
  // nothing was done: the call that comes again begins anew
  if (answer.is_gone) again_->forget();
  const auto flush = answer.is_closed_at_once ? Flush::none : Flush::unknown;
  answer_with(response, {.error = answer.error}, std::move(opened), flush);
}

void HandedCall::restart() {
  answer({.value = 0, .error = -kRestart, .is_continue = false}, {.error = EINTR});
}

// If the signal is that thread's to take, the kernel makes its call anew or not, as it does with
// its own calls: a signal of a process is its first thread's, unless that one blocks it. A caller
// in a cgroup that is being frozen is not frozen before it is answered, and makes its call anew
// later; at the second look, the kernel has interrupted it.
bool HandedCall::interrupt(std::string_view status, bool is_paused) {
  const bool is_freezing = std::exchange(was_paused_, is_paused) && is_paused;
  const std::uint64_t taken = ~mask_of(status, "\nSigBlk:");
  const bool is_own = (mask_of(status, "\nSigPnd:") & taken) != 0;
  const std::uint64_t shared = mask_of(status, "\nShdPnd:") & taken;
  // the kernel may have chosen another thread for it
  const bool is_here = is_own || (shared & std::exchange(signals_, shared)) != 0;
  if (!is_here && !is_freezing) return false;
  const bool is_first = count_of(status, "\nTgid:") == count_of(status, "\nPid:");
  const bool is_restarted = !is_here || is_own || is_first;
  return answer({.value = 0, .error = is_restarted ? -kRestart : -EINTR, .is_continue = false},
                {.error = EINTR});
}

void HandedCall::settle(const CallResult& result) {
  if (is_claimed_.test_and_set()) return;
  result_ = result;
  is_settled_.store(true, std::memory_order_release);
}

}  // namespace seccompagent
