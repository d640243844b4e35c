// SPDX-License-Identifier: Apache-2.0
// The exports of a worker: its place at the receiver, and its calls.
#include <string_view>
#include <utility>

#include "addon/addon_state.h"
#include "addon/exports.h"

namespace seccompagent {
namespace {

std::string_view part_of(const Terms& terms, RegistryPart part) {
  switch (part) {
    case RegistryPart::own:
      return terms.registry;
    case RegistryPart::handlers:
      return terms.handlers ? std::string_view(*terms.handlers) : std::string_view();
    case RegistryPart::annotations:
      return terms.annotations ? std::string_view(*terms.annotations) : std::string_view();
  }
  return {};
}

}  // namespace

Napi::Value attach_worker(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::span<std::byte> inbox = arguments.bytes();
  const std::span<std::byte> counters = arguments.bytes();
  const std::uint32_t id = arguments.u32();
  if (!arguments.is_ok()) return {};
  const auto is_aligned = [](std::span<std::byte> bytes) {
    return reinterpret_cast<std::uintptr_t>(bytes.data()) % 8 == 0;
  };
  if (inbox.size() < kInboxSize || !is_aligned(inbox))
    return throw_type(info.Env(), "inbox too small or not aligned");
  if (counters.size() < kCounterSlots * sizeof(CallCounters) || !is_aligned(counters))
    return throw_type(info.Env(), "counters too small or not aligned");
  auto receiver = find_receiver(info, handle);
  if (!receiver) return {};
  const CounterBlock block(reinterpret_cast<CallCounters*>(counters.data()), kCounterSlots);
  auto worker = Worker::attach(std::move(receiver), inbox.data(), block, id);
  if (!worker) return throw_errno(info.Env(), "attach a worker", worker.error());
  auto attached = std::make_unique<AttachedWorker>(Napi::Persistent(info[1].As<Napi::Uint8Array>()),
                                                   Napi::Persistent(info[2].As<Napi::Uint8Array>()),
                                                   std::move(*worker));
  return number(info.Env(), info.Env().GetInstanceData<State>()->workers.add(std::move(attached)));
}

Napi::Value detach_worker(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  if (!arguments.is_ok()) return {};
  info.Env().GetInstanceData<State>()->workers.remove(handle);
  return info.Env().Undefined();
}

namespace {

// By the plain C interface: this one is called for every call of every container.
napi_value receive_bound(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  const auto& handle = *static_cast<const std::uint32_t*>(data);
  AttachedWorker* attached = Napi::Env(env).GetInstanceData<State>()->workers.find(handle);
  if (attached == nullptr) {
    throw_errno(env, "use of a closed handle", Errno{EBADF});
    return nullptr;
  }
  const auto kind = attached->worker->receive();
  if (!kind) {
    throw_errno(env, "receive", kind.error());
    return nullptr;
  }
  napi_value result = nullptr;
  napi_create_int32(env, static_cast<std::int32_t>(*kind), &result);
  return result;
}

}  // namespace

Napi::Value receive_function(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  if (!arguments.is_ok()) return {};
  auto data = std::make_unique<std::uint32_t>(handle);
  napi_value function = nullptr;
  if (napi_create_function(info.Env(), "receive", NAPI_AUTO_LENGTH, receive_bound, data.get(),
                           &function) != napi_ok)
    return {};
  Napi::Function bound(info.Env(), function);
  // the function's own: it may outlive the worker
  bound.AddFinalizer([](Napi::Env, std::uint32_t* owned) { delete owned; }, data.release());
  return bound;
}

Napi::Value wake_another(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  if (!arguments.is_ok()) return {};
  if (AttachedWorker* attached = find(info, &State::workers, handle))
    attached->worker->wake_another();
  return info.Env().Undefined();
}

Napi::Value tell_shortage(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  if (!arguments.is_ok()) return {};
  if (AttachedWorker* attached = find(info, &State::workers, handle))
    attached->worker->tell_shortage();
  return info.Env().Undefined();
}

Napi::Value listener_registry(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t token = arguments.u32();
  const std::uint32_t part = arguments.u32();
  if (!arguments.is_ok()) return {};
  AttachedWorker* attached = find(info, &State::workers, handle);
  if (attached == nullptr) return {};
  const auto terms = attached->worker->terms(token);
  if (!terms) return throw_errno(info.Env(), "read the registry", terms.error());
  const std::string_view text = part_of(**terms, static_cast<RegistryPart>(part));
  return Napi::Buffer<char>::Copy(info.Env(), text.data(), text.size());
}

}  // namespace seccompagent
