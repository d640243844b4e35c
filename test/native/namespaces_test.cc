// SPDX-License-Identifier: Apache-2.0
// Tests where threads are found to be, on processes that change their namespaces.
#include "caller/namespaces.h"

#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <thread>

#include "caller/caller_state.h"
#include "check.h"

namespace seccompagent::test {
namespace {

enum class Step : char {
  // Gives CAP_SYS_ADMIN up, in all sets or but for the one that execve(2) takes it from.
  leave_power = 'p',
  leave_power_but_bounding = 'b',
  new_network = 'n',
  new_user_namespace = 'u',
  new_thread = 't',
};

// Takes CAP_SYS_ADMIN out of the sets of this thread.
[[nodiscard]] bool leave_power(bool is_bounding_left) {
  if (is_bounding_left && prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0) == -1) return false;
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) == -1) return false;
  data[0].effective &= ~(1U << CAP_SYS_ADMIN);
  data[0].permitted &= ~(1U << CAP_SYS_ADMIN);
  return syscall(SYS_capset, &header, data) == 0;
}

[[nodiscard]] bool do_step(Step step) {
  switch (step) {
    case Step::leave_power:
    case Step::leave_power_but_bounding:
      return leave_power(step == Step::leave_power);
    case Step::new_network:
      return unshare(CLONE_NEWNET) == 0;
    case Step::new_user_namespace:
      return unshare(CLONE_NEWUSER) == 0;
    case Step::new_thread:
      std::thread([] { pause(); }).detach();
      return true;
  }
  return false;
}

// A process that takes one step after the other.
class Mover {
 public:
  Mover() {
    int ends[2];
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    ours_.reset(ends[0]);
    const UniqueFd theirs(ends[1]);
    pid_ = fork();
    if (pid_ == 0) {
      ours_.reset();
      char step = 0;
      while (read(theirs.get(), &step, 1) == 1) {
        const char is_done = do_step(static_cast<Step>(step)) ? 1 : 0;
        if (write(theirs.get(), &is_done, 1) != 1) _exit(1);
      }
      _exit(0);
    }
    CHECK(pid_ > 0);
  }
  Mover(const Mover&) = delete;
  Mover& operator=(const Mover&) = delete;
  ~Mover() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  // Whether it could.
  [[nodiscard]] bool take(Step step) const {
    CHECK_EQUAL(write(ours_.get(), &step, 1), 1);
    char is_done = 0;
    CHECK_EQUAL(read(ours_.get(), &is_done, 1), 1);
    return is_done == 1;
  }
  // As for a call of it: it waits meanwhile.
  [[nodiscard]] Places look() const {
    const Places places = VALUE(places_of(pid_));
    know_places(pid_, places, VALUE(CallerState::of(pid_).read_status()));
    return places;
  }
  [[nodiscard]] bool are_known() const {
    return CallerState::of(pid_).lasting_places().has_value();
  }

 private:
  UniqueFd ours_;
  pid_t pid_ = -1;
};

void finds_where_a_thread_has_gone() {
  const Mover mover;
  CHECK(mover.look() == Places{});
  CHECK(mover.take(Step::new_network));
  const Places first = mover.look();
  CHECK(first.net != 0);
  CHECK(!mover.are_known());
  CHECK(mover.take(Step::new_network));
  CHECK(mover.look().net != first.net);
}

void knows_where_a_thread_stays() {
  const Mover mover;
  CHECK(mover.take(Step::new_network));
  CHECK(mover.take(Step::leave_power));
  const Places places = mover.look();
  CHECK(mover.are_known());
  CHECK(!mover.take(Step::new_network));
  CHECK(mover.look() == places);
}

// execve(2) of a program of root's would give it back.
void relies_on_no_power_that_comes_back() {
  const Mover mover;
  CHECK(mover.take(Step::leave_power_but_bounding));
  CHECK(mover.look() == Places{});
  CHECK(!mover.are_known());
}

// It may still have the right, and execute a program as the first one then.
void relies_on_no_other_thread() {
  const Mover mover;
  CHECK(mover.take(Step::new_thread));
  CHECK(mover.take(Step::leave_power));
  CHECK(mover.look() == Places{});
  CHECK(!mover.are_known());
}

// Anybody has all power in a new user namespace, and may give it up there again.
void follows_into_a_user_namespace() {
  const Mover mover;
  CHECK(mover.take(Step::leave_power));
  CHECK(mover.look() == Places{});
  CHECK(mover.are_known());
  CHECK(mover.take(Step::new_user_namespace));
  CHECK(mover.look().user != 0);
  CHECK(mover.take(Step::new_network));
  const Places places = mover.look();
  CHECK(places.net != 0);
  CHECK(mover.take(Step::leave_power));
  CHECK(mover.look() == places);
  CHECK(!mover.take(Step::new_network));
}

constexpr Case kCases[] = {
    {"A14: places_of: whoever may leave its namespaces is looked up each time",
     finds_where_a_thread_has_gone},
    {"places_of: whoever can't leave them is looked up once", knows_where_a_thread_stays},
    {"A14: places_of: whoever may get that right back may leave them",
     relies_on_no_power_that_comes_back},
    {"A14: places_of: so may whoever gets its number", relies_on_no_other_thread},
    {"A14: places_of: a new user namespace changes that", follows_into_a_user_namespace}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
