// SPDX-License-Identifier: Apache-2.0
// Effective Linux capabilities of the calling thread, see capabilities(7).
#pragma once

#include <cstdint>

#include "kernel/result.h"

namespace seccompagent {

// Whether the thread has a Linux capability, by its number.
[[nodiscard]] bool is_effective(unsigned capability);

// Sets those of `wanted` that are permitted. False: they were those already.
[[nodiscard]] Result<bool> set_effective(std::uint64_t wanted);
[[nodiscard]] Result<std::uint64_t> permitted_capabilities();

// A Linux capability, as a bit, that is effective besides the others while this lives. 0: none is.
class LentCapability {
 public:
  explicit LentCapability(std::uint64_t capability);
  LentCapability(const LentCapability&) = delete;
  LentCapability& operator=(const LentCapability&) = delete;
  // A thread that can't give it back must not go on: the process aborts. Leaves errno as it is.
  ~LentCapability();

 private:
  bool is_lent_ = false;
  std::uint64_t before_ = 0;
};

}  // namespace seccompagent
