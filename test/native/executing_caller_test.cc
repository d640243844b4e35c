// SPDX-License-Identifier: Apache-2.0
// Callers whose process executes another program while their calls wait: under
// WAIT_KILLABLE_RECV nothing else takes a call back, and who comes next has the same thread id.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <thread>

#include "check.h"
#include "helper/wire.h"
#include "receiver_fixture.h"

namespace seccompagent::test {
namespace {

constexpr const char* kFirst = "--call-first";
constexpr const char* kAgain = "--call-again";
// The caller's end.
constexpr int kSocket = 3;
constexpr std::int64_t kEarlier = 5;
constexpr std::int64_t kLater = 6;

void execute(const char* what) {
  execl("/proc/self/exe", "executing_caller_test", what, nullptr);
  _exit(1);
}

// getpriority(2), which nobody else makes here.
[[nodiscard]] int call() { return static_cast<int>(raw_syscall(SYS_getpriority, 0, 0)); }

// The first thread calls, and another one executes the next program when it is told to.
[[noreturn]] void call_first() {
  const auto filter =
      VALUE(assemble_filter({{kArch, {static_cast<std::uint32_t>(SYS_getpriority)}}}));
  const InstalledFilter installed =
      install_filter(filter.data(), static_cast<unsigned short>(filter.size()));
  CHECK(installed.listener >= 0);
  CHECK(installed.waits_killable);
  const int listener = static_cast<int>(installed.listener);
  const std::byte nothing = {};
  CHECK(send_message(kSocket, std::span(&nothing, 1), std::span(&listener, 1)).has_value());
  close(listener);
  std::thread([] {
    std::byte told = {};
    CHECK_EQUAL(read(kSocket, &told, 1), 1);
    execute(kAgain);
  }).detach();
  _exit(call());
}

class Program {
 public:
  Program() {
    int ends[2];
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    ours_.reset(ends[0]);
    const UniqueFd theirs(ends[1]);
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (theirs.get() == kSocket) fcntl(kSocket, F_SETFD, 0);
      if (theirs.get() != kSocket) dup2(theirs.get(), kSocket);
      execute(kFirst);
    }
    CHECK(pid_ > 0);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] UniqueFd listener() const {
    std::byte nothing = {};
    auto received = VALUE(receive_message(ours_.get(), std::span(&nothing, 1)));
    CHECK_EQUAL(received.fds.size(), 1UL);
    return std::move(received.fds.front());
  }
  void execute_next() const { CHECK_EQUAL(write(ours_.get(), "", 1), 1); }
  // Result of its last call.
  [[nodiscard]] int code() const {
    siginfo_t ended = {};
    CHECK_EQUAL(waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOWAIT), 0);
    CHECK_EQUAL(ended.si_code, CLD_EXITED);
    return ended.si_status;
  }

 private:
  UniqueFd ours_;
  pid_t pid_ = -1;
};

std::uint32_t add_program(Receiver& receiver, const Program& program) {
  return VALUE(receiver.add_listener(
      program.listener(),
      {.terms = terms(), .first = look_at_first(program.pid()), .waits_killable = true}));
}

// The answer of the program before is due while the next one waits for its own.
void gives_no_late_answer_to_the_next_program() {
  constexpr std::uint32_t kDelay = 400;
  const auto receiver = make_receiver();
  const Program program;
  add_program(*receiver, program);
  Desk desk(receiver);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  CHECK_EQUAL(static_cast<pid_t>(desk.inbox().tid), program.pid());
  const std::uint64_t first = desk.inbox().id;
  desk.answer(kEarlier, kDelay);
  program.execute_next();
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  CHECK_EQUAL(static_cast<pid_t>(desk.inbox().tid), program.pid());
  CHECK(desk.inbox().id != first);
  pause_for(2 * kDelay * kMillisecond);
  desk.answer(kLater);
  CHECK_EQUAL(desk.receive(), EventKind::ended);
  CHECK_EQUAL(program.code(), static_cast<int>(kLater));
  CHECK_EQUAL(figure(*receiver, kLate), 0UL);
}

// It comes when the call is gone, and the next program's is there.
void gives_no_lost_answer_to_the_next_program() {
  const auto receiver = make_receiver();
  const Program program;
  add_program(*receiver, program);
  Desk desk(receiver);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  const CallId first = VALUE(desk.worker().current());
  program.execute_next();
  wait_until([&] { return !id_valid(first.listener, first.id_valid_request, first.id); });
  desk.answer(kEarlier);
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  CHECK(desk.inbox().id != first.id);
  CHECK_EQUAL(desk.inbox().was_gone, 1U);
  desk.answer(kLater);
  CHECK_EQUAL(desk.receive(), EventKind::ended);
  CHECK_EQUAL(program.code(), static_cast<int>(kLater));
}

constexpr Case kCases[] = {
    {"K8: executing: a late answer is not for the program that its caller's process has executed",
     gives_no_late_answer_to_the_next_program},
    {"K8: executing: neither is one whose call is gone", gives_no_lost_answer_to_the_next_program}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  using namespace seccompagent::test;
  if (argc == 2 && std::strcmp(argv[1], kFirst) == 0) call_first();
  if (argc == 2 && std::strcmp(argv[1], kAgain) == 0) return call();
  return run_cases(kCases, argc, argv);
}
