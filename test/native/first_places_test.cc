// SPDX-License-Identifier: Apache-2.0
#include "container/first_places.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "check.h"
#include "container/resources.h"
#include "executing_process.h"
#include "receiver_fixture.h"
#include "told_child.h"

namespace seccompagent::test {
namespace {

[[nodiscard]] UniqueFd pidfd_of(pid_t pid) {
  return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

ino_t namespace_of(pid_t pid, const char* name) {
  struct stat found = {};
  CHECK_EQUAL(stat(("/proc/" + std::to_string(pid) + "/ns/" + name).c_str(), &found), 0);
  return found.st_ino;
}

void tells_where_it_was() {
  const auto own = find_first_places(pidfd_of(getpid()));
  CHECK(own != nullptr);
  struct stat made_in = {};
  CHECK_EQUAL(fstat(own->made_in.get(), &made_in), 0);
  CHECK_EQUAL(made_in.st_ino, namespace_of(getpid(), "user"));
  const ToldChild moved([](int told) {
    if (unshare(CLONE_NEWNS) == -1 || chroot("/proc") == -1) _exit(1);
    for (;;) await_told(told);
  });
  wait_until([&] {
    const auto other = find_first_places(pidfd_of(moved.pid()));
    return other != nullptr && other->root_mount != own->root_mount;
  });
  const auto other = find_first_places(pidfd_of(moved.pid()));
  CHECK(other->start >= own->start);
}

// Whoever leaves its mounts leaves the others there, who may have hidden something from each other.
void knows_who_left_its_mounts() {
  const ToldChild first([](int told) {
    await_told(told);
    if (unshare(CLONE_NEWNS) == -1) _exit(1);
    for (;;) await_told(told);
  });
  const auto receiver = make_receiver();
  Callers callers(1);
  add(*receiver, callers, first.pid());
  Desk desk(receiver);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  CHECK(desk.worker().has_mounts_of_first());
  first.tell();
  wait_until([&] { return namespace_of(first.pid(), "mnt") != namespace_of(getpid(), "mnt"); });
  CHECK(!desk.worker().has_mounts_of_first());
  desk.answer(0);
}

void tells_nothing_of_who_has_ended() {
  UniqueFd pidfd;
  {
    const ToldChild child(await_told);
    pidfd = pidfd_of(child.pid());
  }
  CHECK(find_first_places(pidfd) == nullptr);
  CHECK(find_first_places(UniqueFd()) == nullptr);
}

void waits_for_nobody_who_executes() {
  const auto receiver = make_receiver();
  const ExecutingProcess first;
  Callers callers(1);
  const std::uint32_t token = add(*receiver, callers, first.pid());
  Desk desk(receiver);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  Worker& worker = desk.worker();
  const CallId call = VALUE(worker.current());
  first.execute();
  std::atomic<bool> has_mounts = false;
  std::atomic<bool> has_root = false;
  std::atomic<bool> has_resources = false;
  CHECK(!first.keeps_waiting([&] {
    Target target = {};
    target.call = call;
    has_mounts = worker.has_mounts_of_first();
    has_root = worker.has_root_of_first(target).value_or(false);
    has_resources = receiver->container_resources(token).has_value();
  }));
  CHECK(has_mounts.load());
  CHECK(has_root.load());
  CHECK(has_resources.load());
  desk.answer(0);
}

constexpr Case kCases[] = {
    {"first places: they are those of the process", tells_where_it_was},
    {"A8: first places: a first process that has left its mounts is known",
     knows_who_left_its_mounts},
    {"first places: there are none of a process that has ended", tells_nothing_of_who_has_ended},
    {"A5: first places: nobody waits for a first process that executes",
     waits_for_nobody_who_executes},
};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
