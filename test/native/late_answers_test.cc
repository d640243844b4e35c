// SPDX-License-Identifier: Apache-2.0
// Tests when late answers are sent, and that none is forgotten or sent for nobody.
#include "receiver/late_answers.h"

#include <poll.h>

#include <memory>
#include <thread>
#include <utility>

#include "caller/proc_text.h"
#include "executing_process.h"
#include "receiver/listeners.h"
#include "receiver_fixture.h"

namespace seccompagent::test {
namespace {

constexpr Response kNine = {.value = 9, .error = 0, .is_continue = false};

// A call of a real caller that is answered late.
struct LateCall {
  LateCall() {
    VALUE(events.open());
    VALUE(late.open());
    listener = VALUE(listeners.add(callers.take_listener(), {.terms = terms()}));
    VALUE(buffers.receive(listener->fd.get(), call.notification));
  }

  [[nodiscard]] bool plan(Nanoseconds due) {
    CHECK(listener->kept.keep_late(call, kNine, due));
    return late.add({.due = due,
                     .listener = listener,
                     .tid = call.notification.tid,
                     .is_second_try = false,
                     .turns = turns_of_thread(call.notification.tid)});
  }
  // The caller must have an answer before it can be waited for.
  void release() { (void)buffers.respond(listener->fd.get(), call.notification.id, kRefused); }

  Callers callers{1};
  EventQueue events;
  Listeners listeners{events};
  LateAnswers late;
  NotifyBuffers buffers{VALUE(notify_sizes())};
  std::shared_ptr<Listener> listener;
  CallContent call = {.notification = {}, .memory_hash = 0, .program = "one"};
};

bool is_readable(const LateAnswers& late, int timeout_ms = 0) {
  pollfd polled = {.fd = late.timer(), .events = POLLIN, .revents = 0};
  return poll(&polled, 1, timeout_ms) == 1;
}

LateAnswer for_nobody(Nanoseconds due) {
  return {.due = due, .listener = {}, .tid = 1, .is_second_try = false};
}

// Its thread's number may be that of another one by then, of a program that is being executed.
void waits_for_nobody_who_executes() {
  LateCall own;
  const ExecutingProcess process;
  own.call.notification.tid = process.pid();
  CHECK(own.plan(now()));
  process.execute();
  CHECK(!process.keeps_waiting([&] {
    own.late.send_due(own.buffers, now());
    pause_for(5 * kMillisecond);
    own.late.send_due(own.buffers, now());
  }));
  // it was the caller's all the same
  wait_until([&own] { return own.callers.count_of(Callers::kNone) == 0; });
}

// Nor does who keeps an answer that did not arrive, while others wait for what is kept.
void keeps_what_was_lost_of_who_executes() {
  LateCall own;
  const ExecutingProcess process;
  own.call.notification.tid = process.pid();
  const std::uint64_t number = own.listener->kept.keep_awaited(own.call);
  CHECK(number != 0);
  process.execute();
  CHECK(!process.keeps_waiting([&] {
    LostAnswer answer = {.response = kNine, .until = now() + kSecond};
    (void)own.listener->kept.lose_awaited(process.pid(), number, own.call.notification.id, answer);
    (void)own.listener->kept.keep_lost(own.call, kNine, now() + kSecond);
  }));
  own.release();
}

void sends_when_it_is_due() {
  LateCall own;
  const Nanoseconds due = now() + 50 * kMillisecond;
  CHECK(own.plan(due));
  CHECK(!is_readable(own.late));
  own.late.send_due(own.buffers, now());
  CHECK_EQUAL(own.callers.count_of(Callers::kNone), 1UL);
  CHECK(is_readable(own.late, 10'000));
  CHECK(now() >= due);
  own.late.send_due(own.buffers, now());
  CHECK_EQUAL(own.callers.result(0), 9L);
  CHECK(!is_readable(own.late));
  CHECK_EQUAL(own.late.planned(), 0UL);
}

void sends_an_answer_once() {
  LateCall own;
  CHECK(own.plan(now()));
  own.late.send_due(own.buffers, now() + kSecond);
  CHECK_EQUAL(own.callers.result(0), 9L);
  CHECK_EQUAL(own.listener->kept.late_count(), 0UL);
  own.late.send_due(own.buffers, now() + kSecond);
  own.late.send_all(own.buffers);
  CHECK_EQUAL(own.late.planned(), 0UL);
}

void sends_all_before_their_time() {
  LateCall own;
  CHECK(own.plan(now() + 3600 * kSecond));
  own.late.send_all(own.buffers);
  CHECK_EQUAL(own.callers.result(0), 9L);
}

void takes_none_after_all_were_sent() {
  LateCall own;
  own.late.send_all(own.buffers);
  CHECK(!own.plan(now() + 3600 * kSecond));
  CHECK_EQUAL(own.late.planned(), 0UL);
  own.release();
}

void leaves_out_ended_listeners() {
  LateCall own;
  CHECK(own.late.add(for_nobody(1)));
  own.late.send_due(own.buffers, now());
  CHECK_EQUAL(own.late.planned(), 0UL);
  own.release();
}

// Who adds one does not wait for all of them.
void sends_a_part_at_a_time() {
  LateCall own;
  for (int count = 0; count < 65; ++count) CHECK(own.late.add(for_nobody(1)));
  own.late.send_due(own.buffers, now());
  CHECK_EQUAL(own.late.planned(), 1UL);
  CHECK(is_readable(own.late));
  own.late.send_due(own.buffers, now());
  CHECK_EQUAL(own.late.planned(), 0UL);
  CHECK(!is_readable(own.late));
  own.release();
}

void drops_what_nobody_waits_for() {
  constexpr std::size_t kMany = 10'000;
  LateCall own;
  const Nanoseconds due = now() + 3600 * kSecond;
  CHECK(own.plan(due));
  for (std::size_t count = 0; count < kMany; ++count) CHECK(own.late.add(for_nobody(due)));
  CHECK(own.late.planned() <= 1025);
  // not with those that somebody waits for
  own.late.send_all(own.buffers);
  CHECK_EQUAL(own.callers.result(0), 9L);
}

// No other thread has to do anything for it.
void sends_in_a_thread_of_its_own() {
  LateCall own;
  std::thread sender([&late = own.late] {
    NotifyBuffers buffers(VALUE(notify_sizes()));
    late.run(buffers);
  });
  CHECK(own.plan(now() + 20 * kMillisecond));
  CHECK_EQUAL(own.callers.result(0), 9L);
  own.late.send_all(own.buffers);
  sender.join();
  CHECK(!own.late.add(for_nobody(1)));
}

constexpr Case kCases[] = {
    {"A5: LateAnswers: nobody waits for a program that is being executed",
     waits_for_nobody_who_executes},
    {"A5: LateAnswers: nor does who keeps what was lost", keeps_what_was_lost_of_who_executes},
    {"LateAnswers: an answer is sent when it is due", sends_when_it_is_due},
    {"LateAnswers: an answer is sent once", sends_an_answer_once},
    {"G11: LateAnswers: all are sent before their time", sends_all_before_their_time},
    {"G11: LateAnswers: none is planned after all were sent", takes_none_after_all_were_sent},
    {"LateAnswers: an ended listener gets none", leaves_out_ended_listeners},
    {"LateAnswers: a part of many is sent at a time", sends_a_part_at_a_time},
    {"LateAnswers: answers that nobody waits for are dropped", drops_what_nobody_waits_for},
    {"G4: LateAnswers: a thread of their own sends them", sends_in_a_thread_of_its_own}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
