// SPDX-License-Identifier: Apache-2.0
// A program that is run to its end with a text on its standard input, and its output. None of our
// descriptors are copied for it: closing the copies might take for ever, see
// child_starter.h.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "kernel/clock.h"
#include "kernel/result.h"
#include "process/landlock.h"

namespace seccompagent {

struct ProgramRequest {
  std::vector<std::string> arguments;
  // NAME=value
  std::vector<std::string> environment;
  // Paths for execve(2), tried one after the other.
  std::vector<std::string> candidates;
  // Its working directory; empty: ours.
  std::string folder;
  std::string input;
  // Of each of its streams, in bytes.
  std::size_t max_output;
  Nanoseconds max_time;
  // All that it may open; absent: whatever we may.
  std::optional<OpenableFiles> files = {};
};

// Ways in which a program ends.
enum class ProgramEnd {
  // By itself, or by a signal that it got.
  itself,
  // No candidate could be executed; `code` is the errno.
  not_executed,
  // It could not get its streams or its folder; `code` is the errno.
  not_prepared,
  // It was killed, with all that are in its process group.
  took_too_long,
  said_too_much,
};

struct ProgramResult {
  ProgramEnd end;
  // Its exit code.
  int code;
  // The signal that ended it; 0: none.
  int signal;
  // Of a processor, with that of all that it has waited for; 0: it was killed.
  Nanoseconds processor_time;
  std::string output;
  std::string error_output;
};

// It is a session of its own, so that it cannot ask a terminal and wait for its answer. Returns
// when it has ended, or was killed. What it has started goes on if it ends in time. SIGPIPE must be
// ignored. EOPNOTSUPP: nothing here can keep it to `files`.
[[nodiscard]] Result<ProgramResult> run_program(ProgramRequest request);

}  // namespace seccompagent
