// SPDX-License-Identifier: Apache-2.0
#include "acting/handed_calls.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include "acting/helper_pool.h"
#include "caller/caller_state.h"
#include "caller/proc_text.h"
#include "kernel/message.h"

namespace seccompagent {
namespace {

using Phase = CompletionPhase;

// How often calls are looked at: usually, and while one waits for another process, whose caller may
// get a signal.
constexpr int kLookMs = 1000;
constexpr int kWaitingLookMs = 50;
// What the kernel makes the call anew for, unless a handler of the signal says otherwise; see
// SA_RESTART in signal(7). It reaches callers that have no signal to handle, too.
constexpr int kRestart = 512;

// Unless it is the caller's own doing.
[[nodiscard]] bool is_callers_own(Errno error) {
  return error == Errno{ENOENT} || error == Errno{EACCES} || error == Errno{ENOTDIR} ||
         error == Errno{ELOOP};
}

}  // namespace

// --- a call --------------------------------------------------------------------------------------

std::optional<CallResult> HandedCall::seen() const {
  const Completion& completion = completion_->get();
  const std::uint32_t finished = Completion::word(number_, Phase::finished);
  if (completion.state.load(std::memory_order_acquire) != finished) return std::nullopt;
  const CallResult seen = {.error = completion.error.load(std::memory_order_relaxed),
                           .is_gone = completion.is_gone.load(std::memory_order_relaxed) != 0,
                           .time = completion.time.load(std::memory_order_relaxed)};
  std::atomic_thread_fence(std::memory_order_acquire);
  // else the helper has another call by now, and this one is settled
  if (completion.state.load(std::memory_order_relaxed) != finished) return std::nullopt;
  return seen;
}

std::optional<CallResult> HandedCall::result() const {
  if (is_settled_.load(std::memory_order_acquire)) return result_;
  if (const auto found = seen()) return found;
  if (is_settled_.load(std::memory_order_acquire)) return result_;
  return std::nullopt;
}

// With the mutex of all calls held.
void HandedCall::settle(const CallResult& result) {
  if (is_settled_.load(std::memory_order_relaxed)) return;
  result_ = result;
  is_settled_.store(true, std::memory_order_release);
}

// --- all of them ---------------------------------------------------------------------------------

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

  void run();
  void look();
  [[nodiscard]] bool is_over(Handed& handed);
  void hear(std::uint64_t number);
  void open_for(Handed& handed, const OwnLink& wanted);
  [[nodiscard]] bool may_wait(const Helper& helper) const;
  [[nodiscard]] bool answer(const Handed& handed, const Response& response,
                            const CallResult& result);
  [[nodiscard]] bool interrupt(const Handed& handed);
  void drop(All::iterator at);
  [[nodiscard]] int look_after_ms() const;
  [[nodiscard]] std::uint64_t watch(Helper& helper);
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
  epoll_ctl(parts_.epoll.get(), EPOLL_CTL_ADD, parts_.wake.get(), &event);
  std::thread([parts = &parts_] { parts->run(); }).detach();
}

// The agent's, where the helper has not begun to answer. False: the helper has, or will have.
bool HandedCalls::Parts::answer(const Handed& handed, const Response& response,
                                const CallResult& result) {
  const HandedCall& call = *handed.call;
  std::uint32_t acting = Completion::word(call.number_, Phase::acting);
  const std::uint32_t withdrawn = Completion::word(call.number_, Phase::withdrawn);
  if (!call.completion_->get().state.compare_exchange_strong(acting, withdrawn)) return false;
  const auto sizes = notify_sizes();
  if (!sizes) return false;
  // ENOENT: the caller is gone
  const auto sent = NotifyBuffers(*sizes).respond(call.call_.listener, call.call_.id, response);
  CallResult settled = result;
  settled.is_gone = !sent;
  settled.time = now();
  handed.call->settle(settled);
  return true;
}

// With the mutex held: its end takes that of the pool alone.
void HandedCalls::Parts::drop(All::iterator at) {
  const HandedCall& call = *at->second.call;
  const bool is_answered =
      call.completion_->get().state.load() == Completion::word(call.number_, Phase::answering);
  at->second.call->settle(call.seen().value_or(CallResult{.is_gone = !is_answered, .time = now()}));
  all.erase(at);
}

// A signal for the caller has ended its wait. Where it is that thread's to take, the kernel makes
// its call anew or does not, as it does with its own: a signal of a process is its first thread's,
// unless that one blocks it.
bool HandedCalls::Parts::interrupt(const Handed& handed) {
  CallerState caller(handed.call->call_.tid);
  if (!caller.has_pending_signal()) return false;
  const auto status = caller.read_status();
  if (!status) return false;
  const std::uint64_t blocked = mask_of(*status, "\nSigBlk:");
  const bool is_first = count_of(*status, "\nTgid:") == count_of(*status, "\nPid:");
  const bool is_its = is_first || (mask_of(*status, "\nSigPnd:") & ~blocked) != 0;
  return answer(handed, {.value = 0, .error = is_its ? -kRestart : -EINTR, .is_continue = false},
                {.error = EINTR});
}

// Whether the helper has to end.
bool HandedCalls::Parts::is_over(Handed& handed) {
  const HandedCall& call = *handed.call;
  if (!id_valid(call.call_.listener, call.call_.id_valid_request, call.call_.id))
    return !call.seen().has_value();
  if (handed.is_waiting) return interrupt(handed);
  const HelperWork work = work_of(handed.helper->process_.child.pid);
  handed.taken.note(work.is_working.value_or(false), kLookMs * kMillisecond, work.computed);
  constexpr Patience kMost = {.max = kPatience};
  return handed.taken.left(kMost) == 0 &&
         answer(handed, {.value = 0, .error = -ETIMEDOUT, .is_continue = false},
                {.error = ETIMEDOUT});
}

// Of all calls; with the mutex held.
void HandedCalls::Parts::look() {
  for (auto at = all.begin(); at != all.end();) {
    const auto here = at++;
    Handed& handed = here->second;
    if (const auto result = handed.call->seen()) {
      handed.call->settle(*result);
      // it was counted out while it waited
      if (handed.is_waiting) {
        drop(here);
        continue;
      }
      HelperPool::of_process().put_back(std::move(handed.helper));
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

bool HandedCalls::Parts::may_wait(const Helper& helper) const {
  const Payer payer = helper.identity_.owner.payer;
  std::size_t own = 0;
  std::size_t others = 0;
  for (const auto& [number, other] : all) {
    if (!other.is_waiting || other.call->seen()) continue;
    ++(other.helper->identity_.owner.payer == payer ? own : others);
  }
  return own < kMaxWaiting && own + others < kMaxWaitingOfAll;
}

// What the helper may not: a link of the caller's own entry in procfs.
void HandedCalls::Parts::open_for(Handed& handed, const OwnLink& wanted) {
  const int socket = handed.helper->socket_.get();
  auto file = open_own(handed.call->call_.tid, wanted.name.c_str(), wanted.is_of_thread);
  const OwnFile told = {.link = wanted, .error = file ? 0 : file.error().number};
  const std::array fds = {file ? file->get() : -1};
  const bool is_known = file || is_callers_own(file.error());
  const auto sent = is_known
                        ? send_message(socket, encode(told), std::span(fds).first(file ? 1 : 0))
                        : std::unexpected(file.error());
  // before the helper goes on: the caller may close what it leads to
  file = UniqueFd();
  const std::byte begin = {};
  if (sent && send_message(socket, std::span(&begin, 1), {})) return;
  (void)answer(handed, handed.call->failure_, {.has_failed = true});
}

// What a helper says of its call, or that it has ended. With the mutex held.
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
      open_for(handed, *wanted);
      continue;
    }
    if (said && said->is_waiting && may_wait(*handed.helper)) {
      handed.is_waiting = true;
      HelperPool::of_process().count_out(*handed.helper);
      continue;
    }
    const bool is_too_many = said && said->is_waiting;
    const Response response = is_too_many
                                  ? Response{.value = 0, .error = -ENFILE, .is_continue = false}
                                  : handed.call->failure_;
    // false: it has answered before it ended
    (void)answer(handed, response,
                 is_too_many ? CallResult{.error = ENFILE} : CallResult{.has_failed = true});
    drop(at);
    return;
  }
}

// The helper's number. It stays watched until it is asked something else.
std::uint64_t HandedCalls::Parts::watch(Helper& helper) {
  if (helper.watched_as_ != 0) return helper.watched_as_;
  helper.watched_as_ = ++last_number;
  epoll_event event = {.events = EPOLLIN | EPOLLET, .data = {.u64 = helper.watched_as_}};
  epoll_ctl(epoll.get(), EPOLL_CTL_ADD, helper.socket_.get(), &event);
  return helper.watched_as_;
}

void HandedCalls::Parts::run() {
  std::array<epoll_event, 16> events;
  for (;;) {
    int timeout_ms = -1;
    {
      const std::lock_guard lock(mutex);
      timeout_ms = look_after_ms();
      is_asleep = timeout_ms == -1;
    }
    const int count =
        epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
    const std::lock_guard lock(mutex);
    for (int index = 0; index < count; ++index)
      hear(events[static_cast<std::size_t>(index)].data.u64);
    if (count <= 0) look();
  }
}

std::unique_ptr<Helper> HandedCalls::take(const HelperIdentity& identity) {
  const std::lock_guard lock(parts_.mutex);
  for (auto at = parts_.all.begin(); at != parts_.all.end(); ++at) {
    Parts::Handed& handed = at->second;
    if (handed.is_waiting || handed.helper->identity_ != identity) continue;
    const auto result = handed.call->seen();
    if (!result) continue;
    handed.call->settle(*result);
    auto helper = std::move(handed.helper);
    parts_.all.erase(at);
    return helper;
  }
  return nullptr;
}

Result<void> HandedCalls::hand_over(std::unique_ptr<Helper> helper,
                                    const std::shared_ptr<HandedCall>& call,
                                    std::span<const std::byte> message, std::vector<UniqueFd> fds) {
  constexpr std::uint32_t kLastNumber = ~0U >> 2U;
  helper->call_number_ = (helper->call_number_ + 1) & kLastNumber;
  call->number_ = helper->call_number_;
  call->completion_ = helper->completion_;
  call->completion_->get().state.store(Completion::word(call->number_, Phase::acting));
  const int socket = helper->socket_.get();
  const bool is_waiting = message.empty();
  std::vector<int> sent_fds = {call->call_.listener};
  for (const UniqueFd& fd : fds) sent_fds.push_back(fd.get());
  // within the mutex: what the helper says is heard when it is among all, and it is not ended
  // before
  const std::lock_guard lock(parts_.mutex);
  if (is_waiting && !parts_.may_wait(*helper)) return fail(ENFILE);
  if (is_waiting) HelperPool::of_process().count_out(*helper);
  const auto sent = is_waiting ? Result<void>() : send_message(socket, message, sent_fds);
  if (!sent) return sent;
  if (is_waiting || !fds.empty()) {
    fds.clear();
    const std::byte begin = {};
    // where it has ended, the thread hears of it
    (void)send_message(socket, std::span(&begin, 1), {});
  }
  const std::uint64_t number = parts_.watch(*helper);
  parts_.all.emplace(
      number, Parts::Handed{.helper = std::move(helper), .call = call, .is_waiting = is_waiting});
  if (std::exchange(parts_.is_asleep, false)) {
    const std::uint64_t one = 1;
    (void)!write(parts_.wake.get(), &one, sizeof one);
  }
  return {};
}

void HandedCalls::unwatch(Helper& helper) {
  if (std::exchange(helper.watched_as_, 0) == 0) return;
  const std::lock_guard lock(parts_.mutex);
  epoll_ctl(parts_.epoll.get(), EPOLL_CTL_DEL, helper.socket_.get(), nullptr);
}

void HandedCalls::collect() {
  const std::lock_guard lock(parts_.mutex);
  parts_.look();
}

void HandedCalls::end_of(std::uint32_t container) {
  const std::lock_guard lock(parts_.mutex);
  for (auto at = parts_.all.begin(); at != parts_.all.end();) {
    const auto here = at++;
    if (here->second.helper->identity_.owner.container == container) parts_.drop(here);
  }
}

void HandedCalls::answer_all() {
  constexpr Nanoseconds kLeft = kSecond;
  constexpr Nanoseconds kStep = 5 * kMillisecond;
  const Nanoseconds until = now() + kLeft;
  for (;; pause_for(kStep)) {
    const std::lock_guard lock(parts_.mutex);
    const bool is_late = now() >= until;
    bool is_busy = false;
    for (auto at = parts_.all.begin(); at != parts_.all.end();) {
      const auto here = at++;
      const Parts::Handed& handed = here->second;
      if (handed.call->seen()) continue;
      const int error = handed.is_waiting ? EINTR : ETIMEDOUT;
      const bool is_due = handed.is_waiting || is_late;
      if (is_due && parts_.answer(handed, {.value = 0, .error = -error, .is_continue = false},
                                  {.error = error})) {
        parts_.drop(here);
      } else {
        is_busy = true;
      }
    }
    if (!is_busy || is_late) return;
  }
}

}  // namespace seccompagent
