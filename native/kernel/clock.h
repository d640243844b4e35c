// SPDX-License-Identifier: Apache-2.0
// CLOCK_MONOTONIC in nanoseconds, see clock_gettime(2).
#pragma once

#include <time.h>

#include <cstdint>

namespace seccompagent {

using Nanoseconds = std::int64_t;

inline constexpr Nanoseconds kMicrosecond = 1000;
inline constexpr Nanoseconds kMillisecond = 1000 * kMicrosecond;
inline constexpr Nanoseconds kSecond = 1000 * kMillisecond;

[[nodiscard]] inline Nanoseconds now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

inline void pause_for(Nanoseconds duration) {
  const timespec time = {.tv_sec = duration / kSecond, .tv_nsec = duration % kSecond};
  nanosleep(&time, nullptr);
}

}  // namespace seccompagent
