// SPDX-License-Identifier: Apache-2.0
// The step of a child that shares our memory to another program.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "process/child.h"

namespace seccompagent {

// Arguments of execve(2), and its paths, tried one after the other, as execvp(3) does: what is
// no program is read by a shell.
struct Execution {
  std::vector<std::string> arguments;
  // NAME=value
  std::vector<std::string> environment;
  std::vector<std::string> candidates;
  std::vector<char*> argv = {};
  // The same for a shell that reads a candidate.
  std::vector<char*> shell_argv = {};
  std::vector<char*> envp = {};
  // 0, or why no candidate could be executed.
  std::atomic<int> exec_errno = 0;

  Execution(std::vector<std::string> its_arguments, std::vector<std::string> its_environment,
            std::vector<std::string> its_candidates);
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

  // Child code: every signal does what it does by default, and these are blocked.
  static void reset_signals(unsigned long blocked);
  // Child code. Returns only where nothing could be executed: the exit code that shells have.
  [[nodiscard]] int execute();

 private:
  [[nodiscard]] int try_candidate(const std::string& candidate);
};

}  // namespace seccompagent
