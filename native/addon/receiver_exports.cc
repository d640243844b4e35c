// SPDX-License-Identifier: Apache-2.0
// The exports of the receiver and its workers.
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "acting/callers_network.h"
#include "acting/promised_work.h"
#include "addon/addon_state.h"
#include "addon/exports.h"
#include "caller/process_owner.h"
#include "container/held_paths.h"
#include "kernel/clock.h"
#include "kernel/kernel_needs.h"
#include "process/runtime_file.h"

namespace seccompagent {

namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

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

TermsArguments TermsArguments::take(Arguments& arguments) {
  const std::span<std::byte> registry = arguments.bytes();
  const std::span<std::byte> handlers = arguments.bytes();
  const std::span<std::byte> annotations = arguments.bytes();
  const std::span<std::byte> chain = arguments.bytes();
  const std::span<std::byte> reads = arguments.bytes();
  return {.registry = registry,
          .handlers = handlers,
          .annotations = annotations,
          .chain = chain,
          .reads = reads,
          .failure_errno = arguments.u32()};
}

std::optional<Terms> TermsArguments::terms(Receiver& receiver) const {
  constexpr std::uint32_t kMostErrno = 4095;
  constexpr std::size_t kLink = sizeof(std::int32_t) + kComponentDigest;
  if (failure_errno > kMostErrno || chain.size() % kLink != 0) return std::nullopt;
  std::vector<std::int32_t> quarantine(chain.size() / kLink);
  const auto indexes = chain.first(quarantine.size() * sizeof(std::int32_t));
  std::ranges::copy(indexes, std::as_writable_bytes(std::span(quarantine)).begin());
  ReadSet set;
  for (const std::byte wanted : reads) set.push_back(std::to_integer<std::uint8_t>(wanted));
  return Terms{.registry = std::string(text_of(registry)),
               .handlers = receiver.texts().take(text_of(handlers)),
               .annotations = receiver.texts().take(text_of(annotations)),
               .reads = std::move(set),
               .failure = {.value = 0,
                           .error = -static_cast<std::int32_t>(failure_errno),
                           .is_continue = failure_errno == 0},
               .quarantine = std::move(quarantine),
               .components = receiver.texts().take(text_of(chain.subspan(indexes.size())))};
}

Napi::Value add_listener(const Napi::CallbackInfo& info, Receiver& receiver, UniqueFd fd,
                         const ListenerArguments& given, FirstProcess first) {
  auto terms = given.terms.terms(receiver);
  if (!terms) return throw_type(info.Env(), "expected an errno, and a whole chain");
  const auto token =
      receiver.add_listener(std::move(fd), {.terms = std::move(*terms),
                                            .first_pid = static_cast<pid_t>(given.first_pid),
                                            .container = given.container,
                                            .first = std::move(first),
                                            .paths = split_paths(given.paths),
                                            .waits_killable = given.waits_killable,
                                            .peer_uid = given.peer_uid});
  if (!token) return throw_errno(info.Env(), "add the listener", token.error());
  return number(info.Env(), *token);
}

Napi::Value create_receiver(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::span<std::byte> kinds = arguments.bytes();
  const std::uint32_t running = arguments.u32();
  const std::uint32_t fewest = arguments.u32();
  if (!arguments.is_ok()) return {};
  if (const char* const call = missing_system_call(); call != nullptr)
    return throw_errno(info.Env(), call, Errno{ENOSYS});
  ReadTable table;
  for (const std::byte kind : kinds) {
    if (std::to_integer<std::size_t>(kind) >= kReadKinds)
      return throw_type(info.Env(), "unknown read kind");
    table.push_back(static_cast<ReadKind>(kind));
  }
  if (const auto known = CallersNetwork::know_own(); !known)
    return throw_errno(info.Env(), "open the network namespace", known.error());
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

Napi::Value adopt_connection_fd(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t receiver_handle = arguments.u32();
  const std::uint32_t socket_handle = arguments.u32();
  const std::uint32_t connection = arguments.u32();
  const std::uint32_t index = arguments.u32();
  const auto terms = TermsArguments::take(arguments);
  const std::uint32_t first_pid = arguments.u32();
  const std::uint32_t container = arguments.u32();
  const bool waits_killable = arguments.u32() != 0;
  const std::uint32_t peer_uid = arguments.u32();
  const std::span<const std::byte> paths = arguments.bytes();
  if (!arguments.is_ok()) return {};
  const auto receiver = find_receiver(info, receiver_handle);
  AgentSocket* socket = receiver ? find(info, &State::sockets, socket_handle) : nullptr;
  if (socket == nullptr) return {};
  auto fd = socket->take_fd(connection, index);
  if (!fd) return throw_errno(info.Env(), "take the listener", fd.error());
  return add_listener(info, *receiver, std::move(*fd),
                      {.terms = terms,
                       .first_pid = first_pid,
                       .waits_killable = waits_killable,
                       .peer_uid = peer_uid,
                       .container = container,
                       .paths = paths},
                      socket->take_first(connection));
}

Napi::Value replace_terms(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t token = arguments.u32();
  const auto given = TermsArguments::take(arguments);
  if (!arguments.is_ok()) return {};
  const auto receiver = find_receiver(info, handle);
  if (!receiver) return {};
  auto terms = given.terms(*receiver);
  if (!terms) return throw_type(info.Env(), "expected an errno, and a whole chain");
  const auto replaced = receiver->replace_terms(token, std::move(*terms));
  if (!replaced) return throw_errno(info.Env(), "replace the terms", replaced.error());
  return info.Env().Undefined();
}

Napi::Value path_errors(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t token = arguments.u32();
  const std::span<const std::byte> paths = arguments.bytes();
  if (!arguments.is_ok()) return {};
  const auto receiver = find_receiver(info, handle);
  if (!receiver) return {};
  const auto errors = receiver->path_errors(token, split_paths(paths));
  if (!errors) return throw_errno(info.Env(), "ask for paths", errors.error());
  Napi::Array all = Napi::Array::New(info.Env(), errors->size());
  for (std::uint32_t at = 0; at < errors->size(); ++at)
    all.Set(at, number(info.Env(), (*errors)[at]));
  return all;
}

namespace {

struct RuntimeFileReading {
  std::string path;
  std::size_t most;
  uid_t owner;
  Result<std::string> text = fail(EAGAIN);

  void run() { text = read_runtime_file(path, most, owner); }

  void settle(const Napi::Promise::Deferred& promised) const {
    const Napi::Env env = promised.Env();
    if (text)
      promised.Resolve(Napi::Buffer<char>::Copy(env, text->data(), text->size()));
    else
      promised.Reject(errno_error(env, "read a file of the runtime", text.error()).Value());
  }
};

}  // namespace

Napi::Value read_runtime_file_bytes(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::string path = arguments.text();
  const std::uint32_t most = arguments.u32();
  const std::uint32_t owner = arguments.u32();
  if (!arguments.is_ok()) return {};
  return PromisedWork<RuntimeFileReading>::start(info.Env(),
                                                 {.path = path, .most = most, .owner = owner});
}

Napi::Value process_is_of(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t process = arguments.u32();
  const std::uint32_t user = arguments.u32();
  if (!arguments.is_ok()) return {};
  return Napi::Boolean::New(info.Env(), is_process_of(static_cast<pid_t>(process), user));
}

Napi::Value first_process_beside(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t process = arguments.u32();
  if (!arguments.is_ok()) return {};
  return number(info.Env(), seccompagent::first_process_beside(static_cast<pid_t>(process)));
}

Napi::Value kill_container(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t token = arguments.u32();
  if (!arguments.is_ok()) return {};
  const auto receiver = find_receiver(info, handle);
  if (!receiver) return {};
  const auto killed = receiver->kill_container(token);
  return number(info.Env(), killed ? 0 : killed.error().number);
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
