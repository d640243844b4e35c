// SPDX-License-Identifier: Apache-2.0
// See execve(2) and sigaction(2).
#include "process/executing.h"

#include <signal.h>
#include <sys/syscall.h>

#include <cerrno>
#include <utility>

#include "kernel/raw_syscall.h"

namespace seccompagent {
namespace {

// Argument of sigaction(2) of the kernel; the C library's struct differs.
struct KernelSigaction {
  void* handler;
  unsigned long flags;
  void* restorer;
  unsigned long mask;
};

constexpr int kSignals = 64;
constexpr const char* kShell = "/bin/sh";

[[nodiscard]] std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Execution::Execution(std::vector<std::string> its_arguments,
                     std::vector<std::string> its_environment,
                     std::vector<std::string> its_candidates)
    : arguments(std::move(its_arguments)),
      environment(std::move(its_environment)),
      candidates(std::move(its_candidates)),
      argv(pointers_to(arguments)),
      shell_argv(argv.begin(), argv.end()),
      envp(pointers_to(environment)) {
  // its name, and what it is to read
  shell_argv.insert(shell_argv.begin(), const_cast<char*>(kShell));
  if (arguments.empty()) shell_argv.insert(shell_argv.begin(), const_cast<char*>(kShell));
}

SECCOMPAGENT_CHILD_CODE void Execution::reset_signals(unsigned long blocked) {
  // an ignored signal would stay ignored in the program
  const KernelSigaction by_default = {};
  for (int signal = 1; signal <= kSignals; ++signal) {
    raw_syscall(SYS_rt_sigaction, signal, raw_pointer(&by_default), 0, sizeof(unsigned long));
  }
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, raw_pointer(&blocked), 0, sizeof(unsigned long));
}

// An errno.
SECCOMPAGENT_CHILD_CODE int Execution::try_candidate(const std::string& candidate) {
  const long result = raw_syscall(SYS_execve, raw_pointer(candidate.c_str()),
                                  raw_pointer(argv.data()), raw_pointer(envp.data()));
  if (result != -ENOEXEC) return static_cast<int>(-result);
  shell_argv[1] = const_cast<char*>(candidate.c_str());
  raw_syscall(SYS_execve, raw_pointer(kShell), raw_pointer(shell_argv.data()),
              raw_pointer(envp.data()));
  return ENOEXEC;
}

SECCOMPAGENT_CHILD_CODE int Execution::execute() {
  int last = ENOENT;
  for (const std::string& candidate : candidates) {
    const int error = try_candidate(candidate);
    if (error == ENOENT || error == ENOTDIR || error == ESTALE || error == ENODEV ||
        error == ETIMEDOUT) {
      continue;
    }
    last = error;
    if (error != EACCES) break;
  }
  exec_errno.store(last);
  return last == ENOENT ? 127 : 126;
}

}  // namespace seccompagent
