// SPDX-License-Identifier: Apache-2.0
#include "acting/handed_calls.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <utility>

#include "acting/helper_pool.h"
#include "acting/helper_start.h"
#include "acting/link_opening.h"
#include "caller/caller_state.h"
#include "caller/proc_text.h"
#include "kernel/message.h"

namespace seccompagent {
namespace {

using Phase = CompletionPhase;

// Intervals of looks at calls: usually, and while a caller that waits may get a signal.
constexpr int kLookMs = 100;
constexpr int kWaitingLookMs = 50;

}  // namespace

struct HandedCalls::Parts {
  struct Handed {
    std::unique_ptr<Helper> helper;
    std::shared_ptr<HandedCall> call;
    TimeTaken taken = {};
    bool is_waiting = false;
  };
  // By the number of their helper.
  using All = std::map<std::uint64_t, Handed>;

  std::mutex mutex;
  UniqueFd epoll;
  UniqueFd wake;
  All all;
  // Of helpers that are watched.
  std::uint64_t last_number = 0;
  bool is_asleep = true;
  // They end without the mutex, which may take a moment.
  std::vector<std::unique_ptr<Helper>> dropped;

  void run();
  void look();
  [[nodiscard]] static bool is_over(Handed& handed);
  void hear(std::uint64_t number);
  // Of a payer, and of all others: calls that are not answered yet.
  struct Counts {
    std::size_t own;
    std::size_t others;
  };
  [[nodiscard]] Counts count(Payer payer, bool are_waiting) const;
  [[nodiscard]] bool may_wait(const Helper& helper) const;
  void look_for_interruptions();
  void drop(All::iterator at);
  [[nodiscard]] int look_after_ms() const;
  [[nodiscard]] std::uint64_t watch(Helper& helper);
};

// The mutex; those that were dropped meanwhile end after it.
class HandedCalls::Locked {
 public:
  explicit Locked(Parts& parts) : parts_(parts), lock_(parts.mutex) {}
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;
  ~Locked() {
    const auto dropped = std::exchange(parts_.dropped, {});
    lock_.unlock();
  }

 private:
  Parts& parts_;
  std::unique_lock<std::mutex> lock_;
};

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
  if (!call.fail()) {
    const CallResult gone = {.is_gone = !call.is_being_answered(), .time = now()};
    call.settle(call.seen().value_or(gone));
  }
  dropped.push_back(std::move(at->second.helper));
  all.erase(at);
}

// Of all calls that wait. With the mutex not held: what is read may be much.
void HandedCalls::Parts::look_for_interruptions() {
  struct Waiting {
    std::uint64_t number;
    std::shared_ptr<HandedCall> call;
    std::shared_ptr<JoinedCgroups> cgroups;
  };
  std::vector<Waiting> waiting;
  {
    const std::lock_guard lock(mutex);
    for (const auto& [number, handed] : all) {
      if (handed.is_waiting && !handed.call->seen())
        waiting.push_back({number, handed.call, handed.helper->process_.cgroups});
    }
  }
  for (const auto& [number, call, cgroups] : waiting) {
    CallerState caller(call->tid());
    const auto status = caller.read_status();
    if (!status) continue;
    const bool is_paused = cgroups->are_paused_for(call->tid());
    const Locked lock(*this);
    const auto at = all.find(number);
    const bool is_there = at != all.end() && at->second.call == call;
    if (is_there && call->interrupt(*status, is_paused)) drop(at);
  }
}

// Whether the helper has to end.
bool HandedCalls::Parts::is_over(Handed& handed) {
  if (handed.call->is_gone()) return !handed.call->seen().has_value();
  if (!handed.is_waiting || handed.call->is_being_answered()) handed.helper->leave_pause();
  if (handed.is_waiting) return false;
  const HelperWork work = work_of(handed.helper->process_.child.pid);
  handed.taken.note(work.is_working.value_or(false), kLookMs * kMillisecond, work.computed);
  constexpr Patience kMost = {.max = kPatience};
  return handed.taken.left(kMost) == 0 && handed.call->answer_error(ETIMEDOUT);
}

// Of all calls; with the mutex held.
void HandedCalls::Parts::look() {
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
    } else if (is_over(handed)) {
      drop(here);
    }
  }
}

int HandedCalls::Parts::look_after_ms() const {
  if (all.empty()) return -1;
  const auto waits = [](const auto& entry) { return entry.second.is_waiting; };
  return std::ranges::any_of(all, waits) ? kWaitingLookMs : kLookMs;
}

HandedCalls::Parts::Counts HandedCalls::Parts::count(Payer payer, bool are_waiting) const {
  Counts counts = {.own = 0, .others = 0};
  for (const auto& [number, handed] : all) {
    if (handed.is_waiting != are_waiting || handed.call->seen()) continue;
    ++(handed.helper->identity_.owner.payer == payer ? counts.own : counts.others);
  }
  return counts;
}

bool HandedCalls::Parts::may_wait(const Helper& helper) const {
  const auto [own, others] = count(helper.identity_.owner.payer, true);
  // who has few is not held up by those who have many
  constexpr std::size_t kFew = 4;
  return own < kFew || (own < kMaxWaiting && own + others < kMaxWaitingOfAll);
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
      if (!call.is_answered()) call.fail_anyway();
    } else if (said->is_waiting && handed.helper->has_left()) {
      call.restart();
    } else if (said->is_waiting) {
      call.answer_error(ENFILE);
    } else {
      call.fail();
    }
    drop(at);
    return;
  }
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
    if (is_due) look_for_interruptions();
    const int count =
        epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
    const Locked lock(*this);
    for (int index = 0; index < count; ++index)
      hear(events[static_cast<std::size_t>(index)].data.u64);
  }
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
  call->completion_->get().state.store(Completion::word(call->number_, Phase::acting));
  const int socket = helper.socket_.get();
  const bool is_waiting = ready.message.empty();
  std::vector<int> fds = {call->call_.listener};
  for (const UniqueFd& fd : ready.fds) fds.push_back(fd.get());
  // within the mutex: what the helper says is heard when it is among all
  const std::lock_guard lock(parts_.mutex);
  if (is_waiting && !parts_.may_wait(helper)) {
    call->answer_error(ENFILE);
    return;
  }
  const std::uint64_t number = parts_.watch(helper);
  if (number == 0 || (!is_waiting && !send_message(socket, ready.message, fds))) {
    call->fail();
    return;
  }
  if (is_waiting) HelperPool::of_process().count_out(helper);
  if (is_waiting || !ready.fds.empty()) {
    ready.fds.clear();
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
    const auto& [helper, call, taken, is_waiting] = here->second;
    // others have come by a new listener
    if (helper->identity_.owner.container == container && !has_users(call->call_.listener))
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
    bool is_busy = false;
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
