// SPDX-License-Identifier: Apache-2.0
// A command under a notify filter, in a private mount namespace.
#pragma once

#include <linux/filter.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

struct LaunchRequest {
  std::vector<std::string> arguments;
  // NAME=value
  std::vector<std::string> environment;
  // Paths for execve(2), tried one after the other.
  std::vector<std::string> candidates;
  std::vector<sock_filter> filter;
};

struct ExitStatus {
  // Exit code, or 128 + the signal that ended it, as shells have it.
  int code;
  // 0, or why no candidate could be executed.
  int exec_errno;
};

struct LaunchFailure {
  // A string literal.
  const char* step;
  Errno error;
};

class Launch {
 public:
  // Returns once the filter is loaded; the command itself may already wait for its first answer.
  [[nodiscard]] static std::expected<Launch, LaunchFailure> start(LaunchRequest request);
  Launch(Launch&&) noexcept;
  Launch& operator=(Launch&&) = delete;
  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;
  // Kills the command when it still runs.
  ~Launch();

  [[nodiscard]] pid_t pid() const;
  // For epoll: readable once the command has ended.
  [[nodiscard]] int pidfd() const;
  // Of its filter, see bpf.h.
  [[nodiscard]] bool waits_killable() const;
  [[nodiscard]] UniqueFd take_listener();
  // Empty while it runs.
  [[nodiscard]] std::optional<ExitStatus> poll_exit();
  // ESRCH: it has ended.
  [[nodiscard]] Result<void> send_signal(int signal);

 private:
  struct State;
  explicit Launch(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace seccompagent
