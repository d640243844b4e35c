// SPDX-License-Identifier: Apache-2.0
// The exports that run a command under a notify filter.
#include <linux/audit.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "addon/addon_state.h"
#include "addon/exports.h"
#include "process/bpf.h"

namespace seccompagent {
namespace {

constexpr std::array<std::uint32_t, 3> kKnownArches = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386,
                                                       AUDIT_ARCH_AARCH64};

// [AUDIT_ARCH_*, number, AUDIT_ARCH_*, number, …], grouped by architecture.
std::vector<TrappedCalls> trapped_calls(std::span<std::byte> pairs) {
  std::vector<TrappedCalls> trapped;
  for (std::size_t at = 0; at + 8 <= pairs.size(); at += 8) {
    std::uint32_t pair[2];
    std::memcpy(pair, pairs.data() + at, sizeof pair);
    if (trapped.empty() || trapped.back().arch != pair[0]) trapped.push_back({pair[0], {}});
    trapped.back().numbers.push_back(pair[1]);
  }
  // an architecture of which nothing is trapped is allowed, not unknown
  for (const std::uint32_t arch : kKnownArches) {
    if (std::ranges::none_of(trapped, [&](const auto& calls) { return calls.arch == arch; }))
      trapped.push_back({arch, {}});
  }
  return trapped;
}

// Of a command that does not run yet, and that nobody else waits for.
FirstProcess first_of(const Launch& launch, const std::vector<std::string>& paths) {
  FirstProcess first = look_at_first(launch.pid());
  const Payer payer = payer_of_arrival(0, 0);
  if (!paths.empty()) first.paths = HeldPaths::find(first.pid, first.pidfd, paths, payer);
  return first;
}

}  // namespace

Napi::Value launch(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  LaunchRequest request;
  request.arguments = arguments.texts();
  request.environment = arguments.texts();
  request.candidates = arguments.texts();
  const std::span<std::byte> pairs = arguments.bytes();
  if (!arguments.is_ok()) return {};
  auto filter = assemble_filter(trapped_calls(pairs));
  if (!filter) return throw_errno(info.Env(), "assemble the filter", filter.error());
  request.filter = std::move(*filter);
  auto started = Launch::start(std::move(request));
  if (!started) return throw_errno(info.Env(), started.error().step, started.error().error);
  return number(info.Env(), info.Env().GetInstanceData<State>()->launches.add(
                                std::make_unique<Launch>(std::move(*started))));
}

Napi::Value filter_bytes(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::span<std::byte> pairs = arguments.bytes();
  if (!arguments.is_ok()) return {};
  const auto filter = assemble_filter(trapped_calls(pairs));
  if (!filter) return throw_errno(info.Env(), "assemble the filter", filter.error());
  return Napi::Buffer<char>::Copy(info.Env(), reinterpret_cast<const char*>(filter->data()),
                                  filter->size() * sizeof(sock_filter));
}

Napi::Value launch_pid(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  if (!arguments.is_ok()) return {};
  const Launch* started = find(info, &State::launches, handle);
  return started == nullptr ? Napi::Value() : number(info.Env(), started->pid());
}

Napi::Value launch_waits_killable(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  if (!arguments.is_ok()) return {};
  const Launch* started = find(info, &State::launches, handle);
  return started == nullptr ? Napi::Value()
                            : Napi::Boolean::New(info.Env(), started->waits_killable());
}

// Adds the listener of a launched command and reports the command's end; both tokens.
Napi::Value adopt_launch(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t receiver_handle = arguments.u32();
  const std::uint32_t launch_handle = arguments.u32();
  const Fields fields = arguments.fields();
  const auto terms = TermsArguments::of(fields);
  const std::span<const std::byte> paths = fields.bytes("paths");
  if (!arguments.is_ok()) return {};
  const auto receiver = find_receiver(info, receiver_handle);
  Launch* started = receiver ? find(info, &State::launches, launch_handle) : nullptr;
  if (started == nullptr) return {};
  const Napi::Value listener =
      add_listener(info, *receiver, started->take_listener(),
                   {.terms = terms, .waits_killable = started->waits_killable()},
                   first_of(*started, split_paths(paths)));
  if (listener.IsEmpty() || info.Env().IsExceptionPending()) return {};
  const auto watched = receiver->watch_process(started->pidfd());
  if (!watched) return throw_errno(info.Env(), "watch the command", watched.error());
  Napi::Object tokens = Napi::Object::New(info.Env());
  tokens.Set("listener", listener);
  tokens.Set("process", number(info.Env(), *watched));
  return tokens;
}

Napi::Value launch_exit(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  if (!arguments.is_ok()) return {};
  Launch* started = find(info, &State::launches, handle);
  if (started == nullptr) return {};
  const auto status = started->poll_exit();
  if (!status) return info.Env().Null();
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("code", number(info.Env(), status->code));
  object.Set("execErrno", number(info.Env(), status->exec_errno));
  return object;
}

Napi::Value launch_kill(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::int32_t signal = arguments.i32();
  if (!arguments.is_ok()) return {};
  Launch* started = find(info, &State::launches, handle);
  if (started == nullptr) return {};
  return Napi::Boolean::New(info.Env(), started->send_signal(signal).has_value());
}

Napi::Value close_launch(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  if (!arguments.is_ok()) return {};
  info.Env().GetInstanceData<State>()->launches.remove(handle);
  return info.Env().Undefined();
}

}  // namespace seccompagent
