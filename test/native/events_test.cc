// SPDX-License-Identifier: Apache-2.0
// Tests the events for the main thread: their order, and what wakes it.
#include "receiver/events.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <vector>

#include "check.h"

namespace seccompagent::test {
namespace {

using Kind = ReceiverEvent::Kind;

bool is_readable(const UniqueFd& fd) {
  pollfd polled = {.fd = fd.get(), .events = POLLIN, .revents = 0};
  return poll(&polled, 1, 0) == 1;
}

void drain(const UniqueFd& fd) {
  std::array<char, 64> bytes;
  while (read(fd.get(), bytes.data(), bytes.size()) > 0) continue;
}

void keeps_the_order() {
  EventQueue events;
  VALUE(events.open());
  CHECK(!events.next());
  for (std::uint32_t token = 1; token <= 3; ++token)
    events.tell({.kind = Kind::exited, .token = token});
  for (std::uint32_t token = 1; token <= 3; ++token) {
    const auto event = events.next();
    CHECK(event.has_value());
    CHECK_EQUAL(event->token, token);
  }
  CHECK(!events.next());
}

void wakes_once_for_all_that_wait() {
  EventQueue events;
  VALUE(events.open());
  const UniqueFd wake = events.take_wake_fd();
  CHECK(!is_readable(wake));
  for (std::uint32_t token = 1; token <= 3; ++token)
    events.tell({.kind = Kind::ended, .token = token});
  CHECK(is_readable(wake));
  std::array<char, 64> bytes;
  CHECK_EQUAL(read(wake.get(), bytes.data(), bytes.size()), 1L);
  // it has been woken for these, too
  events.tell({.kind = Kind::ended, .token = 4});
  CHECK(!is_readable(wake));
  while (events.next()) continue;
  events.tell({.kind = Kind::ended, .token = 5});
  CHECK(is_readable(wake));
}

void tells_of_a_crowd_once() {
  EventQueue events;
  VALUE(events.open());
  events.tell_crowded();
  events.tell_crowded();
  CHECK_EQUAL(events.next()->kind, Kind::crowded);
  events.tell_crowded();
  CHECK(!events.next());
  events.forget_crowded();
  events.tell_crowded();
  CHECK_EQUAL(events.next()->kind, Kind::crowded);
}

void loses_nothing_that_many_threads_tell() {
  constexpr std::uint32_t kThreads = 4;
  constexpr std::uint32_t kEvents = 2000;
  EventQueue events;
  VALUE(events.open());
  const UniqueFd wake = events.take_wake_fd();
  std::vector<std::jthread> threads;
  for (std::uint32_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&events, thread] {
      for (std::uint32_t number = 1; number <= kEvents; ++number)
        events.tell({.kind = Kind::exited, .token = number, .worker = thread});
    });
  }
  std::array<std::uint32_t, kThreads> last = {};
  for (std::uint32_t taken = 0; taken < kThreads * kEvents;) {
    // as the main thread does: only a byte makes it look
    pollfd polled = {.fd = wake.get(), .events = POLLIN, .revents = 0};
    CHECK_EQUAL(poll(&polled, 1, 10'000), 1);
    drain(wake);
    while (const auto event = events.next()) {
      CHECK_EQUAL(event->token, ++last[event->worker]);
      ++taken;
    }
  }
}

constexpr Case kCases[] = {
    {"EventQueue: events are taken in the order in which they were told", keeps_the_order},
    {"EventQueue: one byte wakes for all events that wait", wakes_once_for_all_that_wait},
    {"EventQueue: a crowd is told once until it is forgotten", tells_of_a_crowd_once},
    {"EventQueue: no event of several threads is lost", loses_nothing_that_many_threads_tell}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
