// SPDX-License-Identifier: Apache-2.0
#include "process/last_closing.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "check.h"
#include "kernel/clock.h"
#include "kernel/raw_syscall.h"
#include "process/child.h"

namespace seccompagent::test {
namespace {

constexpr int kLongMs = 20'000;
constexpr int kMomentMs = 200;

struct Pipe {
  UniqueFd reading;
  UniqueFd writing;

  [[nodiscard]] static Pipe make() {
    int ends[2];
    CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
  }
  // Whether nobody has the other end any more.
  [[nodiscard]] bool ends_in(int timeout_ms) const {
    pollfd end = {.fd = reading.get(), .events = 0, .revents = 0};
    return retry_eintr([&] { return poll(&end, 1, timeout_ms); }) == 1;
  }
};

SECCOMPAGENT_CHILD_CODE int sleep_for_ever(void* /*argument*/) {
  for (;;) raw_syscall(SYS_ppoll, 0, 0, 0, 0, 0);
}

// A process that ends as soon as somebody who shares its descriptors and the one who closes them
// are there, and tells who it was; the first sleeps on.
[[noreturn]] void be_an_agent(const Pipe& told) {
  LastClosing::of_process().start();
  const auto stack = VALUE(ChildStack::make());
  const ChildProcess sharing = VALUE(start_sharing_child(stack, sleep_for_ever, nullptr));
  CHECK_EQUAL(write(told.writing.get(), &sharing.pid, sizeof sharing.pid),
              static_cast<ssize_t>(sizeof sharing.pid));
  poll(nullptr, 0, kMomentMs);
  raise(SIGKILL);
  _exit(1);
}

void closes_what_others_share() {
  Pipe told = Pipe::make();
  const pid_t agent = fork();
  if (agent == 0) be_an_agent(told);
  CHECK(agent > 0);
  told.writing.reset();
  pid_t sharing = 0;
  CHECK_EQUAL(read(told.reading.get(), &sharing, sizeof sharing),
              static_cast<ssize_t>(sizeof sharing));

  CHECK(told.ends_in(kLongMs));

  CHECK_EQUAL(kill(sharing, 0), 0);
  CHECK_EQUAL(kill(sharing, SIGKILL), 0);
  int status = 0;
  CHECK_EQUAL(waitpid(agent, &status, 0), agent);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

// Of any thread.
[[nodiscard]] pid_t await_child_but(pid_t former) {
  const Nanoseconds start = now();
  for (;;) {
    for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
      std::ifstream children(thread.path() / "children");
      pid_t child = 0;
      if (children >> child && child != former) return child;
    }
    CHECK(now() - start < kLongMs * kMillisecond);
    pause_for(kMillisecond);
  }
}

void is_started_again() {
  LastClosing::of_process().start();
  LastClosing::of_process().start();
  const Pipe pipe = Pipe::make();
  const pid_t first = await_child_but(0);
  CHECK(!pipe.ends_in(kMomentMs));
  CHECK_EQUAL(kill(first, SIGKILL), 0);
  CHECK_EQUAL(kill(await_child_but(first), 0), 0);
  CHECK(!pipe.ends_in(kMomentMs));
}

constexpr Case kCases[] = {
    {"A5: LastClosing: what others share is closed when we have ended", closes_what_others_share},
    {"LastClosing: a child that is killed is started again", is_started_again}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
