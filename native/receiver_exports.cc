// SPDX-License-Identifier: Apache-2.0
// The exports of the receiver and its workers.
#include <utility>

#include "addon_state.h"
#include "exports.h"

namespace seccompagent {

Napi::Value add_listener(const Napi::CallbackInfo& info, Receiver& receiver, UniqueFd fd,
                         std::span<std::byte> registry, std::span<std::byte> reads) {
  ReadSet set;
  for (const std::byte wanted : reads) set.push_back(std::to_integer<std::uint8_t>(wanted));
  const auto token = receiver.add_listener(
      std::move(fd), {reinterpret_cast<const char*>(registry.data()), registry.size()},
      std::move(set));
  if (!token) return throw_errno(info.Env(), "add the listener", token.error());
  return number(info.Env(), *token);
}

Napi::Value create_receiver(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::span<std::byte> kinds = arguments.bytes();
  if (!arguments.is_ok()) return {};
  ReadTable table;
  for (const std::byte kind : kinds) {
    if (std::to_integer<int>(kind) > static_cast<int>(ReadKind::mount_data))
      return throw_type(info.Env(), "unknown read kind");
    table.push_back(static_cast<ReadKind>(kind));
  }
  auto receiver = Receiver::make(std::move(table));
  if (!receiver) return throw_errno(info.Env(), "create the receiver", receiver.error());
  return number(info.Env(), shared_receivers().add(std::move(*receiver)));
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

Napi::Value adopt_connection_fd(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t receiver_handle = arguments.u32();
  const std::uint32_t socket_handle = arguments.u32();
  const std::uint32_t connection = arguments.u32();
  const std::uint32_t index = arguments.u32();
  const std::span<std::byte> registry = arguments.bytes();
  const std::span<std::byte> reads = arguments.bytes();
  if (!arguments.is_ok()) return {};
  const auto receiver = find_receiver(info, receiver_handle);
  AgentSocket* socket = receiver ? find(info, &State::sockets, socket_handle) : nullptr;
  if (socket == nullptr) return {};
  auto fd = socket->take_fd(connection, index);
  if (!fd) return throw_errno(info.Env(), "take the listener", fd.error());
  return add_listener(info, *receiver, std::move(*fd), registry, reads);
}

Napi::Value attach_worker(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::span<std::byte> inbox = arguments.bytes();
  if (!arguments.is_ok()) return {};
  if (inbox.size() < kInboxSize || reinterpret_cast<std::uintptr_t>(inbox.data()) % 8 != 0)
    return throw_type(info.Env(), "inbox too small or not aligned");
  auto receiver = find_receiver(info, handle);
  if (!receiver) return {};
  auto worker = std::make_unique<AttachedWorker>(Napi::Persistent(info[1].As<Napi::Uint8Array>()),
                                                 std::move(receiver), inbox.data());
  return number(info.Env(), info.Env().GetInstanceData<State>()->workers.add(std::move(worker)));
}

Napi::Value detach_worker(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  if (!arguments.is_ok()) return {};
  info.Env().GetInstanceData<State>()->workers.remove(handle);
  return info.Env().Undefined();
}

Napi::Value receive(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  if (!arguments.is_ok()) return {};
  AttachedWorker* attached = find(info, &State::workers, handle);
  if (attached == nullptr) return {};
  const auto kind = attached->worker.receive();
  if (!kind) return throw_errno(info.Env(), "receive", kind.error());
  return number(info.Env(), static_cast<std::int32_t>(*kind));
}

Napi::Value listener_registry(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t token = arguments.u32();
  if (!arguments.is_ok()) return {};
  AttachedWorker* attached = find(info, &State::workers, handle);
  if (attached == nullptr) return {};
  const auto registry = attached->worker.registry(token);
  if (!registry) return throw_errno(info.Env(), "read the registry", registry.error());
  return Napi::Buffer<char>::Copy(info.Env(), registry->data(), registry->size());
}

}  // namespace seccompagent
