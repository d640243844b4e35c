// SPDX-License-Identifier: Apache-2.0
// Memory that the agent shares with one helper: how far the call is that the helper answers itself.
#pragma once

#include <atomic>
#include <cstdint>

namespace seccompagent {

// Right to answer the call: the helper's, until one of both claims it.
enum class CompletionPhase : std::uint32_t {
  // The helper acts.
  acting = 0,
  // The helper answers.
  answering = 1,
  // The helper is free for the next call as soon as it has sent its answer.
  finished = 2,
  // The agent answers in its place.
  withdrawn = 3,
  // The answer is sent: the helper may end.
  answered = 4,
  // The agent still has open what it has sent along, which it closes before the helper begins.
  preparing = 5,
  // The same, and the helper waits to be told.
  awaited = 6
};

// Place of a helper: the cgroups of its container decide about devices.
enum class CgroupStay : std::uint32_t {
  // In them, while they decide nothing: it may be moved out of them.
  free = 0,
  // In them, while they decide: it stays.
  held = 1,
  // It is moved out for good.
  left = 2
};

struct Completion {
  // The number of the request and its phase, see `word`.
  std::atomic<std::uint32_t> state;
  // Result, once it is finished: 0 or a positive errno.
  std::atomic<std::int32_t> error;
  // 1: the notification was gone.
  std::atomic<std::uint32_t> is_gone;
  // Of CLOCK_MONOTONIC, in nanoseconds: when it was answered.
  std::atomic<std::int64_t> time;
  // Also of a call that the agent waits for.
  std::atomic<CgroupStay> stay;
  // Looked-up files that the agent has taken: so many the helper has closed since it started.
  std::atomic<std::uint32_t> let_go;
  // The helper ends with this call, of whichever kind.
  std::atomic<bool> is_last;

  static constexpr unsigned kPhaseBits = 3;
  [[nodiscard]] static constexpr std::uint32_t word(std::uint32_t number, CompletionPhase phase) {
    return number << kPhaseBits | static_cast<std::uint32_t>(phase);
  }
};
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

}  // namespace seccompagent
