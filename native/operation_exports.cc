// SPDX-License-Identifier: Apache-2.0
// The exports that act inside a container.
#include <fcntl.h>

#include <optional>
#include <string>
#include <utility>

#include "addon_state.h"
#include "exports.h"
#include "memory.h"
#include "mount_request.h"
#include "operation.h"
#include "target.h"

namespace seccompagent {
namespace {

// How often an operation begins anew, because its notification went away before the effect.
constexpr int kTries = 5;

// The errno for the caller, or -1 when the notification is gone.
Napi::Value outcome_value(Napi::Env env, const Outcome& outcome) {
  if (outcome.failed_step != nullptr)
    return throw_errno(env, outcome.failed_step, Errno{outcome.failure});
  return number(env, outcome.is_gone ? -1 : outcome.answer);
}

template <typename Operation>
Outcome try_as_caller(Worker& worker, const Start& start, Pinned pinned, Operation operation) {
  const auto call = worker.current();
  if (!call) return our_failure("act without a call", call.error());
  auto target = pin_target(*call, start, pinned);
  if (target) return operation(std::move(*target), worker.patience());
  if (target.error() != Errno{ESRCH}) return our_failure("pin the caller", target.error());
  Outcome gone;
  gone.is_gone = true;
  return gone;
}

template <typename Operation>
Napi::Value act_as_caller(const Napi::CallbackInfo& info, std::uint32_t handle, const Start& start,
                          Pinned pinned, Operation operation) {
  AttachedWorker* attached = find(info, &State::workers, handle);
  if (attached == nullptr) return {};
  Worker& worker = *attached->worker;
  // others must not wait for what the container's file system takes
  if (const auto begun = worker.begin_operation(); !begun)
    return throw_errno(info.Env(), "operations of one call", begun.error());
  Outcome outcome = try_as_caller(worker, start, pinned, operation);
  // A signal may take the call back at any time, and it comes again at once: nothing was done.
  for (int tries = kTries; outcome.is_gone && tries > 0 && worker.await_restart(); --tries)
    outcome = try_as_caller(worker, start, pinned, operation);
  using Effect = Worker::Effect;
  const Effect effect = outcome.failed_step != nullptr ? Effect::unknown : Effect::done;
  if (outcome.answer == ETIMEDOUT) worker.lose_patience();
  worker.end_operation(outcome.is_gone ? Effect::none : effect);
  return outcome_value(info.Env(), outcome);
}

[[nodiscard]] bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

// Positions in the ranges of mountAsCaller; native.ts has the same.
constexpr std::size_t kSource = 0;

constexpr std::size_t kTarget = 2;

constexpr std::size_t kType = 4;

constexpr std::size_t kData = 6;

constexpr std::size_t kFlagsLow = 8;

constexpr std::size_t kFlagsHigh = 9;

constexpr std::size_t kMountRanges = 10;

}  // namespace

Napi::Value mkdir_as_caller(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::int32_t dirfd = arguments.i32();
  const std::span<std::byte> memory = arguments.bytes();
  const std::int32_t offset = arguments.i32();
  const std::int32_t length = arguments.i32();
  const std::uint32_t mode = arguments.u32();
  std::optional<std::string> path = arguments.range(memory, offset, length);
  if (!arguments.is_ok()) return {};
  if (!path || has_nul(*path)) return number(info.Env(), EINVAL);
  if (path->empty()) return number(info.Env(), ENOENT);
  if (path->size() >= kPathMax) return number(info.Env(), ENAMETOOLONG);
  const Start start = start_of(std::move(*path), dirfd);
  return act_as_caller(info, handle, start, Pinned::for_files,
                       [&](Target target, const Patience& patience) {
                         return make_directory(std::move(target), start.rest, mode, patience);
                       });
}

Napi::Value mount_as_caller(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::span<std::byte> memory = arguments.bytes();
  const std::span<const std::int32_t> ranges = arguments.numbers();
  if (!arguments.is_ok()) return {};
  if (ranges.size() != kMountRanges) return throw_type(info.Env(), "expected ten numbers");
  const auto text = [&](std::size_t at) {
    return arguments.range(memory, ranges[at], ranges[at + 1]);
  };
  auto target = text(kTarget);
  auto type = text(kType);
  MountArguments wanted = {
      .source = text(kSource),
      .target = target.value_or(""),
      .type = type.value_or(""),
      .flags = static_cast<std::uint32_t>(ranges[kFlagsLow]) |
               std::uint64_t{static_cast<std::uint32_t>(ranges[kFlagsHigh])} << 32,
      .data = text(kData)};
  if (!arguments.is_ok()) return {};
  if (!target || !type || has_nul(*target) || has_nul(*type) ||
      has_nul(wanted.source.value_or("")) || has_nul(wanted.data.value_or(""))) {
    return number(info.Env(), EINVAL);
  }
  if (target->empty()) return number(info.Env(), ENOENT);
  if (target->size() >= kPathMax) return number(info.Env(), ENAMETOOLONG);
  const Start start = start_of(std::move(*target), AT_FDCWD);
  wanted.target = start.rest;
  auto request = parse_mount(std::move(wanted));
  if (!request) return number(info.Env(), request.error().number);
  return act_as_caller(info, handle, start, Pinned::for_mounts,
                       [&](Target pinned, const Patience& patience) {
                         return mount_filesystem(std::move(pinned), *request, patience);
                       });
}

Napi::Value refuse_pidns(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const bool is_refused = arguments.u32() != 0;
  if (arguments.is_ok()) refuse_pidns_option(is_refused);
  return info.Env().Undefined();
}

}  // namespace seccompagent
