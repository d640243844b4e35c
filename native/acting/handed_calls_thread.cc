// SPDX-License-Identifier: Apache-2.0
// The thread that looks after handed calls.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "acting/handed_calls_parts.h"
#include "acting/helper_pool.h"
#include "acting/link_opening.h"
#include "kernel/blocked_signals_thread.h"
#include "kernel/message.h"
#include "process/callers_fd.h"

namespace seccompagent {
namespace {

// Intervals of looks at calls: usually, and while a caller that waits may get a signal.
constexpr int kLookMs = 100;
constexpr int kWaitingLookMs = 50;

}  // namespace

// Whether the helper has to end.
bool HandedCalls::Parts::is_over(Handed& handed, bool& may_ask) {
  Awaited awaited = Awaited::yes;
  if (may_ask && handed.call->may_be_asked()) awaited = handed.call->ask_awaited();
  // one may keep us in each look
  if (awaited == Awaited::unknown) may_ask = false;
  if (awaited == Awaited::no) return !handed.call->seen().has_value();
  if (!handed.is_waiting || handed.call->is_being_answered()) handed.helper->leave_pause();
  if (handed.is_waiting) return false;
  const HelperWork work = work_of(handed.helper->process_.child.pid);
  handed.taken.note(work.is_working.value_or(false), kLookMs * kMillisecond, work.computed);
  constexpr Patience kMost = {.max = kPatience};
  return handed.taken.left(kMost) == 0 && handed.call->answer_error(ETIMEDOUT);
}

// Of all calls; with the mutex held.
void HandedCalls::Parts::look() {
  bool may_ask = true;
  for (auto at = all.begin(); at != all.end();) {
    const auto here = at++;
    Handed& handed = here->second;
    if (const auto result = handed.call->seen()) {
      handed.call->settle(*result);
      // nobody may end it before that
      if (!handed.call->is_answered()) {
        handed.helper->leave_pause();
        continue;
      }
      HelperPool& pool = HelperPool::of_process();
      if (!handed.helper->drain() || (handed.is_waiting && !pool.count_in(*handed.helper))) {
        drop(here);
        continue;
      }
      pool.put_back(std::move(handed.helper));
      all.erase(here);
    } else if (handed.call->comes_again() && handed.helper->is_lost()) {
      // what it says is heard first
      continue;
    } else if (is_over(handed, may_ask)) {
      drop(here);
    }
  }
}

int HandedCalls::Parts::look_after_ms() const {
  if (all.empty()) return -1;
  const auto waits = [](const auto& entry) { return entry.second.is_waiting; };
  return std::ranges::any_of(all, waits) ? kWaitingLookMs : kLookMs;
}

// Takes a helper's message on its call, or its end. With the mutex held.
void HandedCalls::Parts::hear(std::uint64_t number) {
  const auto at = all.find(number);
  if (at == all.end()) return;
  Handed& handed = at->second;
  static std::vector<std::byte> buffer(kMaxMessage);
  pollfd readable = {.fd = handed.helper->socket_.get(), .events = POLLIN, .revents = 0};
  while (poll(&readable, 1, 0) > 0) {
    const auto received = receive_message(handed.helper->socket_.get(), buffer);
    const auto said = received ? decode_answer(std::span(buffer).first(received->length))
                               : std::unexpected(received.error());
    const std::optional<OwnLink> wanted = said ? said->wanted : std::nullopt;
    if (wanted) {
      open_link_for(handed.call, *wanted,
                    UniqueFd(fcntl(handed.helper->socket_.get(), F_DUPFD_CLOEXEC, 0)));
      continue;
    }
    if (said && said->held >= 0 && take_opened(handed, said->held)) continue;
    const bool is_done = said && !said->is_waiting && said->failed_step.empty() && said->held < 0;
    if (is_done && handed.call->comes_again()) {
      complete(at, *said);
      return;
    }
    // what it has waited for is there
    if (said && said->is_waiting && handed.call->seen()) continue;
    if (said && said->is_waiting && !handed.helper->has_left() && may_wait(*handed.helper)) {
      handed.is_waiting = true;
      HelperPool::of_process().count_out(*handed.helper);
      continue;
    }
    HandedCall& call = *handed.call;
    if (!said) {
      // it has ended, whatever it had begun
      if (!call.is_answered()) {
        (void)call.claim();
        call.fail_anyway(HelperFailure::ended);
      }
    } else if (said->is_waiting && handed.helper->has_left()) {
      call.restart();
    } else if (said->is_waiting) {
      call.answer_error(ENFILE);
    } else {
      call.fail(HelperFailure::could_not_act);
    }
    drop(at);
    return;
  }
}

// False: it is no file of a call that comes again.
bool HandedCalls::Parts::take_opened(Handed& handed, int number) {
  if (!handed.call->comes_again() || handed.opened.is_open()) return false;
  const int pidfd = handed.helper->process_.child.pidfd.get();
  handed.opened.reset(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, number, 0)));
  const std::byte has_taken = {};
  return handed.opened.is_open() &&
         send_message(handed.helper->socket_.get(), std::span(&has_taken, 1), {}).has_value();
}

void HandedCalls::Parts::end_giving(Payer payer) {
  const std::lock_guard lock(mutex);
  const auto found = giving.find(payer);
  if (found != giving.end() && --found->second == 0) giving.erase(found);
}

// The caller takes the descriptor itself, in the time that its container has of the processors: no
// other call waits for that. With the mutex held.
void HandedCalls::Parts::give(std::shared_ptr<HandedCall> call, const HelperAnswer& answer,
                              UniqueFd opened) {
  struct Giving {
    Parts& parts;
    std::shared_ptr<HandedCall> call;
    HelperAnswer answer;
    UniqueFd opened;

    static void* main(void* argument) {
      const std::unique_ptr<Giving> self(static_cast<Giving*>(argument));
      self->call->complete(self->answer, std::move(self->opened));
      self->parts.end_giving(self->call->payer());
      return nullptr;
    }
  };
  auto next = std::make_unique<Giving>(*this, std::move(call), answer, std::move(opened));
  ++giving[next->call->payer()];
  if (start_blocked_signals_thread(Giving::main, next.get())) {
    (void)next.release();
    return;
  }
  if (--giving[next->call->payer()] == 0) giving.erase(next->call->payer());
  const CallersFd closing(std::move(next->opened), next->call->payer());
  next->call->fail_anyway(HelperFailure::not_served);
}

// With the mutex held.
void HandedCalls::Parts::complete(All::iterator at, const HelperAnswer& answer) {
  Handed handed = std::move(at->second);
  all.erase(at);
  if (!handed.call->claim()) {
    const CallersFd closing(std::move(handed.opened), handed.call->payer());
  } else if (handed.opened.is_open()) {
    give(handed.call, answer, std::move(handed.opened));
  } else {
    handed.call->complete(answer, {});
  }
  HelperPool& pool = HelperPool::of_process();
  if (handed.helper->drain() && (!handed.is_waiting || pool.count_in(*handed.helper))) {
    pool.put_back(std::move(handed.helper));
  } else {
    dropped.push_back(std::move(handed.helper));
  }
}

void HandedCalls::Parts::run() {
  std::array<epoll_event, 16> events;
  // whatever is said meanwhile
  Nanoseconds next_look = 0;
  for (;;) {
    int timeout_ms = -1;
    bool is_due = false;
    {
      const Locked lock(*this);
      const Nanoseconds time = now();
      const int look_ms = look_after_ms();
      is_asleep = look_ms == -1;
      is_due = time >= next_look;
      if (is_due) {
        look();
        next_look = time + look_ms * kMillisecond;
      }
      next_look = std::min(next_look, time + look_ms * kMillisecond);
      const Nanoseconds left = std::max<Nanoseconds>(next_look - time, 0);
      timeout_ms = is_asleep ? -1 : static_cast<int>(left / kMillisecond) + 1;
    }
    if (is_due) have_interruptions_looked_for();
    const int count =
        epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
    const Locked lock(*this);
    for (int index = 0; index < count; ++index)
      hear(events[static_cast<std::size_t>(index)].data.u64);
  }
}

}  // namespace seccompagent
