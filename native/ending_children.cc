// SPDX-License-Identifier: Apache-2.0
#include "ending_children.h"

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

namespace seccompagent {
namespace {

// How often is looked at those that have not ended.
constexpr std::chrono::milliseconds kLook(20);

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

}  // namespace

struct EndingChildren::Parts {
  mutable std::mutex mutex;
  std::condition_variable wake;
  std::vector<EndingChild> children;
  std::atomic<bool> is_started = false;

  [[nodiscard]] std::vector<EndingChild> take_ended();
  void run();
};

// With the mutex held.
std::vector<EndingChild> EndingChildren::Parts::take_ended() {
  const auto ended =
      std::ranges::partition(children, [](EndingChild& child) { return !has_ended(child); });
  std::vector<EndingChild> taken(std::make_move_iterator(ended.begin()),
                                 std::make_move_iterator(ended.end()));
  children.erase(ended.begin(), ended.end());
  return taken;
}

void EndingChildren::Parts::run() {
  std::unique_lock lock(mutex);
  for (;;) {
    wake.wait(lock, [this] { return !children.empty(); });
    {
      std::vector<EndingChild> ended = take_ended();
      lock.unlock();
      // what they used goes without the mutex: it may take its time
      ended.clear();
      lock.lock();
    }
    if (!children.empty()) wake.wait_for(lock, kLook);
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
  parts_.children.push_back(std::move(child));
  if (parts_.children.size() == 1) parts_.wake.notify_one();
}

bool EndingChildren::has_too_many_hanging(std::uint32_t token) const {
  const Nanoseconds before = now() - kSecond;
  std::size_t own = 0;
  std::size_t all = 0;
  const std::lock_guard lock(parts_.mutex);
  for (const EndingChild& child : parts_.children) {
    if (child.since > before) continue;
    ++all;
    if (child.token == token) ++own;
  }
  return own >= (all < kMostHangingOfAll ? kMostHanging : 1);
}

std::size_t EndingChildren::count() const {
  const std::lock_guard lock(parts_.mutex);
  return parts_.children.size();
}

}  // namespace seccompagent
