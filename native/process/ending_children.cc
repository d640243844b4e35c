// SPDX-License-Identifier: Apache-2.0
#include "process/ending_children.h"

#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <iterator>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "kernel/scheduling.h"

namespace seccompagent {
namespace {

// Interval of looks at those that have not ended.
constexpr std::chrono::milliseconds kLook(20);
constexpr Nanoseconds kSoon = 20 * kMillisecond;
// A child that is asleep at each look in the second half of this hangs.
constexpr Nanoseconds kHangsAfter = kSecond;

[[nodiscard]] bool is_reaped_now(const ChildProcess& child) {
  siginfo_t info = {};
  const int waited = retry_eintr([&] {
    return waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED | WNOHANG | __WALL);
  });
  return waited == -1 || info.si_pid == child.pid;
}

// Whether anybody has the other end.
[[nodiscard]] bool is_held(const UniqueFd& lifeline) {
  if (!lifeline.is_open()) return false;
  pollfd end = {.fd = lifeline.get(), .events = 0, .revents = 0};
  return retry_eintr([&] { return poll(&end, 1, 0); }) == 0;
}

[[nodiscard]] bool has_ended(EndingChild& child) {
  child.is_reaped = child.is_reaped || is_reaped_now(child.process);
  return child.is_reaped && !is_held(child.lifeline);
}

// Whether it hangs, for one that has not ended.
void look_at(EndingChild& child, Nanoseconds time) {
  // what was to end at once, and does not, is to take no more time than others
  if (!child.is_reaped && time - child.since > kSoon) become_fair(child.process.pid);
  if (child.hangs || time - child.since < kHangsAfter / 2) return;
  if (!child.is_reaped && is_runnable(child.process.pid)) {
    child.since = time;
  } else {
    child.hangs = time - child.since >= kHangsAfter;
  }
}

}  // namespace

struct EndingChildren::Parts {
  struct Waiting {
    Payer payer;
    Begin begin;
  };
  struct Counts {
    std::size_t own = 0;
    std::size_t all = 0;
    std::size_t own_hanging = 0;
    std::size_t all_hanging = 0;
  };

  mutable std::mutex mutex;
  std::condition_variable wake;
  // Some have ended.
  std::condition_variable room;
  std::vector<EndingChild> children;
  // They have ended; what they used has not been freed.
  std::vector<EndingChild> ended;
  std::vector<Waiting> waiting;
  std::atomic<bool> is_started = false;

  [[nodiscard]] bool has_none() const {
    return children.empty() && ended.empty() && waiting.empty();
  }
  void sort_out_ended();
  void look_at_all();
  [[nodiscard]] Counts count_of(Payer payer) const;
  [[nodiscard]] bool has_too_many_hanging(Payer payer) const;
  [[nodiscard]] bool has_room(Payer payer);
  [[nodiscard]] bool is_awaited(Payer payer) const;
  void begin_waiting();
  void run();
};

// With the mutex held, as all below.
void EndingChildren::Parts::sort_out_ended() {
  const auto first =
      std::ranges::partition(children, [](EndingChild& child) { return !has_ended(child); });
  std::ranges::move(first, std::back_inserter(ended));
  children.erase(first.begin(), first.end());
}

EndingChildren::Parts::Counts EndingChildren::Parts::count_of(Payer payer) const {
  Counts counts;
  for (const EndingChild& child : children) {
    const bool is_own = child.payer == payer;
    ++counts.all;
    if (is_own) ++counts.own;
    if (child.hangs) ++counts.all_hanging;
    if (is_own && child.hangs) ++counts.own_hanging;
  }
  return counts;
}

void EndingChildren::Parts::look_at_all() {
  const Nanoseconds time = now();
  for (EndingChild& child : children) look_at(child, time);
}

bool EndingChildren::Parts::has_too_many_hanging(Payer payer) const {
  const Counts counts = count_of(payer);
  return counts.own_hanging >= (counts.all_hanging < kMaxHangingOfAll ? kMaxHanging : 1);
}

bool EndingChildren::Parts::has_room(Payer payer) {
  const auto is_full = [](const Counts& counts) {
    return counts.own >= (counts.all < kMaxAtOnceOfAll ? kMaxAtOnce : kMaxHanging);
  };
  if (!is_full(count_of(payer))) return true;
  sort_out_ended();
  return !is_full(count_of(payer));
}

// A payer that waits for a child gets nothing more that needs one.
bool EndingChildren::Parts::is_awaited(Payer payer) const {
  return std::ranges::find(waiting, payer, &Waiting::payer) != waiting.end();
}

void EndingChildren::Parts::begin_waiting() {
  std::erase_if(waiting, [this](const Waiting& one) {
    if (has_too_many_hanging(one.payer) || !has_room(one.payer)) return false;
    auto child = one.begin();
    if (child) children.push_back(std::move(*child));
    return child.has_value();
  });
}

void EndingChildren::Parts::run() {
  std::unique_lock lock(mutex);
  for (;;) {
    wake.wait(lock, [this] { return !has_none(); });
    sort_out_ended();
    look_at_all();
    begin_waiting();
    room.notify_all();
    {
      std::vector<EndingChild> unused = std::exchange(ended, {});
      lock.unlock();
      // without the mutex: it may take its time
      unused.clear();
      lock.lock();
    }
    if (!has_none()) wake.wait_for(lock, kLook);
  }
}

// Never freed: its thread runs as long as the process.
EndingChildren::EndingChildren() : parts_(*new Parts) {}

EndingChildren& EndingChildren::of_process() {
  static EndingChildren children;
  return children;
}

void EndingChildren::start() {
  if (parts_.is_started.exchange(true)) return;
  std::thread([parts = &parts_] { parts->run(); }).detach();
}

void EndingChildren::add(EndingChild child) {
  const std::lock_guard lock(parts_.mutex);
  if (parts_.has_none()) parts_.wake.notify_one();
  parts_.children.push_back(std::move(child));
}

void EndingChildren::begin(Payer payer, Begin begin) {
  if (may_begin(payer)) {
    if (auto child = begin()) {
      add(std::move(*child));
      return;
    }
  }
  const std::lock_guard lock(parts_.mutex);
  if (parts_.has_none()) parts_.wake.notify_one();
  parts_.waiting.push_back({payer, std::move(begin)});
}

bool EndingChildren::may_begin(Payer payer) {
  const std::lock_guard lock(parts_.mutex);
  return !parts_.is_awaited(payer) && !parts_.has_too_many_hanging(payer) && parts_.has_room(payer);
}

bool EndingChildren::has_too_many_hanging(Payer payer) const {
  const std::lock_guard lock(parts_.mutex);
  return parts_.has_too_many_hanging(payer);
}

bool EndingChildren::await_room(Payer payer, const Patience& patience) {
  const ChildWait wait(patience);
  TimeTaken taken;
  std::unique_lock lock(parts_.mutex);
  for (;;) {
    if (parts_.has_too_many_hanging(payer)) return false;
    if (!parts_.is_awaited(payer) && parts_.has_room(payer)) return true;
    if (taken.left(patience) == 0 || patience.is_given_up()) return false;
    parts_.room.wait_for(lock, kLook);
    taken.note(false);
  }
}

std::size_t EndingChildren::count() const {
  const std::lock_guard lock(parts_.mutex);
  return parts_.children.size() + parts_.ended.size() + parts_.waiting.size();
}

}  // namespace seccompagent
