// SPDX-License-Identifier: Apache-2.0
// Probes of what the agent needs of the kernel, in throw-away processes: by behaviour, since
// versions say little of kernels that distributions patch, and nothing of what forbids a call.
#pragma once

#include <string_view>

namespace seccompagent {

struct ProbeOutcome {
  bool works;
  // A string literal: what did not work.
  const char* step;
  // 0: it did something else than it should.
  int error;
  // The signal that ended the process that tried it; 0: none.
  int signal;
};

inline constexpr ProbeOutcome kWorks = {.works = true, .step = "", .error = 0, .signal = 0};

[[nodiscard]] inline ProbeOutcome failed(const char* step, int error = 0) {
  return {.works = false, .step = step, .error = error, .signal = 0};
}

// Names are those in probe.cc; `works` is false for one that is none, without a step.
[[nodiscard]] ProbeOutcome run_probe(std::string_view name);

}  // namespace seccompagent
