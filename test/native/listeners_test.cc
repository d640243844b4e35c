// SPDX-License-Identifier: Apache-2.0
// Tests the listeners of a receiver by their tokens, their containers, and reports of handlers.
#include "receiver/listeners.h"

#include <fcntl.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "receiver_fixture.h"

namespace seccompagent::test {
namespace {

using Kind = ReceiverEvent::Kind;

constexpr std::uint32_t kContainer = 5;

// To be made after its callers, which end with their listeners.
struct Fixture {
  Fixture() {
    VALUE(events.open());
    listeners.share_quarantine(Quarantine(states, ends));
  }

  std::shared_ptr<Listener> add(Callers& callers, ListenerFacts facts) {
    return VALUE(listeners.add(callers.take_listener(), std::move(facts)));
  }

  std::array<Quarantine::State, 4> states = {};
  std::array<std::int64_t, 4> ends = {};
  EventQueue events;
  Listeners listeners{events};
};

// Of a chain of two handlers, whose components differ by one letter each.
Terms terms_of(std::string_view letters, std::vector<std::int32_t> quarantine) {
  std::string components;
  for (const char letter : letters) components.append(kComponentDigest, letter);
  Terms own = terms();
  own.quarantine = std::move(quarantine);
  own.components = std::make_shared<const std::string>(std::move(components));
  return own;
}

void finds_listeners_by_their_tokens() {
  Callers first(1);
  Callers second(1);
  Fixture fixture;
  const auto one = fixture.add(first, {.terms = terms()});
  const auto other = fixture.add(second, {.terms = terms()});
  CHECK(one->token != other->token);
  CHECK(fixture.listeners.find(one->token) == one);
  CHECK(fixture.listeners.find(other->token) == other);
  CHECK_EQUAL(fixture.listeners.size(), 2UL);
  fixture.listeners.remove(*one);
  CHECK(fixture.listeners.find(one->token) == nullptr);
  CHECK_EQUAL(fixture.listeners.size(), 1UL);
}

void refuses_other_descriptors() {
  Callers callers(1);
  Fixture fixture;
  const auto refused =
      fixture.listeners.add(UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC)), {.terms = terms()});
  CHECK_EQUAL(ERROR(refused), Errno{ENOTTY});
  const auto listener = fixture.add(callers, {.terms = terms()});
  UniqueFd copy(fcntl(listener->fd.get(), F_DUPFD_CLOEXEC, 0));
  CHECK_EQUAL(ERROR(fixture.listeners.add(std::move(copy), {.terms = terms()})), Errno{EEXIST});
  CHECK_EQUAL(fixture.listeners.size(), 1UL);
}

void has_one_container_for_its_listeners() {
  Callers first(1);
  Callers second(1);
  Callers third(1);
  Callers unnamed(1);
  Fixture fixture;
  const auto one = fixture.add(first, {.terms = terms(), .container = kContainer});
  const auto other = fixture.add(second, {.terms = terms(), .container = kContainer});
  const auto alone = fixture.add(unnamed, {.terms = terms()});
  const auto container = one->container;
  CHECK(other->container == container);
  CHECK(alone->container != container);
  using Removed = Listeners::Removed;
  CHECK(fixture.listeners.remove(*one) == Removed::one_of_several);
  CHECK(fixture.listeners.remove(*one) == Removed::was_gone);
  CHECK(fixture.listeners.remove(*other) == Removed::last);
  CHECK(fixture.listeners.remove(*other) == Removed::was_gone);
  CHECK(fixture.listeners.remove(*alone) == Removed::last);
  // as the next program of that container
  CHECK(fixture.add(third, {.terms = terms(), .container = kContainer})->container == container);
}

void counts_late_answers_of_a_user_together() {
  constexpr uid_t kUser = 1000;
  Callers first(1);
  Callers second(1);
  Callers third(1);
  Fixture fixture;
  const auto one = fixture.add(first, {.terms = terms(), .peer_uid = kUser});
  const auto other = fixture.add(second, {.terms = terms(), .peer_uid = kUser});
  const auto roots = fixture.add(third, {.terms = terms()});
  CHECK(one->container != other->container);
  CHECK(one->container->kept == other->container->kept);
  CHECK(roots->container->kept != one->container->kept);
}

void has_processes_beside_them() {
  Callers callers(1);
  Fixture fixture;
  const auto listener = fixture.add(callers, {.terms = terms()});
  const std::uint32_t token = fixture.listeners.add_process(12);
  CHECK(token != listener->token);
  CHECK(fixture.listeners.find(token) == nullptr);
  CHECK(!fixture.listeners.remove_process(listener->token));
  CHECK_EQUAL(*fixture.listeners.remove_process(token), 12);
  CHECK(!fixture.listeners.remove_process(token));
}

void knows_first_processes() {
  Callers first(1);
  Callers second(1);
  Fixture fixture;
  const auto one = fixture.add(first, {.terms = terms(), .first = look_at_first(first.pid(0))});
  const auto other = fixture.add(second, {.terms = terms(), .first = look_at_first(second.pid(0))});
  CHECK(fixture.listeners.other_firsts(*one) == std::vector<pid_t>{second.pid(0)});
  fixture.listeners.note_frozen(*other, true);
  CHECK(!one->is_frozen.load());
  CHECK(other->is_frozen.load());
  fixture.listeners.note_frozen(*other, false);
  CHECK(!other->is_frozen.load());
}

// A user may have named the first process of root's container.
void is_frozen_for_who_has_sent_it() {
  constexpr uid_t kUser = 1000;
  Callers first(1);
  Callers second(1);
  Fixture fixture;
  const auto roots = fixture.add(first, {.terms = terms(), .first = look_at_first(first.pid(0))});
  const auto theirs = fixture.add(
      second, {.terms = terms(), .first = look_at_first(first.pid(0)), .peer_uid = kUser});
  fixture.listeners.note_frozen(*theirs, true);
  CHECK(theirs->is_frozen.load());
  CHECK(!roots->is_frozen.load());
  fixture.listeners.note_frozen(*roots, true);
  fixture.listeners.note_frozen(*theirs, false);
  CHECK(roots->is_frozen.load());
}

void reports_an_overdue_handler() {
  Callers callers(1);
  Fixture fixture;
  const auto listener = fixture.add(callers, {.terms = terms_of("ab", {2, 3})});
  const Terms& own = *listener->terms->get();
  const ReceiverEvent overdue = {.kind = Kind::overdue, .token = listener->token, .link = 2};
  fixture.listeners.report_overdue(own, 2, 0, overdue);
  const auto event = fixture.events.next();
  CHECK_EQUAL(event->kind, Kind::overdue);
  CHECK(event->quarantine_ms > 0);
  CHECK(fixture.states[3].level > 0);
  CHECK_EQUAL(fixture.states[2].level, 0);
  // an operation is no handler's fault, and a place beyond the chain nobody's
  fixture.listeners.report_overdue(own, 0, 0, overdue);
  CHECK_EQUAL(fixture.events.next()->quarantine_ms, 0U);
  fixture.listeners.report_overdue(own, 3, 0, overdue);
  CHECK_EQUAL(fixture.events.next()->quarantine_ms, 0U);
}

void reports_nothing_of_an_ended_listener() {
  Callers callers(1);
  Fixture fixture;
  const auto listener = fixture.add(callers, {.terms = terms_of("a", {1})});
  const Terms& own = *listener->terms->get();
  fixture.listeners.remove(*listener);
  fixture.listeners.report_broken(own, {.kind = Kind::broken, .token = listener->token, .link = 1});
  CHECK(!fixture.events.next());
  // its worker is told to end all the same, but its handler's place may be another one's
  fixture.listeners.report_overdue(own, 1, 0,
                                   {.kind = Kind::overdue, .token = listener->token, .link = 1});
  CHECK_EQUAL(fixture.events.next()->quarantine_ms, 0U);
  CHECK_EQUAL(fixture.states[1].level, 0);
}

void reports_a_broken_handler() {
  Callers callers(1);
  Fixture fixture;
  const auto listener = fixture.add(callers, {.terms = terms_of("a", {1})});
  fixture.listeners.report_broken(*listener->terms->get(),
                                  {.kind = Kind::broken, .token = listener->token, .link = 1});
  const auto event = fixture.events.next();
  CHECK_EQUAL(event->kind, Kind::broken);
  CHECK_EQUAL(event->link, 1U);
  CHECK(fixture.states[1].level > 0);
}

void distrusts_containers_with_an_overdue_component() {
  Callers first(1);
  Callers second(1);
  Callers third(1);
  Callers later(1);
  Fixture fixture;
  const auto own = fixture.add(first, {.terms = terms_of("ab", {1, 2})});
  const auto same = fixture.add(second, {.terms = terms_of("xb", {1, 2})});
  const auto other = fixture.add(third, {.terms = terms_of("xa", {1, 2})});
  fixture.listeners.report_overdue(*own->terms->get(), 2, 0,
                                   {.kind = Kind::overdue, .token = own->token, .link = 2});
  CHECK_EQUAL(same->container->pace(now(), false), Pace::slow);
  CHECK_EQUAL(other->container->pace(now(), false), Pace::unknown);
  const auto next = fixture.add(later, {.terms = terms_of("b", {1})});
  CHECK_EQUAL(next->container->pace(now(), false), Pace::slow);
}

// However well they have answered until now.
void distrusts_known_containers_of_the_sender() {
  constexpr std::uint32_t kSender = 7;
  Callers first(1);
  Callers second(1);
  Callers third(1);
  Callers fourth(1);
  Fixture fixture;
  const auto own = fixture.add(first, {.terms = terms_of("ab", {1, 2}), .sender = kSender});
  const auto same = fixture.add(second, {.terms = terms_of("xb", {1, 2}), .sender = kSender});
  const auto other = fixture.add(third, {.terms = terms_of("xb", {1, 2}), .sender = kSender + 1});
  const auto without = fixture.add(fourth, {.terms = terms_of("xa", {1, 2}), .sender = kSender});
  for (const auto& known : {same, other, without}) {
    for (std::uint32_t call = 0; call < WorkerTime::kProof; ++call)
      known->container->worker_time.note_answer(0);
    CHECK_EQUAL(known->container->pace(now(), false), Pace::quick);
  }
  fixture.listeners.report_overdue(*own->terms->get(), 2, kSender,
                                   {.kind = Kind::overdue, .token = own->token, .link = 2});
  CHECK_EQUAL(same->container->pace(now(), false), Pace::slow);
  CHECK_EQUAL(other->container->pace(now(), false), Pace::quick);
  CHECK_EQUAL(without->container->pace(now(), false), Pace::quick);
}

// Whoever starts containers may name any handlers besides.
void distrusts_known_containers_of_senders_by_handlers() {
  constexpr std::uint32_t kSender = kByHandlers | 7;
  Callers first(1);
  Callers second(1);
  Callers third(1);
  Callers fourth(1);
  Fixture fixture;
  const auto own = fixture.add(first, {.terms = terms_of("b", {1}), .sender = kSender});
  const auto more = fixture.add(second, {.terms = terms_of("xb", {1, 2}), .sender = kSender + 1});
  const auto named = fixture.add(third, {.terms = terms_of("xb", {1, 2}), .sender = 7});
  const auto without = fixture.add(fourth, {.terms = terms_of("x", {1}), .sender = kSender + 2});
  for (const auto& known : {more, named, without}) {
    for (std::uint32_t call = 0; call < WorkerTime::kProof; ++call)
      known->container->worker_time.note_answer(0);
  }
  fixture.listeners.report_overdue(*own->terms->get(), 1, kSender,
                                   {.kind = Kind::overdue, .token = own->token, .link = 1});
  CHECK_EQUAL(more->container->pace(now(), false), Pace::slow);
  CHECK_EQUAL(named->container->pace(now(), false), Pace::quick);
  CHECK_EQUAL(without->container->pace(now(), false), Pace::quick);
}

// A known container is judged by its sender's only where there are too few workers.
void judges_by_the_sender_where_workers_are_few() {
  constexpr std::uint32_t kSender = 7;
  Callers first(1);
  Callers second(1);
  Fixture fixture;
  const auto known = fixture.add(first, {.terms = terms(), .sender = kSender});
  const auto other = fixture.add(second, {.terms = terms(), .sender = kSender + 1});
  const Nanoseconds time = now();
  for (const auto& listener : {known, other}) {
    for (std::uint32_t call = 0; call < WorkerTime::kProof; ++call)
      listener->container->worker_time.note_answer(0);
  }
  known->container->sender->worker_time.note(WorkerTime::kMuch, time);
  CHECK_EQUAL(known->container->pace(time, false), Pace::quick);
  CHECK_EQUAL(known->container->pace(time, true), Pace::slow);
  CHECK_EQUAL(other->container->pace(time, true), Pace::quick);
}

void knows_who_loses_many_workers() {
  constexpr std::uint32_t kSender = 7;
  Callers elsewhere(1);
  std::vector<std::unique_ptr<Callers>> callers;
  std::vector<std::shared_ptr<Listener>> all;
  Fixture fixture;
  for (std::uint32_t index = 0; index <= LostWorkers::kMany; ++index) {
    callers.push_back(std::make_unique<Callers>(1));
    all.push_back(fixture.add(*callers.back(), {.terms = terms(), .sender = kSender}));
  }
  const auto other = fixture.add(elsewhere, {.terms = terms(), .sender = kSender + 1});
  const auto& last = all.back()->container;
  for (std::uint32_t index = 0; index < LostWorkers::kMany; ++index) {
    CHECK(!last->loses_workers());
    all[index]->container->note_lost_worker();
    CHECK(all[index]->container->loses_workers());
  }
  CHECK(last->loses_workers());
  for (std::uint32_t index = 0; index < LostWorkers::kMany; ++index)
    all[index]->container->note_worker_back(now());
  CHECK(last->loses_workers());
  CHECK(!other->container->loses_workers());
}

// However often its containers begin anew, and however many other senders come meanwhile.
void knows_who_has_lost_workers_by_containers_that_have_ended() {
  constexpr std::uint32_t kSender = 7;
  constexpr std::uint32_t kOther = 1000;
  Callers callers(1);
  Fixture fixture;
  for (std::uint32_t index = 0; index < LostWorkers::kMany; ++index)
    fixture.listeners.ended_container(kSender)->note_lost_worker();
  for (std::uint32_t index = 0; index < 2 * Senders::kMax; ++index)
    (void)fixture.listeners.note_kept(kOther + index, 0, kSecond, now());
  const auto next = fixture.add(callers, {.terms = terms(), .sender = kSender});
  CHECK(next->container->loses_workers());
}

void notes_for_how_long_a_call_keeps_workers() {
  constexpr uid_t kUser = 1000;
  Callers callers(1);
  Callers others(1);
  Fixture fixture;
  const auto listener =
      fixture.add(callers, {.terms = terms(), .peer_uid = kUser, .sender = kUser});
  const Nanoseconds time = now();
  CHECK(fixture.listeners.note_kept(kUser, listener->token, kSecond, time) == listener);
  CHECK_EQUAL(listener->container->pace(time, false), Pace::slow);
  fixture.listeners.remove(*listener);
  CHECK(fixture.listeners.note_kept(kUser, listener->token, kSecond, time) == nullptr);
  // what the user's containers have done stays the user's
  const auto next = fixture.add(others, {.terms = terms(), .peer_uid = kUser, .sender = kUser});
  CHECK_EQUAL(next->container->pace(time, false), Pace::slow);
}

void serves_many_threads() {
  constexpr int kRounds = 500;
  Callers callers(1);
  Fixture fixture;
  const auto listener = fixture.add(callers, {.terms = terms_of("a", {1})});
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 3; ++thread) {
      threads.emplace_back([&fixture, &listener, thread] {
        for (int round = 0; round < kRounds; ++round) {
          CHECK(fixture.listeners.find(listener->token) == listener);
          const std::uint32_t token = fixture.listeners.add_process(thread);
          CHECK_EQUAL(*fixture.listeners.remove_process(token), thread);
          (void)fixture.listeners.note_kept(1000, listener->token, 1, now());
          fixture.listeners.report_overdue(*listener->terms->get(), 1, 0,
                                           {.kind = Kind::overdue, .token = listener->token});
        }
      });
    }
  }
  int events = 0;
  while (fixture.events.next()) ++events;
  CHECK_EQUAL(events, 3 * kRounds);
}

constexpr Case kCases[] = {
    {"Listeners: they are found by their tokens", finds_listeners_by_their_tokens},
    {"Listeners: other descriptors, and one that is there already, are refused",
     refuses_other_descriptors},
    {"Listeners: a container has one state for all of its listeners",
     has_one_container_for_its_listeners},
    {"G4: Listeners: late answers are counted for all containers of a user",
     counts_late_answers_of_a_user_together},
    {"Listeners: processes have tokens of their own", has_processes_beside_them},
    {"Listeners: first processes of other containers are known", knows_first_processes},
    {"A10: listeners: a first process is frozen for the user whose container froze",
     is_frozen_for_who_has_sent_it},
    {"A5: Listeners: an overdue handler is reported and quarantined", reports_an_overdue_handler},
    {"Listeners: no handler of an ended listener is quarantined",
     reports_nothing_of_an_ended_listener},
    {"Listeners: a worker's end within a handler is reported", reports_a_broken_handler},
    {"G4: Listeners: containers with an overdue component are distrusted",
     distrusts_containers_with_an_overdue_component},
    {"G4: Listeners: so are those of the same sender that were quick until then",
     distrusts_known_containers_of_the_sender},
    {"G4: Listeners: so are those of other senders that are known by their handlers alone",
     distrusts_known_containers_of_senders_by_handlers},
    {"G4: Listeners: where workers are few, a container is judged by others of its sender",
     judges_by_the_sender_where_workers_are_few},
    {"A5: Listeners: a sender whose containers lose many workers is known",
     knows_who_loses_many_workers},
    {"A5: Listeners: workers lost by containers that have ended count for their sender's next one",
     knows_who_has_lost_workers_by_containers_that_have_ended},
    {"G4: Listeners: time of workers counts for a container and its user",
     notes_for_how_long_a_call_keeps_workers},
    {"Listeners: many threads use them at a time", serves_many_threads}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
