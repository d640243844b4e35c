// SPDX-License-Identifier: Apache-2.0
// Operations on behalf of the caller of the current call, for the exports that do them.
#pragma once

#include <napi.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

#include "addon/addon_state.h"
#include "caller/target.h"
#include "kernel/notify.h"

namespace seccompagent {

// Tries of an operation whose notification goes away before the effect.
inline constexpr int kTries = 5;

// The errno for the caller, or -1 when the notification is gone. `label`: the caller's.
inline Napi::Value outcome_value(Napi::Env env, const Outcome& outcome, const std::string& label) {
  if (outcome.label_refusal != 0)
    return throw_label_refusal(env, label, Errno{outcome.label_refusal});
  if (outcome.failed_step != nullptr)
    return throw_errno(env, outcome.failed_step, Errno{outcome.failure});
  return number(env, outcome.is_gone ? -1 : outcome.answer);
}

// Starts of an operation's paths.
struct Starts {
  const Start& start;
  const Start* second;
  Pinned pinned;
};

template <typename Operation>
Outcome try_as_caller(Worker& worker, const Starts& place, Operation operation,
                      std::string& label) {
  const auto call = worker.current();
  if (!call) return our_failure("act without a call", call.error());
  auto target = pin_target(*call, place.start, place.pinned, place.second);
  if (target) {
    label = target->label.text;
    return operation(std::move(*target), worker.patience());
  }
  if (target.error() != Errno{ESRCH}) return our_failure("pin the caller", target.error());
  Outcome gone;
  gone.is_gone = true;
  return gone;
}

// Helpers end with their container, whatever they do.
inline bool has_container_ended(Worker& worker) {
  const auto call = worker.current();
  return call && !has_users(call->listener);
}

template <typename Operation>
Napi::Value act_as_caller(const Napi::CallbackInfo& info, Worker& worker, const Starts& place,
                          Operation operation) {
  // others must not wait for what the container's file system takes
  if (const auto begun = worker.begin_operation(); !begun)
    return throw_errno(info.Env(), "operations of one call", begun.error());
  std::string label;
  Outcome outcome = try_as_caller(worker, place, operation, label);
  // A signal may take the call back at any time, and it comes again at once: nothing was done.
  for (int tries = kTries; outcome.is_gone && tries > 0 && worker.await_restart(); --tries)
    outcome = try_as_caller(worker, place, operation, label);
  if (outcome.failed_step != nullptr && has_container_ended(worker)) {
    outcome = {};
    outcome.is_gone = true;
  }
  using Effect = Worker::Effect;
  const Effect effect = outcome.failed_step != nullptr ? Effect::unknown : Effect::done;
  if (outcome.answer == ETIMEDOUT) worker.lose_patience();
  worker.end_operation(outcome.is_gone ? Effect::none : effect);
  return outcome_value(info.Env(), outcome, label);
}

// A number of 64 bits by its halves.
[[nodiscard]] constexpr std::uint64_t wide(std::uint32_t low, std::uint32_t high) {
  return low | std::uint64_t{high} << 32;
}

}  // namespace seccompagent
