// SPDX-License-Identifier: Apache-2.0
#include "process/ending_children.h"

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "check.h"
#include "fuse_file_system.h"
#include "kernel/raw_syscall.h"

namespace seccompagent::test {
namespace {

constexpr std::uint32_t kOwn = 1;
constexpr std::uint32_t kOther = 2;
constexpr Nanoseconds kLong = 20 * kSecond;
constexpr Patience kNone = {.max = 0};

Nanoseconds long_ago() { return now() - 2 * kSecond; }

// Memory of a child, and whether it is freed.
struct Use {
  explicit Use(ChildStack own_stack) : stack(std::move(own_stack)) {}
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  ~Use() {
    if (is_freed != nullptr) *is_freed = true;
  }

  ChildStack stack;
  std::string path = {};
  bool* is_freed = nullptr;
};

SECCOMPAGENT_CHILD_CODE int look_at_file(void* argument) {
  const Use& use = *static_cast<Use*>(argument);
  struct stat found;
  raw_syscall(SYS_newfstatat, AT_FDCWD, raw_pointer(use.path.c_str()), raw_pointer(&found), 0);
  return 0;
}

SECCOMPAGENT_CHILD_CODE int sleep_for_ever(void* /*argument*/) {
  for (;;) raw_syscall(SYS_ppoll, 0, 0, 0, 0, 0);
}

SECCOMPAGENT_CHILD_CODE int compute_for_ever(void* /*argument*/) {
  for (;;) raw_syscall(SYS_getpid);
}

SECCOMPAGENT_CHILD_CODE int end_at_once(void* /*argument*/) { return 0; }

std::unique_ptr<Use> make_use() { return std::make_unique<Use>(VALUE(ChildStack::make())); }

void wait_until_none_is_left() {
  const Nanoseconds start = now();
  while (EndingChildren::of_process().count() > 0) {
    CHECK(now() - start < kLong);
    poll(nullptr, 0, 10);
  }
}

void keeps_what_is_used_until_the_end() {
  EndingChildren& ending = EndingChildren::of_process();
  ending.start();
  // where a check fails, it still goes at the exit
  static const FuseFileSystem silent;
  auto use = make_use();
  bool is_freed = false;
  use->is_freed = &is_freed;
  use->path = silent.file();
  ChildProcess child = VALUE(start_child(use->stack, look_at_file, use.get()));
  const fuse_in_header asked = silent.next_question();
  const pid_t pid = child.pid;
  const Nanoseconds start = now();
  CHECK_EQUAL(ERROR(await_or_leave(std::move(child), {.max = 100 * kMillisecond}, kOwn, use)),
              Errno{ETIMEDOUT});
  CHECK(now() - start >= 100 * kMillisecond + kDying);
  CHECK(now() - start < kLong);
  CHECK(use == nullptr);
  poll(nullptr, 0, 100);
  CHECK_EQUAL(ending.count(), 1UL);
  CHECK(!is_freed);
  CHECK_EQUAL(kill(pid, 0), 0);

  silent.fail_with(asked, ENOENT);

  wait_until_none_is_left();
  CHECK(is_freed);
  CHECK_EQUAL(waitpid(-1, nullptr, __WALL | WNOHANG), -1);
  CHECK_EQUAL(errno, ECHILD);
}

void leaves_none_that_ends() {
  for (const Nanoseconds max : {Nanoseconds{0}, kMillisecond}) {
    auto use = make_use();
    ChildProcess child = VALUE(start_child(use->stack, sleep_for_ever, nullptr));
    CHECK_EQUAL(ERROR(await_or_leave(std::move(child), {.max = max}, kOwn, use)), Errno{ETIMEDOUT});
    CHECK(use != nullptr);
    CHECK_EQUAL(EndingChildren::of_process().count(), 0UL);
  }
}

// Children that don't end, since nobody has killed them.
class Hanging {
 public:
  void add(Payer payer, Nanoseconds since, ChildMain main = sleep_for_ever) {
    const auto& use = uses_.emplace_back(make_use());
    ChildProcess child = VALUE(start_child(use->stack, main, nullptr));
    pids_.push_back(child.pid);
    EndingChildren::of_process().add({.process = std::move(child), .payer = payer, .since = since});
  }
  void end_first() {
    CHECK_EQUAL(kill(pids_.front(), SIGKILL), 0);
    pids_.erase(pids_.begin());
  }
  void end() const {
    for (const pid_t pid : pids_) CHECK_EQUAL(kill(pid, SIGKILL), 0);
  }

 private:
  std::vector<std::unique_ptr<Use>> uses_;
  std::vector<pid_t> pids_;
};

void wait_until_too_many_hang(Payer payer) {
  const Nanoseconds start = now();
  while (!EndingChildren::of_process().has_too_many_hanging(payer)) {
    CHECK(now() - start < kLong);
    poll(nullptr, 0, 10);
  }
}

void bounds_those_of_a_container() {
  EndingChildren& ending = EndingChildren::of_process();
  ending.start();
  Hanging hanging;
  for (std::size_t i = 0; i < EndingChildren::kMaxHanging; ++i) {
    CHECK(!ending.has_too_many_hanging(kOwn));
    hanging.add(kOwn, long_ago());
  }
  wait_until_too_many_hang(kOwn);
  CHECK(!ending.has_too_many_hanging(kOther));
  CHECK(!ending.await_room(kOwn, {.max = kLong}));
  CHECK(ending.await_room(kOther, {.max = 0}));

  hanging.end();

  wait_until_none_is_left();
  CHECK(!ending.has_too_many_hanging(kOwn));
}

void bounds_those_of_all() {
  EndingChildren& ending = EndingChildren::of_process();
  ending.start();
  Hanging hanging;
  for (std::uint32_t i = 0; i < EndingChildren::kMaxHangingOfAll; ++i) {
    CHECK(!ending.has_too_many_hanging(i + kOther));
    hanging.add(i + kOther, long_ago());
  }
  wait_until_too_many_hang(kOther);
  CHECK(!ending.has_too_many_hanging(kOwn));
  hanging.end();
  wait_until_none_is_left();
}

// Whether it is the scheduler that keeps them can be seen from their state alone.
void counts_nobody_who_is_runnable() {
  EndingChildren& ending = EndingChildren::of_process();
  ending.start();
  Hanging hanging;
  for (std::size_t i = 0; i < EndingChildren::kMaxHanging; ++i) {
    hanging.add(kOther, long_ago(), compute_for_ever);
    hanging.add(kOwn, long_ago());
  }
  wait_until_too_many_hang(kOwn);
  CHECK(!ending.has_too_many_hanging(kOther));
  CHECK(ending.await_room(kOther, {.max = 0}));
  hanging.end();
  wait_until_none_is_left();
}

void counts_nobody_who_was_killed_just_now() {
  EndingChildren& ending = EndingChildren::of_process();
  ending.start();
  Hanging hanging;
  for (std::size_t i = 0; i <= EndingChildren::kMaxHanging; ++i) hanging.add(kOwn, now());
  CHECK(!ending.has_too_many_hanging(kOwn));
  hanging.end();
  wait_until_none_is_left();
}

void bounds_those_that_may_end_in_a_moment() {
  EndingChildren& ending = EndingChildren::of_process();
  ending.start();
  Hanging hanging;
  for (std::size_t i = 0; i < EndingChildren::kMaxAtOnce; ++i) {
    CHECK(ending.await_room(kOwn, kNone));
    hanging.add(kOwn, now());
  }
  CHECK(!ending.await_room(kOwn, kNone));
  CHECK(ending.await_room(kOther, kNone));
  for (Payer payer = kOther + 1; ending.count() < EndingChildren::kMaxAtOnceOfAll; ++payer) {
    for (std::size_t i = 0; i < EndingChildren::kMaxHanging; ++i) hanging.add(payer, now());
  }
  CHECK(!ending.await_room(kOther + 1, kNone));
  CHECK(ending.await_room(kOther, kNone));
  hanging.end();
  wait_until_none_is_left();
  CHECK(ending.await_room(kOwn, kNone));
}

void waits_until_there_are_fewer() {
  EndingChildren& ending = EndingChildren::of_process();
  ending.start();
  Hanging hanging;
  // however long this takes, they don't hang yet
  const Nanoseconds later = now() + kLong;
  for (std::size_t i = 0; i < EndingChildren::kMaxAtOnce; ++i) hanging.add(kOwn, later);
  CHECK(!ending.await_room(kOwn, {.max = 100 * kMillisecond}));
  std::atomic<bool> has_room = false;
  std::thread waiting([&] { has_room = ending.await_room(kOwn, {.max = kLong}); });
  hanging.end_first();
  waiting.join();
  CHECK(has_room.load());
  hanging.end();
  wait_until_none_is_left();
}

void waits_no_longer_when_it_is_given_up() {
  EndingChildren& ending = EndingChildren::of_process();
  ending.start();
  Hanging hanging;
  const Nanoseconds later = now() + 3600 * kSecond;
  for (std::size_t i = 0; i < EndingChildren::kMaxAtOnce; ++i) hanging.add(kOwn, later);
  std::atomic<Nanoseconds> given_up = 0;
  std::thread waiting([&] {
    CHECK(!ending.await_room(kOwn, {.max = 3600 * kSecond, .given_up = &given_up, .begun = 1}));
  });
  given_up.store(1);
  waiting.join();
  hanging.end();
  wait_until_none_is_left();
}

void begins_what_waits_once_there_are_fewer() {
  EndingChildren& ending = EndingChildren::of_process();
  Hanging hanging;
  for (std::size_t i = 0; i < EndingChildren::kMaxAtOnce; ++i) hanging.add(kOwn, now());
  std::vector<std::unique_ptr<Use>> uses;
  std::atomic<int> tries = 0;
  const auto begin = [&]() -> std::optional<EndingChild> {
    // there is none to be had
    if (++tries == 1) return std::nullopt;
    const auto& use = uses.emplace_back(make_use());
    EndingChild child = {.process = VALUE(start_child(use->stack, end_at_once, nullptr)),
                         .payer = kOther,
                         .since = now()};
    return child;
  };
  ending.begin(kOwn, begin);
  CHECK_EQUAL(tries.load(), 0);
  ending.begin(kOther, begin);
  CHECK_EQUAL(tries.load(), 1);
  CHECK_EQUAL(ending.count(), EndingChildren::kMaxAtOnce + 2);
  // who has one that waits gets no other
  CHECK(!ending.await_room(kOther, kNone));

  ending.start();

  hanging.end();
  const Nanoseconds start = now();
  while (tries.load() < 3 || ending.count() > 0) {
    CHECK(now() - start < kLong);
    poll(nullptr, 0, 1);
  }
  CHECK(ending.await_room(kOther, kNone));
  CHECK(ending.await_room(kOwn, kNone));
}

constexpr Case kCases[] = {
    {"A5: EndingChildren: one that can’t be killed is reaped at its end, and keeps what it uses",
     keeps_what_is_used_until_the_end},
    {"EndingChildren: one that ends when it is killed is not left", leaves_none_that_ends},
    {"A5: EndingChildren: of one container, so many may hang", bounds_those_of_a_container},
    {"A5: EndingChildren: of all containers, so many and one for each may hang",
     bounds_those_of_all},
    {"A5: EndingChildren: at once, so many of a container may be there",
     bounds_those_that_may_end_in_a_moment},
    {"A19: EndingChildren: whoever wants one too many waits until there are fewer",
     waits_until_there_are_fewer},
    {"EndingChildren: who is given up waits no longer for fewer",
     waits_no_longer_when_it_is_given_up},
    {"A19: EndingChildren: one that waits for a processor does not hang",
     counts_nobody_who_is_runnable},
    {"A5: EndingChildren: what waits for a child begins once there are fewer",
     begins_what_waits_once_there_are_fewer},
    {"EndingChildren: what was killed just now does not hang",
     counts_nobody_who_was_killed_just_now}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
