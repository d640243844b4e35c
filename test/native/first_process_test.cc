// SPDX-License-Identifier: Apache-2.0
// Tests which process is found to be a container's first one, and that it is no other one that has
// got its number.
#include "caller/first_process.h"

#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "caller/process_identity.h"
#include "check.h"
#include "kernel/process_files.h"
#include "sleeper.h"

namespace seccompagent::test {
namespace {

constexpr uid_t kRoot = 0;
constexpr uid_t kUser = 1000;
constexpr uid_t kOther = 1001;

[[nodiscard]] UniqueFd pidfd_of(pid_t process) {
  return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
}

void tells_processes_of_one_number_apart() {
  Sleeper first;
  const pid_t pid = first.pid();
  const auto identity = identity_of(pid);
  CHECK(identity.has_value());
  CHECK(identity_of(pid) == identity);
  CHECK(identity_of(getpid()) != identity);
  const AskedProcesses asked = open_asked(getpid(), kRoot, pid);
  const auto found = find_first_process(asked, kRoot);
  CHECK(found && found->pid == pid && found->identity == *identity);
  first.end();
  CHECK(!identity_of(pid).has_value());
  const Sleeper second(pid);
  CHECK(identity_of(pid).has_value());
  CHECK(identity_of(pid) != identity);
  CHECK(!find_first_process(asked, kRoot).has_value());
}

void finds_a_users_own_alone() {
  const UsersSleeper theirs(kUser);
  const AskedProcesses asked = open_asked(getpid(), kUser, theirs.pid());
  CHECK(find_first_process(asked, kUser).has_value());
  CHECK(!find_first_process(asked, kOther).has_value());
}

void finds_the_first_of_a_namespace() {
  const UsersSleeper first(kUser, "sleeper", CLONE_NEWPID);
  // a sender that is inside, and one that is outside with a child that is inside: that is us
  for (const pid_t sender : {first.pid(), getpid()}) {
    for (const uid_t user : {kRoot, kUser}) {
      const auto found = find_first_process(open_asked(sender, user, 0), user);
      CHECK(found && found->pid == first.pid());
    }
    CHECK(!find_first_process(open_asked(sender, kOther, 0), kOther).has_value());
  }
}

void finds_it_among_all_processes() {
  const UsersSleeper first(kUser, "sleeper", CLONE_NEWPID);
  const UsersSleeper other(kUser, "sleeper", CLONE_NEWPID);
  CHECK_EQUAL(VALUE(pid_of(first_in_machine_beside(pidfd_of(first.pid())))), first.pid());
  CHECK_EQUAL(VALUE(pid_of(first_in_machine_beside(pidfd_of(other.pid())))), other.pid());
  CHECK(is_first_of_namespace(pidfd_of(first.pid())));
  const Sleeper none;
  CHECK(!is_first_of_namespace(pidfd_of(none.pid())));
}

constexpr Case kCases[] = {
    {"K2: first process: who gets the number of one that has ended is another",
     tells_processes_of_one_number_apart},
    {"A10: first process: what a user says counts for processes of this user alone",
     finds_a_users_own_alone},
    {"G6: first process: the sender, or its child, is in the container's pid namespace",
     finds_the_first_of_a_namespace},
    {"G6: first process: before Linux 6.11 all processes are looked through",
     finds_it_among_all_processes},
};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
