// SPDX-License-Identifier: Apache-2.0
#include "process/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "kernel/raw_syscall.h"
#include "process/child.h"
#include "process/child_starter.h"
#include "process/ending_children.h"
#include "process/executing.h"

namespace seccompagent {
namespace {

// Of no container.
constexpr std::uint32_t kNobodys = 0;
constexpr Nanoseconds kMaxPoll = 1000 * kMillisecond;

// Memory of the child until it is another program.
struct Start {
  ChildStack stack;
  Execution execution;
  std::string folder;
  // Whether its last descriptor says what it may open.
  bool is_restricted;
  // An errno of what comes before execve.
  std::atomic<int> failure = 0;

  Start(ChildStack own_stack, ProgramRequest& request)
      : stack(std::move(own_stack)),
        execution(std::move(request.arguments), std::move(request.environment),
                  std::move(request.candidates)),
        folder(std::move(request.folder)),
        is_restricted(request.files.has_value()) {}

  // Its standard streams, and the files that it may open.
  SECCOMPAGENT_CHILD_CODE int run() {
    raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
    // all of it can be killed then
    raw_syscall(SYS_setsid);
    for (int stream = 0; stream <= STDERR_FILENO; ++stream) {
      const long result = raw_syscall(SYS_dup3, ChildStarter::kFirstGiven + stream, stream, 0);
      if (result < 0) return fail_before(result);
    }
    if (!folder.empty()) {
      const long result = raw_syscall(SYS_chdir, raw_pointer(folder.c_str()));
      if (result < 0) return fail_before(result);
    }
    if (is_restricted) {
      raw_syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);
      constexpr int kRuleset = ChildStarter::kFirstGiven + STDERR_FILENO + 1;
      const long result = raw_syscall(SYS_landlock_restrict_self, kRuleset);
      if (result < 0) return fail_before(result);
    }
    Execution::reset_signals(0);
    return execution.execute();
  }

  SECCOMPAGENT_CHILD_CODE int fail_before(long result) {
    failure.store(static_cast<int>(-result));
    return 1;
  }

  static SECCOMPAGENT_CHILD_CODE int child_main(void* argument) {
    return static_cast<Start*>(argument)->run();
  }
};

void note_failure_of(const Start& start, ProgramResult& result) {
  if (const int error = start.failure.load(); error != 0) {
    result.end = ProgramEnd::not_prepared;
    result.code = error;
  } else if (const int exec_error = start.execution.exec_errno.load(); exec_error != 0) {
    result.end = ProgramEnd::not_executed;
    result.code = exec_error;
  }
}

struct Pipe {
  UniqueFd ours;
  UniqueFd its;
};

// Only our end does not block. `ours`: 0 where we read, 1 where we write.
[[nodiscard]] Result<Pipe> make_pipe(unsigned ours) {
  std::array<int, 2> ends = {};
  if (pipe2(ends.data(), O_CLOEXEC) == -1) return fail_errno();
  Pipe pipe = {.ours = UniqueFd(ends.at(ours)), .its = UniqueFd(ends.at(1 - ours))};
  if (fcntl(pipe.ours.get(), F_SETFL, O_NONBLOCK) == -1) return fail_errno();
  return pipe;
}

[[nodiscard]] Nanoseconds nanoseconds_of(const timeval& time) {
  return time.tv_sec * kSecond + time.tv_usec * kMicrosecond;
}

// Of one that has ended and was not reaped yet.
void note_end_of(pid_t pid, ProgramResult& result) {
  siginfo_t info = {};
  rusage usage = {};
  constexpr int kOptions = WEXITED | WNOHANG | WNOWAIT | __WALL;
  // that of the C library does not say what was used
  const long waited =
      retry_eintr([&] { return syscall(SYS_waitid, P_PID, pid, &info, kOptions, &usage); });
  if (waited == -1 || info.si_pid == 0) return;
  (info.si_code == CLD_EXITED ? result.code : result.signal) = info.si_status;
  result.processor_time = nanoseconds_of(usage.ru_utime) + nanoseconds_of(usage.ru_stime);
}

// Talks to a running program.
class Talk {
 public:
  Talk(std::string input, std::array<UniqueFd, 3> streams, std::size_t max_output)
      : input_(std::move(input)), streams_(std::move(streams)), max_output_(max_output) {
    if (input_.empty()) streams_[0].reset();
  }

  // Until it has ended, all it has printed before included.
  [[nodiscard]] ProgramEnd until_end(const ChildProcess& child, Nanoseconds deadline) {
    for (;;) {
      const Nanoseconds left = deadline - now();
      if (left <= 0) return ProgramEnd::took_too_long;
      std::array<pollfd, 4> watched = {{{.fd = child.pidfd.get(), .events = POLLIN, .revents = 0},
                                        {.fd = streams_[0].get(), .events = POLLOUT, .revents = 0},
                                        {.fd = streams_[1].get(), .events = POLLIN, .revents = 0},
                                        {.fd = streams_[2].get(), .events = POLLIN, .revents = 0}}};
      // rounded up, so that it does not look again and again in the last millisecond
      const int timeout = static_cast<int>(std::min(left, kMaxPoll) / kMillisecond) + 1;
      (void)poll(watched.data(), watched.size(), timeout);
      if (watched[1].revents != 0) write_input();
      const bool has_ended = watched[0].revents != 0;
      // others may still have its pipes: what they print is not awaited
      for (std::size_t at = 0; at < outputs_.size(); ++at) {
        if (has_ended || watched.at(at + 2).revents != 0) read_output(at);
        if (outputs_.at(at).size() > max_output_) return ProgramEnd::said_too_much;
      }
      if (has_ended) return ProgramEnd::itself;
    }
  }

  [[nodiscard]] std::string take_output(std::size_t at) { return std::move(outputs_.at(at)); }

 private:
  void write_input() {
    // Node ignores SIGPIPE; EPIPE: it does not want to know
    const ssize_t written = write(streams_[0].get(), input_.data() + sent_, input_.size() - sent_);
    if (written == -1 && (errno == EAGAIN || errno == EINTR)) return;
    if (written > 0) sent_ += static_cast<std::size_t>(written);
    if (written <= 0 || sent_ == input_.size()) streams_[0].reset();
  }

  void read_output(std::size_t at) {
    UniqueFd& stream = streams_.at(at + 1);
    std::string& output = outputs_.at(at);
    std::array<char, 16UL * 1024> bytes;
    while (stream.is_open() && output.size() <= max_output_) {
      const ssize_t got = read(stream.get(), bytes.data(), bytes.size());
      if (got == -1 && errno == EINTR) continue;
      if (got == -1 && errno == EAGAIN) return;
      if (got <= 0) stream.reset();
      if (got > 0) output.append(bytes.data(), static_cast<std::size_t>(got));
    }
  }

  std::string input_;
  std::size_t sent_ = 0;
  std::array<UniqueFd, 3> streams_;
  std::size_t max_output_;
  std::array<std::string, 2> outputs_ = {};
};

// It has not been reaped, so its number is its own.
void kill_group(pid_t pid) {
  kill(-pid, SIGKILL);
  // before it had a group
  kill(pid, SIGKILL);
}

}  // namespace

Result<ProgramResult> run_program(ProgramRequest request) {
  const Nanoseconds deadline = now() + request.max_time;
  if (const auto started = ChildStarter::of_process().start(); !started)
    return std::unexpected(started.error());
  auto input = make_pipe(1);
  if (!input) return std::unexpected(input.error());
  auto output = make_pipe(0);
  if (!output) return std::unexpected(output.error());
  auto errors = make_pipe(0);
  if (!errors) return std::unexpected(errors.error());
  auto stack = ChildStack::make();
  if (!stack) return std::unexpected(stack.error());
  UniqueFd ruleset;
  if (request.files) {
    auto made = make_ruleset(*request.files);
    if (!made) return std::unexpected(made.error());
    ruleset = std::move(*made);
  }
  auto start = std::make_unique<Start>(std::move(*stack), request);
  std::vector<int> given = {input->its.get(), output->its.get(), errors->its.get()};
  if (ruleset.is_open()) given.push_back(ruleset.get());
  auto child =
      ChildStarter::of_process().start_child(start->stack, Start::child_main, start.get(), given);
  if (!child) return std::unexpected(child.error());
  for (Pipe* pipe : {&*input, &*output, &*errors}) pipe->its.reset();
  Talk talk(std::move(request.input),
            {std::move(input->ours), std::move(output->ours), std::move(errors->ours)},
            request.max_output);
  ProgramResult result = {};
  result.end = talk.until_end(*child, deadline);
  if (result.end == ProgramEnd::itself) {
    note_end_of(child->pid, result);
  } else {
    kill_group(child->pid);
  }
  // it has ended or was killed
  (void)await_or_leave(std::move(*child), {.max = kDying}, kNobodys, start);
  if (start) note_failure_of(*start, result);
  result.output = talk.take_output(0);
  result.error_output = talk.take_output(1);
  return result;
}

}  // namespace seccompagent
