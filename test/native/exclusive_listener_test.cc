// SPDX-License-Identifier: Apache-2.0
// Tests when a worker waits at the listener of a lone thread, and that it never does for too long.
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "receiver_fixture.h"

namespace seccompagent::test {
namespace {

constexpr PoolShape kTwo = {.running = 2, .fewest = 2};
// Argument of a call; the answer is one more.
constexpr std::uint64_t kQuick = 5;
constexpr std::uint64_t kSlow = 7;
constexpr Nanoseconds kSlowTime = 300 * kMillisecond;

// Threads of one container that call, each in a way of its own.
class Container {
 public:
  explicit Container(Receiver& receiver) {
    std::atomic<int> fd = -1;
    std::atomic<bool> is_installed = false;
    first_ = std::thread([&, this] {
      const auto filter =
          VALUE(assemble_filter({{kArch, {static_cast<std::uint32_t>(SYS_getpriority)}}}));
      fd = static_cast<int>(
          install_filter(filter.data(), static_cast<unsigned short>(filter.size())).listener);
      is_installed.store(true);
      is_installed.notify_one();
      // threads inherit the filter of the one that starts them
      while (!is_over_.load()) {
        if (const auto work = take_work()) threads_.emplace_back(work);
        pause_for(kMillisecond / 10);
      }
      for (std::thread& thread : threads_) thread.join();
    });
    is_installed.wait(false);
    CHECK(fd >= 0);
    token_ = VALUE(receiver.add_listener(UniqueFd(fd), {.terms = terms()}));
  }
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;
  ~Container() { end(); }

  // Calls again and again.
  void loop() {
    start([this] {
      while (!is_over_.load()) {
        const long answer = ask(kQuick);
        if (has_agent_.load()) CHECK_EQUAL(answer, static_cast<long>(kQuick) + 1);
        calls_.fetch_add(1);
        if (const Nanoseconds pause = pause_.load(); pause > 0) pause_for(pause);
      }
    });
  }
  // How long one call of another thread takes.
  [[nodiscard]] Nanoseconds time_of(std::uint64_t what) {
    std::atomic<Nanoseconds> took = 0;
    start([what, &took] {
      const Nanoseconds begin = now();
      call(what);
      took.store(now() - begin);
    });
    wait_until([&] { return took.load() != 0; });
    return took.load();
  }
  void start(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
  }
  void end() {
    is_over_.store(true);
    if (first_.joinable()) first_.join();
  }
  void pause(Nanoseconds time) { pause_.store(time); }
  [[nodiscard]] std::uint64_t calls() const { return calls_.load(); }
  [[nodiscard]] std::uint32_t token() const { return token_; }

  // Nobody is there to answer the loop any more.
  void fail_from_now_on() { has_agent_.store(false); }

  static long ask(std::uint64_t what) {
    return raw_syscall(SYS_getpriority, 0, static_cast<long>(what));
  }
  static void call(std::uint64_t what) { CHECK_EQUAL(ask(what), static_cast<long>(what) + 1); }

 private:
  std::function<void()> take_work() {
    const std::lock_guard lock(mutex_);
    if (work_.empty()) return nullptr;
    auto work = std::move(work_.back());
    work_.pop_back();
    return work;
  }

  std::uint32_t token_ = 0;
  std::atomic<bool> is_over_ = false;
  std::atomic<bool> has_agent_ = true;
  std::atomic<Nanoseconds> pause_ = 0;
  std::atomic<std::uint64_t> calls_ = 0;
  std::mutex mutex_;
  std::vector<std::function<void()>> work_;
  // of the first one alone
  std::vector<std::thread> threads_;
  std::thread first_;
};

// Workers in threads of their own.
class Staff {
 public:
  Staff(const std::shared_ptr<Receiver>& receiver, std::size_t count) : tids_(count) {
    for (std::size_t index = 0; index < count; ++index)
      threads_.emplace_back([this, receiver, index] { work(receiver, index); });
    wait_until([&] { return started_.load() == count; });
  }
  Staff(const Staff&) = delete;
  Staff& operator=(const Staff&) = delete;
  ~Staff() { join(); }

  void join() {
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  [[nodiscard]] std::size_t ends() const { return ends_.load(); }
  // How many of them wait at a listener.
  [[nodiscard]] std::size_t waiting_in_recv() const {
    std::size_t count = 0;
    for (const auto& tid : tids_) {
      std::ifstream file("/proc/self/task/" + std::to_string(tid.load()) + "/wchan");
      std::string channel;
      file >> channel;
      // of kernels since 6.11, and of older ones
      if (channel == "recv_wait_event" || channel.starts_with("seccomp_notify")) ++count;
    }
    return count;
  }

 private:
  void work(const std::shared_ptr<Receiver>& receiver, std::size_t index) {
    Desk desk(receiver, static_cast<std::uint32_t>(index + 1));
    tids_[index].store(static_cast<pid_t>(syscall(SYS_gettid)));
    started_.fetch_add(1);
    for (EventKind kind = desk.receive(); kind != EventKind::stopped; kind = desk.receive()) {
      if (kind == EventKind::ended) {
        ends_.fetch_add(1);
        continue;
      }
      const std::uint64_t what = desk.inbox().registers[1];
      if (what == kSlow) pause_for(kSlowTime);
      desk.answer(static_cast<std::int64_t>(what) + 1);
    }
  }

  std::vector<std::atomic<pid_t>> tids_;
  std::atomic<std::size_t> started_ = 0;
  std::atomic<std::size_t> ends_ = 0;
  std::vector<std::thread> threads_;
};

// A container with a thread that is alone, so that a worker waits at its listener.
struct Exclusive {
  std::shared_ptr<Receiver> receiver;
  Container container;
  Staff staff;

  explicit Exclusive(PoolShape shape = kTwo, std::size_t workers = 2)
      : receiver(make_receiver(shape)), container(*receiver), staff(receiver, workers) {
    container.loop();
    wait_until([&] { return container.calls() > 1000; });
    // rare enough that somebody waits, often enough that it goes on
    container.pause(kMillisecond / 2);
    wait_until([&] { return staff.waiting_in_recv() == 1; });
  }
  ~Exclusive() {
    container.end();
    if (receiver) receiver->stop();
  }
  Exclusive(const Exclusive&) = delete;
  Exclusive& operator=(const Exclusive&) = delete;
};

void serves_a_lone_thread() {
  Exclusive exclusive;
  const std::uint64_t calls = exclusive.container.calls();
  wait_until([&] { return exclusive.container.calls() > calls + 100; });
  wait_until([&] { return exclusive.staff.waiting_in_recv() == 1; });
}

void waits_in_epoll_alone() {
  const auto receiver = make_receiver();
  Container container(*receiver);
  Staff staff(receiver, 1);
  container.loop();
  for (int look = 0; look < 200; ++look) {
    pause_for(kMillisecond);
    CHECK_EQUAL(staff.waiting_in_recv(), 0UL);
  }
  container.end();
  receiver->stop();
}

void ends_with_a_pause() {
  Exclusive exclusive;
  exclusive.container.pause(200 * kMillisecond);
  pause_for(50 * kMillisecond);
  CHECK_EQUAL(exclusive.staff.waiting_in_recv(), 0UL);
  exclusive.container.pause(0);
  wait_until([&] { return exclusive.staff.waiting_in_recv() == 1; });
}

void serves_others_meanwhile() {
  Exclusive exclusive;
  Container other(*exclusive.receiver);
  for (int round = 0; round < 100; ++round) CHECK(other.time_of(kQuick) < 50 * kMillisecond);
  wait_until([&] { return exclusive.staff.waiting_in_recv() == 1; });
}

// The worker that holds the listener has a call that takes long, and nobody knew that it would.
void gives_up_for_a_slow_call() {
  for (int round = 0; round < 3; ++round) {
    // a container whose calls were slow before has fewer workers
    Exclusive exclusive;
    exclusive.container.start([] { Container::call(kSlow); });
    pause_for(20 * kMillisecond);
    for (int call = 0; call < 5; ++call)
      CHECK(exclusive.container.time_of(kQuick) < 50 * kMillisecond);
    wait_until([&] { return exclusive.staff.waiting_in_recv() == 1; });
  }
}

// All others are busy: the one that waits at a listener serves everybody.
void is_called_back() {
  Exclusive exclusive;
  Container slow(*exclusive.receiver);
  Container other(*exclusive.receiver);
  // else nobody knows that it is quick
  for (int call = 0; call < 5; ++call) CHECK(other.time_of(kQuick) < 50 * kMillisecond);
  for (int round = 0; round < 3; ++round) {
    slow.start([] { Container::call(kSlow); });
    pause_for(20 * kMillisecond);
    for (int call = 0; call < 5; ++call) CHECK(other.time_of(kQuick) < 50 * kMillisecond);
    wait_until([&] { return exclusive.staff.waiting_in_recv() == 1; });
  }
}

void hears_of_the_end() {
  for (int round = 0; round < 20; ++round) {
    Exclusive exclusive;
    exclusive.container.end();
    wait_until([&] { return exclusive.staff.ends() == 2; });
    CHECK_EQUAL(exclusive.staff.waiting_in_recv(), 0UL);
    CHECK_EQUAL(exclusive.receiver->listener_count(), 0UL);
    const ReceiverEvent event = event_of(*exclusive.receiver, ReceiverEvent::Kind::ended);
    CHECK_EQUAL(event.token, exclusive.container.token());
  }
}

void stops_at_once() {
  for (int round = 0; round < 50; ++round) {
    const auto receiver = make_receiver(kTwo);
    Container container(*receiver);
    Staff staff(receiver, 2);
    container.loop();
    wait_until([&] { return container.calls() > 1000; });
    // right between two calls, or in one
    container.pause(round % 2 == 0 ? 0 : 20 * kMicrosecond);
    pause_for(kMillisecond);
    // what comes after the stop fails, and is no mistake
    container.end();
    const Nanoseconds start = now();
    receiver->stop();
    staff.join();
    CHECK(now() - start < 100 * kMillisecond);
  }
}

void stops_while_it_waits() {
  for (int round = 0; round < 20; ++round) {
    Exclusive exclusive;
    exclusive.container.fail_from_now_on();
    const Nanoseconds start = now();
    exclusive.receiver->stop();
    exclusive.staff.join();
    CHECK(now() - start < 100 * kMillisecond);
    // closes the listener: the caller gets ENOSYS
    exclusive.receiver.reset();
  }
}

constexpr Case kCases[] = {
    {"exclusive listener: a worker waits at the listener of a lone thread", serves_a_lone_thread},
    {"exclusive listener: nobody does while there is no other worker", waits_in_epoll_alone},
    {"exclusive listener: it ends when the thread makes a pause", ends_with_a_pause},
    {"exclusive listener: others are served", serves_others_meanwhile},
    {"exclusive listener: a slow call ends it for the container's other threads",
     gives_up_for_a_slow_call},
    {"exclusive listener: the worker is called back when all others are busy", is_called_back},
    {"K6: exclusive listener: the listener's end ends it", hears_of_the_end},
    {"G11: exclusive listener: a worker stops between its calls", stops_at_once},
    {"G11: exclusive listener: a worker stops while it waits", stops_while_it_waits}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
