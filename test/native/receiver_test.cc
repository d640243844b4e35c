// SPDX-License-Identifier: Apache-2.0
// Tests what a receiver and its workers do, with callers of the test's own where it needs some.
#include "receiver/receiver.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "check.h"
#include "receiver/worker.h"
#include "receiver_fixture.h"

namespace seccompagent::test {
namespace {

void refuses_a_table_of_another_size() {
  CHECK_EQUAL(ERROR(Receiver::make({}, kOne)), Errno{EINVAL});
  ReadTable longer = whole_table();
  longer.push_back(ReadKind::nothing);
  CHECK_EQUAL(ERROR(Receiver::make(longer, kOne)), Errno{EINVAL});
}

void refuses_what_is_no_listener() {
  const auto receiver = make_receiver();
  const auto add_fd = [&](UniqueFd fd, ReadSet set) {
    return ERROR(receiver->add_listener(
        std::move(fd), {.terms = {.registry = "", .reads = std::move(set), .failure = kRefused}}));
  };
  CHECK_EQUAL(add_fd(UniqueFd(eventfd(0, EFD_CLOEXEC)), whole_set()), Errno{ENOTTY});
  CHECK_EQUAL(add_fd(UniqueFd(), whole_set()), Errno{ENOTTY});
  CHECK_EQUAL(add_fd(UniqueFd(eventfd(0, EFD_CLOEXEC)), {}), Errno{EINVAL});
  CHECK_EQUAL(receiver->listener_count(), 0UL);
}

void refuses_a_listener_twice() {
  const auto receiver = make_receiver();
  Desk desk(receiver);
  Callers callers(1);
  UniqueFd listener = callers.take_listener();
  UniqueFd copy(fcntl(listener.get(), F_DUPFD_CLOEXEC, 0));
  VALUE(receiver->add_listener(std::move(listener), {.terms = terms()}));
  CHECK_EQUAL(ERROR(receiver->add_listener(std::move(copy), {.terms = terms()})), Errno{EEXIST});
  CHECK_EQUAL(receiver->listener_count(), 1UL);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  CHECK_EQUAL(VALUE(desk.worker().terms(desk.inbox().token))->registry, "registry");
  desk.answer(5);
  CHECK_EQUAL(desk.receive(), EventKind::ended);
  CHECK_EQUAL(callers.result(0), 5L);
}

// Threads that receive until they are told to stop.
class Sleepers {
 public:
  Sleepers(const std::shared_ptr<Receiver>& receiver, std::size_t count) {
    for (std::size_t index = 0; index < count; ++index) {
      threads_.emplace_back([this, receiver] {
        Desk desk(receiver);
        started_.fetch_add(1);
        if (desk.receive() == EventKind::stopped) stopped_.fetch_add(1);
        // those that end are one too many only as long as they are there
        wait_until([&] { return may_leave_.load(); });
      });
    }
    wait_until([&] { return started_.load() == count; });
  }
  Sleepers(const Sleepers&) = delete;
  Sleepers& operator=(const Sleepers&) = delete;
  ~Sleepers() { join(); }

  [[nodiscard]] std::size_t stopped() const { return stopped_.load(); }
  void join() {
    may_leave_.store(true);
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

 private:
  std::atomic<std::size_t> started_ = 0;
  std::atomic<std::size_t> stopped_ = 0;
  std::atomic<bool> may_leave_ = false;
  std::vector<std::thread> threads_;
};

void stops_waiting_workers() {
  const auto receiver = make_receiver({.running = 4, .fewest = 4});
  Sleepers sleepers(receiver, 4);
  receiver->stop();
  sleepers.join();
  CHECK_EQUAL(sleepers.stopped(), 4UL);
  CHECK_EQUAL(figure(*receiver, kWorkers), 0UL);
}

void stays_stopped() {
  const auto receiver = make_receiver();
  receiver->stop();
  receiver->stop();
  Desk desk(receiver);
  CHECK_EQUAL(desk.receive(), EventKind::stopped);
  CHECK_EQUAL(desk.receive(), EventKind::stopped);
}

// The number that the next descriptor of this process gets.
int next_fd() {
  const UniqueFd next(open("/dev/null", O_RDONLY | O_CLOEXEC));
  return next.get();
}

void leaves_nothing_behind() {
  const int before = next_fd();
  for (int round = 0; round < 100; ++round) {
    const auto receiver = make_receiver();
    const Desk desk(receiver);
    if (round % 2 == 0) receiver->stop();
  }
  CHECK_EQUAL(next_fd(), before);
}

void has_no_call_at_first() {
  const auto receiver = make_receiver();
  Desk desk(receiver);
  CHECK_EQUAL(ERROR(desk.worker().current()), Errno{ENOENT});
  CHECK_EQUAL(ERROR(desk.worker().terms(1)), Errno{ENOENT});
  CHECK(!desk.worker().await_restart());
  desk.worker().wake_another();
}

void has_only_so_many_places() {
  const auto receiver = make_receiver();
  std::vector<std::unique_ptr<Desk>> desks;
  for (std::size_t index = 0; index < Receiver::kMaxWorkers; ++index)
    desks.push_back(std::make_unique<Desk>(receiver));
  CHECK_EQUAL(figure(*receiver, kWorkers), Receiver::kMaxWorkers);
  alignas(8) std::array<std::byte, kInboxSize> inbox = {};
  const auto counters = std::make_unique<std::array<CallCounters, kCounterSlots>>();
  CHECK_EQUAL(ERROR(Worker::attach(receiver, inbox.data(), *counters, 65)), Errno{ENOSPC});
  // one that leaves makes room
  desks[17].reset();
  desks[17] = std::make_unique<Desk>(receiver);
  CHECK_EQUAL(ERROR(Worker::attach(receiver, inbox.data(), *counters, 65)), Errno{ENOSPC});
  // and the last place works as well as the first
  receiver->stop();
  for (const auto& desk : desks) CHECK_EQUAL(desk->receive(), EventKind::stopped);
}

void retires_idle_workers() {
  const auto receiver = make_receiver({.running = 1, .fewest = 1});
  Sleepers sleepers(receiver, 3);
  const Nanoseconds start = now();
  wait_until([&] { return sleepers.stopped() == 2; });
  CHECK(now() - start >= 1500 * kMillisecond);
  pause_for(100 * kMillisecond);
  CHECK_EQUAL(sleepers.stopped(), 2UL);
  receiver->stop();
  wait_until([&] { return sleepers.stopped() == 3; });
}

// Beside one that is busy, both that wait are too many, and neither is left as the reader.
void retires_workers_for_good() {
  const auto receiver = make_receiver({.running = 1, .fewest = 1});
  const Desk busy(receiver);
  Sleepers sleepers(receiver, 2);
  wait_until([&] { return sleepers.stopped() == 2; });
  CHECK_EQUAL(figure(*receiver, kWorkers), 1UL);
}

void keeps_the_fewest() {
  const auto receiver = make_receiver({.running = 2, .fewest = 2});
  const Sleepers sleepers(receiver, 4);
  wait_until([&] { return sleepers.stopped() >= 2; });
  pause_for(200 * kMillisecond);
  CHECK_EQUAL(sleepers.stopped(), 2UL);
  receiver->stop();
}

void answers_a_caller() {
  const auto receiver = make_receiver();
  Desk desk(receiver);
  Callers callers(1);
  const std::uint32_t token = add(*receiver, callers);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  CHECK_EQUAL(desk.inbox().token, token);
  CHECK_EQUAL(desk.inbox().tid, static_cast<std::uint32_t>(callers.pid(0)));
  CHECK_EQUAL(desk.inbox().number, static_cast<std::uint32_t>(SYS_getpriority));
  CHECK_EQUAL(desk.inbox().audit_arch, kArch);
  CHECK_EQUAL(VALUE(desk.worker().terms(token))->registry, "registry");
  CHECK_EQUAL(VALUE(desk.worker().current()).tid, callers.pid(0));
  CHECK_EQUAL(figure(*receiver, kBusy), 1UL);
  CHECK_EQUAL(figure(*receiver, kReceived), 1UL);
  CHECK_EQUAL(figure(*receiver, kListeners), 1UL);
  desk.answer(33);
  // the next thing that happens is the caller's end
  CHECK_EQUAL(desk.receive(), EventKind::ended);
  CHECK_EQUAL(desk.inbox().token, token);
  CHECK_EQUAL(callers.result(0), 33L);
  CHECK_EQUAL(desk.inbox().was_gone, 0U);
  CHECK_EQUAL(desk.inbox().answer.kind, AnswerKind::none);
  CHECK_EQUAL(desk.counters().ends[static_cast<std::size_t>(Counted::value)], 1UL);
  CHECK_EQUAL(receiver->listener_count(), 0UL);
  CHECK_EQUAL(event_of(*receiver, ReceiverEvent::Kind::ended).token, token);
}

void keeps_the_terms_of_a_call() {
  const auto receiver = make_receiver();
  Desk desk(receiver);
  Callers callers(2);
  const std::uint32_t token = add(*receiver, callers);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  const std::uint32_t before = desk.inbox().terms;
  Terms changed = terms();
  changed.registry = "another";
  CHECK(receiver->replace_terms(token, std::move(changed)).has_value());
  // the call that was begun, and then the next one
  CHECK_EQUAL(VALUE(desk.worker().terms(token))->registry, "registry");
  desk.answer(1);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  CHECK(desk.inbox().terms != before);
  CHECK_EQUAL(VALUE(desk.worker().terms(token))->registry, "another");
  desk.answer(1);
  CHECK_EQUAL(desk.receive(), EventKind::ended);
}

void refuses_terms_that_fit_nobody() {
  const auto receiver = make_receiver();
  Callers callers(1);
  CHECK_EQUAL(ERROR(receiver->replace_terms(1, terms())), Errno{ENOENT});
  const std::uint32_t token = add(*receiver, callers);
  CHECK_EQUAL(ERROR(receiver->replace_terms(token, {.registry = {}, .reads = {}, .failure = {}})),
              Errno{EINVAL});
  Desk desk(receiver);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  CHECK_EQUAL(VALUE(desk.worker().terms(token))->registry, "registry");
  desk.answer(1);
  CHECK_EQUAL(desk.receive(), EventKind::ended);
}

void tells_each_worker_of_an_end() {
  const auto receiver = make_receiver({.running = 4, .fewest = 4});
  Desk first(receiver);
  Desk second(receiver);
  Desk third(receiver);
  Callers callers(1);
  const std::uint32_t token = add(*receiver, callers);
  CHECK_EQUAL(first.receive(), EventKind::notification);
  first.answer(0);
  CHECK_EQUAL(first.receive(), EventKind::ended);
  for (Desk* desk : {&second, &third}) {
    CHECK_EQUAL(desk->receive(), EventKind::ended);
    CHECK_EQUAL(desk->inbox().token, token);
  }
  receiver->stop();
  CHECK_EQUAL(second.receive(), EventKind::stopped);
}

void names_containers() {
  const auto receiver = make_receiver({.running = 4, .fewest = 4});
  std::vector<std::uint32_t> names;
  // one that nobody has named is a container of its own
  for (const std::uint32_t container : {7U, 7U, 8U, 0U, 0U}) {
    Desk desk(receiver);
    Callers callers(1);
    (void)add(*receiver, callers, 0, container);
    CHECK_EQUAL(desk.receive(), EventKind::notification);
    names.push_back(desk.worker().owner().container);
    CHECK_EQUAL(desk.worker().owner().payer, names.back());
    desk.answer(0);
    CHECK_EQUAL(desk.receive(), EventKind::ended);
  }
  CHECK_EQUAL(names[0], 7U);
  CHECK_EQUAL(names[1], 7U);
  CHECK_EQUAL(names[2], 8U);
  CHECK(names[3] > 8 && names[4] > 8 && names[3] != names[4]);
}

// He may have as many as he likes.
void has_all_of_a_user_pay_together() {
  const auto receiver = make_receiver({.running = 4, .fewest = 4});
  std::vector<Payer> payers;
  for (const auto& [container, user] : {std::pair(1U, 1000U), {2, 1000}, {0, 1000}, {3, 1001}}) {
    Desk desk(receiver);
    Callers callers(1);
    (void)add(*receiver, callers, 0, container, user);
    CHECK_EQUAL(desk.receive(), EventKind::notification);
    payers.push_back(desk.worker().owner().payer);
    desk.answer(0);
    CHECK_EQUAL(desk.receive(), EventKind::ended);
  }
  CHECK_EQUAL(payers[0], payers[1]);
  CHECK_EQUAL(payers[0], payers[2]);
  CHECK(payers[0] != payers[3]);
}

void tells_others_of_a_shortage() {
  const auto receiver = make_receiver({.running = 4, .fewest = 4});
  Desk first(receiver);
  Callers callers(1);
  (void)add(*receiver, callers);
  CHECK_EQUAL(first.receive(), EventKind::notification);
  std::atomic<int> told = 0;
  std::vector<std::thread> others;
  for (int other = 0; other < 3; ++other) {
    others.emplace_back([&] {
      Desk desk(receiver);
      for (;;) {
        const EventKind kind = desk.receive();
        if (kind == EventKind::stopped) return;
        if (kind == EventKind::shortage) ++told;
      }
    });
  }
  wait_until([&] { return figure(*receiver, kWorkers) == 4; });
  first.worker().tell_shortage();
  // also the one that waits for calls
  wait_until([&] { return told.load() == 3; });
  first.answer(0);
  CHECK_EQUAL(first.receive(), EventKind::ended);
  receiver->stop();
  for (std::thread& other : others) other.join();
  CHECK_EQUAL(first.receive(), EventKind::stopped);
}

// Of what ends while it comes to wait, too: it would else keep a listener open until the next call.
void tells_those_who_come_to_wait_of_an_end() {
  constexpr std::size_t kThere = 2;
  constexpr std::size_t kAtOnce = 2;
  constexpr std::size_t kRounds = 500;
  const auto receiver = make_receiver({.running = kThere, .fewest = kThere});
  std::atomic<std::size_t> told = 0;
  std::vector<std::thread> workers;
  for (std::size_t index = 0; index < kThere; ++index) {
    workers.emplace_back([&] {
      Desk desk(receiver);
      for (EventKind kind = desk.receive(); kind != EventKind::stopped; kind = desk.receive()) {
        if (kind == EventKind::notification) desk.answer(0);
        if (kind == EventKind::ended) told.fetch_add(1);
      }
    });
  }
  // who is not there yet when a listener ends is not told of it
  wait_until([&] { return figure(*receiver, kWorkers) == kThere; });
  for (std::size_t round = 1; round <= kRounds; ++round) {
    std::array<Callers, kAtOnce> callers = {Callers(1), Callers(1)};
    for (Callers& caller : callers) add(*receiver, caller);
    for (Callers& caller : callers) caller.join();
    wait_until([&] { return told.load() == round * kAtOnce * kThere; });
  }
  receiver->stop();
  for (std::thread& worker : workers) worker.join();
}

void fails_what_a_worker_leaves() {
  const auto receiver = make_receiver();
  Desk desk(receiver);
  Callers callers(1);
  add(*receiver, callers);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  desk.leave();
  CHECK_EQUAL(callers.result(0), -static_cast<long>(EPERM));
  CHECK_EQUAL(desk.counters().ends[static_cast<std::size_t>(Counted::failed)], 1UL);
}

void answers_what_a_worker_leaves() {
  const auto receiver = make_receiver();
  Desk desk(receiver);
  Callers callers(1);
  add(*receiver, callers);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  desk.answer(7);
  desk.leave();
  CHECK_EQUAL(callers.result(0), 7L);
}

void queues_only_so_many() {
  constexpr std::size_t kMore = 50;
  const auto receiver = make_receiver();
  Desk desk(receiver);
  // one is the worker's
  Callers callers(1 + Receiver::kMaxQueued + kMore);
  add(*receiver, callers);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  wait_until([&] { return figure(*receiver, kQueueRefused) == kMore; });
  CHECK_EQUAL(figure(*receiver, kQueued), Receiver::kMaxQueued);
  // counted once a batch is through
  wait_until([&] { return figure(*receiver, kReadByFallback) == Receiver::kMaxQueued + kMore; });
  wait_until([&] { return callers.count_of(-EPERM) == kMore; });
  CHECK_EQUAL(event_of(*receiver, ReceiverEvent::Kind::crowded).token, 0U);
  for (std::size_t index = 0; index < Receiver::kMaxQueued; ++index) {
    desk.answer(5);
    CHECK_EQUAL(desk.receive(), EventKind::notification);
  }
  CHECK_EQUAL(figure(*receiver, kQueued), 0UL);
  desk.answer(5);
  CHECK_EQUAL(desk.receive(), EventKind::ended);
  CHECK_EQUAL(callers.count_of(5), 1 + Receiver::kMaxQueued);
}

void queues_only_so_many_of_a_container() {
  constexpr std::uint32_t kContainer = 7;
  constexpr std::size_t kEach = 600;
  constexpr std::size_t kMore = 2 * kEach - 1 - Receiver::kMaxQueued;
  const auto receiver = make_receiver();
  Desk desk(receiver);
  Callers started(kEach);
  Callers executed(kEach);
  add(*receiver, started, 0, kContainer);
  add(*receiver, executed, 0, kContainer);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  wait_until([&] { return started.count_of(-EPERM) + executed.count_of(-EPERM) == kMore; });
  CHECK_EQUAL(figure(*receiver, kQueued), Receiver::kMaxQueued);
  receiver->stop();
  do desk.answer(5);
  while (desk.receive() != EventKind::stopped);
  wait_until(
      [&] { return started.count_of(5) + executed.count_of(5) == 1 + Receiver::kMaxQueued; });
}

void answers_the_queued_before_it_stops() {
  const auto receiver = make_receiver();
  Desk desk(receiver);
  Callers callers(4);
  add(*receiver, callers);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  wait_until([&] { return figure(*receiver, kQueued) == 3; });
  receiver->stop();
  for (int round = 0; round < 3; ++round) {
    desk.answer(5);
    CHECK_EQUAL(desk.receive(), EventKind::notification);
  }
  desk.answer(5);
  CHECK_EQUAL(desk.receive(), EventKind::stopped);
  wait_until([&] { return callers.count_of(5) == 4; });
}

void sends_late_answers() {
  const auto receiver = make_receiver();
  Desk desk(receiver);
  Callers callers(1);
  add(*receiver, callers);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  const Nanoseconds start = now();
  desk.answer(9, 100);
  CHECK_EQUAL(desk.receive(), EventKind::ended);
  CHECK(now() - start >= 100 * kMillisecond);
  CHECK_EQUAL(callers.result(0), 9L);
}

void sends_late_answers_before_it_stops() {
  const auto receiver = make_receiver();
  Desk desk(receiver);
  Callers callers(1);
  add(*receiver, callers);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  desk.answer(9, 60'000);
  desk.leave();
  CHECK_EQUAL(figure(*receiver, kLate), 1UL);
  CHECK_EQUAL(callers.count_of(Callers::kNone), 1UL);
  receiver->stop();
  CHECK_EQUAL(callers.result(0), 9L);
}

// Nobody would send it later.
void sends_an_answer_at_once_that_is_late_after_the_stop() {
  const auto receiver = make_receiver();
  Desk desk(receiver);
  Callers callers(1);
  add(*receiver, callers);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  receiver->stop();
  desk.answer(9, 60'000);
  CHECK_EQUAL(desk.receive(), EventKind::stopped);
  CHECK_EQUAL(callers.result(0), 9L);
  CHECK_EQUAL(figure(*receiver, kLate), 0UL);
}

void ends_a_call_that_takes_too_long() {
  constexpr std::uint32_t kId = 77;
  const auto receiver = make_receiver();
  Desk desk(receiver, kId);
  Callers callers(1);
  const std::uint32_t token = add(*receiver, callers);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  desk.inbox().deadline = 100;
  desk.inbox().link = 3;
  // the call keeps the policy that it was begun by
  Terms changed = terms();
  changed.failure = {.value = 0, .error = -EACCES, .is_continue = false};
  CHECK(receiver->replace_terms(token, std::move(changed)).has_value());
  const Nanoseconds start = now();
  // it computes: only that counts
  while (callers.count_of(-EPERM) == 0) CHECK(now() - start < 5 * kSecond);
  CHECK(now() - start >= 100 * kMillisecond);
  const ReceiverEvent event = event_of(*receiver, ReceiverEvent::Kind::overdue);
  CHECK_EQUAL(event.token, token);
  CHECK_EQUAL(event.worker, kId);
  CHECK_EQUAL(event.link, 3U);
  // its answer comes too late, and the worker is to end
  desk.answer(5);
  CHECK_EQUAL(desk.receive(), EventKind::stopped);
  CHECK_EQUAL(desk.inbox().was_gone, 1U);
  CHECK_EQUAL(callers.result(0), -static_cast<long>(EPERM));
}

void has_patience_with_what_waits() {
  const auto receiver = make_receiver();
  Desk desk(receiver);
  Callers callers(1);
  add(*receiver, callers);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  desk.inbox().deadline = 50;
  desk.inbox().link = 1;
  pause_for(250 * kMillisecond);
  CHECK_EQUAL(callers.count_of(-EPERM), 0UL);
  // ten times its deadline is enough
  wait_until([&] { return callers.count_of(-EPERM) == 1; });
  event_of(*receiver, ReceiverEvent::Kind::overdue);
}

Nanoseconds computed_time() {
  timespec time = {};
  CHECK_EQUAL(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time), 0);
  return time.tv_sec * kSecond + time.tv_nsec;
}

void compute(Nanoseconds duration) {
  for (const Nanoseconds start = computed_time(); computed_time() - start < duration;) continue;
}

// Handlers of one call, each of which computes for that long, until the call has failed.
ReceiverEvent overdue_of_chain(std::initializer_list<Nanoseconds> firsts, Nanoseconds others) {
  const auto receiver = make_receiver();
  Desk desk(receiver);
  Callers callers(1);
  add(*receiver, callers);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  std::uint32_t link = 0;
  const auto ask = [&](Nanoseconds duration) {
    std::atomic_ref(desk.inbox().link).store(++link);
    compute(duration);
  };
  for (const Nanoseconds duration : firsts) ask(duration);
  const Nanoseconds start = computed_time();
  while (callers.count_of(-EPERM) == 0) {
    CHECK(computed_time() - start < 5 * kSecond);
    ask(others);
  }
  desk.answer(5);
  CHECK_EQUAL(desk.receive(), EventKind::stopped);
  return event_of(*receiver, ReceiverEvent::Kind::overdue);
}

void has_a_deadline_for_all_handlers_of_a_call() {
  // who has computed most is to blame, and not who comes last
  CHECK_EQUAL(overdue_of_chain({100 * kMillisecond, 400 * kMillisecond}, 150 * kMillisecond).link,
              2U);
}

void has_a_deadline_for_many_quick_handlers() { overdue_of_chain({}, kMillisecond); }

void has_a_deadline_for_each_handler() {
  const auto receiver = make_receiver();
  Desk desk(receiver);
  Callers callers(1);
  add(*receiver, callers);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  desk.inbox().deadline = 100;
  for (std::uint32_t link = 1; link < 6; ++link) {
    std::atomic_ref(desk.inbox().link).store(link);
    compute(60 * kMillisecond);
  }
  desk.answer(5);
  CHECK_EQUAL(desk.receive(), EventKind::ended);
  CHECK_EQUAL(callers.result(0), 5L);
}

// Workers that keep the calls that they get until they are let go.
class Keepers {
 public:
  Keepers(const std::shared_ptr<Receiver>& receiver, std::uint32_t count) : receiver_(receiver) {
    for (std::uint32_t id = 1; id <= count; ++id) threads_.emplace_back([this, id] { run(id); });
    wait_until([&] { return figure(*receiver_, kWorkers) == count; });
  }
  Keepers(const Keepers&) = delete;
  Keepers& operator=(const Keepers&) = delete;
  ~Keepers() {
    let_go();
    receiver_->stop();
    for (std::thread& thread : threads_) thread.join();
  }

  void let_go() { is_over_.store(true); }
  // Calls of this listener.
  void answer_at_once(std::uint32_t token) { quick_.store(token); }

 private:
  void run(std::uint32_t id) {
    Desk desk(receiver_, id);
    for (;;) {
      const EventKind kind = desk.receive();
      if (kind == EventKind::stopped) return;
      if (kind == EventKind::ended) continue;
      while (!is_over_.load() && desk.inbox().token != quick_.load()) pause_for(kMillisecond);
      desk.answer(5);
    }
  }

  std::shared_ptr<Receiver> receiver_;
  std::atomic<bool> is_over_ = false;
  std::atomic<std::uint32_t> quick_ = 0;
  std::vector<std::thread> threads_;
};

constexpr PoolShape kFour = {.running = 4, .fewest = 4};

void check_other_is_answered(Receiver& receiver, Keepers& keepers) {
  Callers other(1);
  keepers.answer_at_once(add(receiver, other));
  wait_until([&] { return other.count_of(5) == 1; });
}

void gives_who_is_not_known_one_worker() {
  constexpr std::uint32_t kContainer = 7;
  const auto receiver = make_receiver(kFour);
  Callers started(3);
  Callers executed(3);
  Keepers keepers(receiver, 4);
  add(*receiver, started, 0, kContainer);
  add(*receiver, executed, 0, kContainer);
  wait_until([&] { return figure(*receiver, kQueued) == 5; });
  CHECK_EQUAL(figure(*receiver, kBusy), 1UL);
  check_other_is_answered(*receiver, keepers);
}

Nanoseconds computed() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

// A container that begins keeps a worker for a second, and ends.
void keep_a_worker(const std::shared_ptr<Receiver>& receiver, std::uint32_t container,
                   uid_t peer_uid = 0) {
  Desk desk(receiver);
  Callers callers(1);
  add(*receiver, callers, 0, container, peer_uid);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  desk.inbox().deadline = 60'000;
  for (const Nanoseconds begun = computed(); computed() - begun < kSecond;) {
  }
  desk.answer(0);
  CHECK_EQUAL(desk.receive(), EventKind::ended);
}

void remembers_what_programs_of_a_container_did() {
  constexpr std::uint32_t kContainer = 7;
  const auto receiver = make_receiver({.running = 8, .fewest = 8});
  keep_a_worker(receiver, kContainer);
  Callers next(6);
  Keepers keepers(receiver, 8);
  add(*receiver, next, 0, kContainer);
  // as for any slow one
  wait_until([&] { return figure(*receiver, kQueued) == 4; });
  CHECK_EQUAL(figure(*receiver, kBusy), 2UL);
  check_other_is_answered(*receiver, keepers);
}

constexpr uid_t kUser = 1000;

void remembers_what_containers_of_a_user_did() {
  constexpr std::uint32_t kContainer = 7;
  const auto receiver = make_receiver({.running = 8, .fewest = 8});
  keep_a_worker(receiver, kContainer, kUser);
  std::array<Callers, 6> own = {Callers(1), Callers(1), Callers(1),
                                Callers(1), Callers(1), Callers(1)};
  Callers other(1);
  Keepers keepers(receiver, 8);
  std::uint32_t container = kContainer;
  for (Callers& callers : own) add(*receiver, callers, 0, ++container, kUser);
  // as for slow ones
  wait_until([&] { return figure(*receiver, kQueued) == 2 && figure(*receiver, kBusy) == 4; });
  // nobody knows of that one
  add(*receiver, other, 0, ++container, kUser + 1);
  wait_until([&] { return figure(*receiver, kBusy) == 5; });
  check_other_is_answered(*receiver, keepers);
}

void counts_no_time_for_root() {
  constexpr std::uint32_t kContainer = 7;
  const auto receiver = make_receiver({.running = 8, .fewest = 8});
  keep_a_worker(receiver, kContainer);
  std::array<Callers, 6> others = {Callers(1), Callers(1), Callers(1),
                                   Callers(1), Callers(1), Callers(1)};
  Keepers keepers(receiver, 8);
  for (Callers& callers : others) add(*receiver, callers);
  wait_until([&] { return figure(*receiver, kBusy) == 6; });
}

void gives_turns_by_sender() {
  const auto receiver = make_receiver();
  std::array<Callers, 4> own = {Callers(1), Callers(1), Callers(1), Callers(1)};
  Callers other(1);
  Desk desk(receiver);
  for (Callers& callers : own) add(*receiver, callers, 0, 0, kUser);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  wait_until([&] { return figure(*receiver, kQueued) == 3; });
  const std::uint32_t token = add(*receiver, other);
  wait_until([&] { return figure(*receiver, kQueued) == 4; });
  bool is_found = false;
  for (int turn = 0; turn < 2; ++turn) {
    desk.answer(5);
    // it is told of listeners that have ended, too
    while (desk.receive() != EventKind::notification) continue;
    is_found = is_found || desk.inbox().token == token;
  }
  CHECK(is_found);
  receiver->stop();
  do desk.answer(5);
  while (desk.receive() != EventKind::stopped);
}

void leaves_a_worker_for_who_is_quick() {
  const auto receiver = make_receiver(kFour);
  std::array<Callers, 4> some = {Callers(1), Callers(1), Callers(1), Callers(1)};
  Keepers keepers(receiver, 4);
  for (Callers& callers : some) add(*receiver, callers);
  wait_until([&] { return figure(*receiver, kQueued) == 1; });
  CHECK_EQUAL(figure(*receiver, kBusy), 3UL);
}

void gives_turns_by_container() {
  const auto receiver = make_receiver();
  Callers started(2);
  Callers executed(2);
  Callers other(2);
  add(*receiver, started, 0, 7);
  add(*receiver, executed, 0, 7);
  const std::uint32_t token = add(*receiver, other, 0, 8);
  Desk desk(receiver);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  wait_until([&] { return figure(*receiver, kQueued) == 5; });
  const std::size_t others = desk.inbox().token == token ? 1 : 2;
  std::size_t found = 0;
  for (std::size_t turn = 0; turn < 2 * others; ++turn) {
    desk.answer(5);
    // it is told of listeners that have ended, too
    while (desk.receive() != EventKind::notification) continue;
    if (desk.inbox().token == token) ++found;
  }
  CHECK_EQUAL(found, others);
  receiver->stop();
  do desk.answer(5);
  while (desk.receive() != EventKind::stopped);
}

// Of containers with a pace: those which are known have shown that they are quick.
[[nodiscard]] Claim claim_of(Pace pace, bool is_alone = false) {
  return {.pace = pace, .is_known = pace != Pace::unknown, .is_alone = is_alone};
}

// By pace, as Pace has them.
using Paces = std::array<std::size_t, kPaces>;

void divides_workers() {
  InFlight in_flight = {.workers = 8};
  CHECK_EQUAL(in_flight.own_share(claim_of(Pace::quick)), 4UL);
  CHECK_EQUAL(in_flight.own_share(claim_of(Pace::doubtful)), 4UL);
  CHECK_EQUAL(in_flight.own_share(claim_of(Pace::slow)), 2UL);
  CHECK_EQUAL(in_flight.own_share(claim_of(Pace::unknown)), 1UL);
  CHECK_EQUAL(in_flight.own_share({.pace = Pace::unknown, .is_known = true, .is_alone = false}),
              4UL);
  const auto takers = [&] {
    std::string found;
    for (const auto& [pace, letter] : {std::pair(Pace::quick, 'q'), std::pair(Pace::unknown, 'u'),
                                       std::pair(Pace::doubtful, 'd'), std::pair(Pace::slow, 's')})
      if (in_flight.may_take(claim_of(pace))) found += letter;
    return found;
  };
  const auto check = [&](const InFlight& next, std::string_view expected) {
    in_flight = next;
    CHECK_EQUAL(takers(), expected);
  };
  check({.workers = 8}, "quds");
  check({.workers = 8, .all = 3, .of_pace = Paces{0, 0, 0, 3}}, "quds");
  check({.workers = 8, .all = 4, .of_pace = Paces{0, 0, 0, 4}}, "qud");
  check({.workers = 8, .all = 5, .of_pace = Paces{0, 0, 1, 4}}, "qu");
  check({.workers = 8, .all = 6, .of_pace = Paces{0, 2, 0, 4}}, "q");
  check({.workers = 8, .all = 6, .of_pace = Paces{0, 6, 0, 0}}, "q");
  check({.workers = 8, .all = 5, .of_pace = Paces{0, 5, 0, 0}}, "quds");
  // those that are to end count as slow, until there are others
  check({.workers = 1, .ending = 2}, "q");
  check({.workers = 5, .ending = 3}, "quds");
  check({.workers = 4, .ending = 4}, "qud");
  // of its own
  check({.workers = 8, .all = 1, .own = 1}, "qds");
  check({.workers = 8, .all = 2, .own = 2}, "qd");
  check({.workers = 8, .all = 4, .own = 4}, "");
  // the last one that is free
  check({.workers = 8, .all = 7, .own = 1}, "");
  check({.workers = 8, .all = 7}, "quds");
  // some were ended, and are not replaced yet
  check({.workers = 2, .wanted = 3, .all = 1}, "qud");
  check({.workers = 1, .wanted = 3}, "qud");
  check({.workers = 3, .wanted = 4, .all = 1}, "quds");
  // few are hardly divided
  check({.workers = 1}, "quds");
  check({.workers = 2, .all = 1, .of_pace = Paces{0, 0, 0, 1}, .own = 1}, "q");
  check({.workers = 3, .all = 1, .of_pace = Paces{0, 0, 0, 1}}, "qud");
}

void lends_to_who_is_slow_alone() {
  const Claim alone = claim_of(Pace::slow, true);
  InFlight in_flight = {.workers = 8, .own = 3, .own_awaiting = 3};
  CHECK_EQUAL(in_flight.own_share(alone), 4UL);
  CHECK_EQUAL(in_flight.own_share(claim_of(Pace::slow)), 2UL);
  // what computes takes others' processor
  in_flight.own_awaiting = 2;
  CHECK_EQUAL(in_flight.own_share(alone), 2UL);
}

void wakes_the_main_thread() {
  const auto receiver = make_receiver();
  const UniqueFd wake = receiver->take_wake_fd();
  CHECK(wake.is_open());
  CHECK((fcntl(wake.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(!receiver->take_wake_fd().is_open());
  pollfd readable = {.fd = wake.get(), .events = POLLIN, .revents = 0};
  CHECK_EQUAL(poll(&readable, 1, 0), 0);
  CHECK(!receiver->next_event());

  const pid_t pid = fork();
  CHECK(pid != -1);
  if (pid == 0) {
    for (;;) pause();
  }
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  const std::uint32_t token = VALUE(receiver->watch_process(process.get()));
  std::thread thread([&] {
    Desk desk(receiver);
    // nothing that workers are told
    CHECK_EQUAL(desk.receive(), EventKind::stopped);
  });
  CHECK_EQUAL(kill(pid, SIGKILL), 0);
  CHECK_EQUAL(poll(&readable, 1, 10'000), 1);
  const auto event = receiver->next_event();
  CHECK(event.has_value());
  CHECK_EQUAL(event->kind, ReceiverEvent::Kind::exited);
  CHECK_EQUAL(event->token, token);
  CHECK(!receiver->next_event());
  CHECK_EQUAL(waitpid(pid, nullptr, 0), pid);
  receiver->stop();
  thread.join();
}

void kills_the_first_process() {
  const auto receiver = make_receiver();
  Callers callers(2);
  const std::uint32_t token = add(*receiver, callers, callers.pid(0));
  // its cgroup is ours, too: of the container only that one is killed
  CHECK_EQUAL(ERROR(receiver->kill_container(token)), Errno{EPERM});
  wait_until([&] { return kill(callers.pid(0), 0) == -1; });
  // the other one is not its business
  Desk desk(receiver);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  CHECK_EQUAL(desk.inbox().tid, static_cast<std::uint32_t>(callers.pid(1)));
  CHECK_EQUAL(ERROR(receiver->kill_container(token)), Errno{ESRCH});
  desk.answer(5);
  CHECK_EQUAL(desk.receive(), EventKind::ended);
  CHECK_EQUAL(ERROR(receiver->kill_container(token)), Errno{ESRCH});
  CHECK_EQUAL(callers.result(1), 5L);
  CHECK_EQUAL(callers.count_of(Callers::kNone), 1UL);
}

void kills_nobody_whom_it_does_not_know() {
  const auto receiver = make_receiver();
  CHECK_EQUAL(ERROR(receiver->kill_container(1)), Errno{ESRCH});
  Desk desk(receiver);
  Callers callers(1);
  const std::uint32_t token = add(*receiver, callers);
  CHECK_EQUAL(ERROR(receiver->kill_container(token)), Errno{ESRCH});
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  desk.answer(5);
  CHECK_EQUAL(desk.receive(), EventKind::ended);
}

constexpr Case kCases[] = {
    {"Receiver: a table of another size is refused", refuses_a_table_of_another_size},
    {"Receiver: a descriptor that is no listener is refused", refuses_what_is_no_listener},
    {"Receiver: a listener that it has already is refused", refuses_a_listener_twice},
    {"Receiver: a call keeps the terms that it was begun by", keeps_the_terms_of_a_call},
    {"Receiver: terms of another size, or for no listener, are refused",
     refuses_terms_that_fit_nobody},
    {"G11: Receiver: stop ends every waiting worker", stops_waiting_workers},
    {"Receiver: a stopped one stays so", stays_stopped},
    {"Receiver: its end leaves no descriptor and no thread behind", leaves_nothing_behind},
    {"Receiver: there are only so many workers", has_only_so_many_places},
    {"Receiver: workers that have nothing to do retire", retires_idle_workers},
    {"Receiver: a worker that is too many is counted out once", retires_workers_for_good},
    {"Receiver: the fewest workers stay", keeps_the_fewest},
    {"Receiver: a container's queue is bounded, and what is over fails at once",
     queues_only_so_many},
    {"G11: Receiver: queued calls are answered before it stops",
     answers_the_queued_before_it_stops},
    {"Receiver: a late answer is sent when it is due", sends_late_answers},
    {"G11: Receiver: late answers are sent before it stops", sends_late_answers_before_it_stops},
    {"G11: Receiver: an answer that is late after the stop is sent at once",
     sends_an_answer_at_once_that_is_late_after_the_stop},
    {"A5: Receiver: a call whose handler computes for too long fails",
     ends_a_call_that_takes_too_long},
    {"A5: Receiver: a handler that waits has ten times as long", has_patience_with_what_waits},
    {"Receiver: each handler of a chain has its own deadline", has_a_deadline_for_each_handler},
    {"A5: Receiver: all handlers of a call together have a deadline",
     has_a_deadline_for_all_handlers_of_a_call},
    {"A5: Receiver: so they have where each one is quick", has_a_deadline_for_many_quick_handlers},
    {"G4: Receiver: a container of which nobody knows has one worker, whatever its listeners",
     gives_who_is_not_known_one_worker},
    {"G4: Receiver: containers of which nobody knows leave a worker to those that are quick",
     leaves_a_worker_for_who_is_quick},
    {"G4: Receiver: a container begins with what it did before its last listener ended",
     remembers_what_programs_of_a_container_did},
    {"G4: Receiver: a user's new container begins with what his others did",
     remembers_what_containers_of_a_user_did},
    {"G4: Receiver: root's new containers do not", counts_no_time_for_root},
    {"G4: Receiver: calls that wait have their turns by who has sent the listeners",
     gives_turns_by_sender},
    {"G4: Receiver: calls that wait have their turns by container", gives_turns_by_container},
    {"G4: Receiver: workers are divided by how long containers keep them", divides_workers},
    {"G4: Receiver: who is slow has more workers while nobody else waits",
     lends_to_who_is_slow_alone},
    {"G4: Receiver: a container's queue is one for all of its listeners",
     queues_only_so_many_of_a_container},
    {"Receiver: events wake the main thread", wakes_the_main_thread},
    {"Receiver: a container's first process is killed", kills_the_first_process},
    {"Receiver: nobody else is killed", kills_nobody_whom_it_does_not_know},
    {"Worker: it has no call before it received one", has_no_call_at_first},
    {"Worker: a caller gets what is in the inbox", answers_a_caller},
    {"Worker: each is told of a listener's end", tells_each_worker_of_an_end},
    {"Worker: it has the token of the container whose call it has", names_containers},
    {"A10: Worker: containers of a user pay together, those of another apart",
     has_all_of_a_user_pay_together},
    {"A4, EE19: Worker: all others are told at once that memory is short",
     tells_others_of_a_shortage},
    {"K13: Worker: who comes to wait is told of the ends meanwhile",
     tells_those_who_come_to_wait_of_an_end},
    {"Worker: a call that it leaves without an answer fails", fails_what_a_worker_leaves},
    {"Worker: a call that it leaves with an answer gets that", answers_what_a_worker_leaves}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
