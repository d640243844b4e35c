// SPDX-License-Identifier: Apache-2.0
// The exports of the receiver.
#include <malloc.h>

#include <atomic>
#include <cstring>
#include <utility>

#include "acting/link_protections.h"
#include "addon/addon_state.h"
#include "addon/exports.h"
#include "kernel/clock.h"
#include "kernel/kernel_needs.h"

namespace seccompagent {

Napi::Value create_receiver(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::span<std::byte> kinds = arguments.bytes();
  const std::uint32_t running = arguments.u32();
  const std::uint32_t fewest = arguments.u32();
  if (!arguments.is_ok()) return {};
  if (const char* const call = missing_system_call(); call != nullptr)
    return throw_errno(info.Env(), call, Errno{ENOSYS});
  if (const auto opened = open_link_protections(); !opened)
    return throw_errno(info.Env(), "open /proc/sys/fs", opened.error());
  ReadTable table;
  for (const std::byte kind : kinds) {
    if (std::to_integer<std::size_t>(kind) >= kReadKinds)
      return throw_type(info.Env(), "unknown read kind");
    table.push_back(static_cast<ReadKind>(kind));
  }
  auto receiver = Receiver::make(std::move(table), {.running = running, .fewest = fewest});
  if (!receiver) return throw_errno(info.Env(), "create the receiver", receiver.error());
  return number(info.Env(), shared_receivers().add(std::move(*receiver)));
}

Napi::Value share_quarantine(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::span<std::byte> states = arguments.bytes();
  const std::span<std::byte> ends = arguments.bytes();
  if (!arguments.is_ok()) return {};
  const auto is_aligned = [](std::span<std::byte> bytes) {
    return reinterpret_cast<std::uintptr_t>(bytes.data()) % 8 == 0;
  };
  if (!is_aligned(states) || !is_aligned(ends))
    return throw_type(info.Env(), "the quarantine is not aligned");
  const auto receiver = find_receiver(info, handle);
  if (!receiver) return {};
  State& state = *info.Env().GetInstanceData<State>();
  for (const std::size_t index : {1UL, 2UL})
    state.quarantines.push_back(Napi::Persistent(info[index].As<Napi::Uint8Array>()));
  receiver->share_quarantine(
      {{reinterpret_cast<Quarantine::State*>(states.data()),
        states.size() / sizeof(Quarantine::State)},
       {reinterpret_cast<std::int64_t*>(ends.data()), ends.size() / sizeof(std::int64_t)}});
  return info.Env().Undefined();
}

Napi::Value stop_receiver(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  if (!arguments.is_ok()) return {};
  if (const auto receiver = find_receiver(info, handle)) receiver->stop();
  return info.Env().Undefined();
}

Napi::Value close_receiver(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  if (!arguments.is_ok()) return {};
  shared_receivers().remove(handle);
  return info.Env().Undefined();
}

Napi::Value listener_count(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  if (!arguments.is_ok()) return {};
  const auto receiver = find_receiver(info, handle);
  return receiver ? number(info.Env(), receiver->listener_count()) : Napi::Value();
}

Napi::Value take_receiver_wake_fd(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  if (!arguments.is_ok()) return {};
  const auto receiver = find_receiver(info, handle);
  return receiver ? number(info.Env(), receiver->take_wake_fd().release()) : Napi::Value();
}

Napi::Value next_receiver_event(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  if (!arguments.is_ok()) return {};
  const auto receiver = find_receiver(info, handle);
  if (!receiver) return {};
  const auto event = receiver->next_event();
  if (!event) return info.Env().Null();
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("kind", number(info.Env(), static_cast<std::uint32_t>(event->kind)));
  object.Set("token", number(info.Env(), event->token));
  object.Set("worker", number(info.Env(), event->worker));
  object.Set("link", number(info.Env(), event->link));
  object.Set("quarantineMs", number(info.Env(), event->quarantine_ms));
  return object;
}

Napi::Value receiver_figures(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::span<std::byte> out = arguments.bytes();
  if (!arguments.is_ok()) return {};
  if (out.size() < sizeof(ReceiverFigures))
    return throw_type(info.Env(), "too few bytes for figures");
  if (const auto receiver = find_receiver(info, handle)) {
    const ReceiverFigures figures = receiver->figures();
    std::memcpy(out.data(), &figures, sizeof figures);
  }
  return info.Env().Undefined();
}

Napi::Value tell_all_of_shortage(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  if (!arguments.is_ok()) return {};
  // what compilers and ended threads have left in their arenas is nobody's
  constexpr Nanoseconds kTrimPause = 2 * kSecond;
  static std::atomic<Nanoseconds> next_trim = 0;
  if (now() >= next_trim) {
    next_trim = now() + kTrimPause;
    malloc_trim(0);
  }
  if (const auto receiver = find_receiver(info, handle)) receiver->tell_shortage();
  return info.Env().Undefined();
}

}  // namespace seccompagent
