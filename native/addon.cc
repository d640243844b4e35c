// SPDX-License-Identifier: Apache-2.0
// The addon's exports: plain functions that take numbers and bytes and never call JavaScript.
// What each takes and gives is written down in host/native.ts.
#include <fcntl.h>
#include <linux/audit.h>
#include <napi.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "agent_socket.h"
#include "bpf.h"
#include "launch.h"
#include "memory.h"
#include "mount_request.h"
#include "napi_convert.h"
#include "operation.h"
#include "receiver.h"
#include "target.h"

namespace seccompagent {
namespace {

// Receivers are shared by all threads of the process, so they can't live in one environment.
class SharedReceivers {
 public:
  std::uint32_t add(std::shared_ptr<Receiver> receiver) {
    const std::lock_guard lock(mutex_);
    receivers_.emplace(++last_, std::move(receiver));
    return last_;
  }
  std::shared_ptr<Receiver> find(std::uint32_t handle) {
    const std::lock_guard lock(mutex_);
    const auto found = receivers_.find(handle);
    return found == receivers_.end() ? nullptr : found->second;
  }
  void remove(std::uint32_t handle) {
    const std::lock_guard lock(mutex_);
    receivers_.erase(handle);
  }

 private:
  std::mutex mutex_;
  std::map<std::uint32_t, std::shared_ptr<Receiver>> receivers_;
  std::uint32_t last_ = 0;
};

SharedReceivers& shared_receivers() {
  static SharedReceivers receivers;
  return receivers;
}

// The objects of one kind that an environment has open, by their handles.
template <typename T>
class Handles {
 public:
  std::uint32_t add(std::unique_ptr<T> object) {
    objects_.push_back(std::move(object));
    return static_cast<std::uint32_t>(objects_.size() - 1);
  }
  T* find(std::uint32_t handle) {
    return handle < objects_.size() ? objects_[handle].get() : nullptr;
  }
  // Handles are never used twice.
  void remove(std::uint32_t handle) {
    if (handle < objects_.size()) objects_[handle].reset();
  }

 private:
  std::vector<std::unique_ptr<T>> objects_;
};

struct AttachedWorker {
  // Keeps the inbox's memory alive.
  Napi::Reference<Napi::Uint8Array> inbox;
  Worker worker;
  AttachedWorker(Napi::Reference<Napi::Uint8Array> memory, std::shared_ptr<Receiver> receiver,
                 std::byte* bytes)
      : inbox(std::move(memory)), worker(std::move(receiver), bytes) {}
};

// State of one environment; it goes when its thread does.
struct State {
  Handles<AgentSocket> sockets;
  Handles<AttachedWorker> workers;
  Handles<Launch> launches;
};

template <typename T>
T* find(const Napi::CallbackInfo& info, Handles<T> State::* kind, std::uint32_t handle) {
  T* found = (info.Env().GetInstanceData<State>()->*kind).find(handle);
  if (found == nullptr) throw_errno(info.Env(), "use of a closed handle", Errno{EBADF});
  return found;
}

Napi::Value number(Napi::Env env, std::integral auto value) {
  return Napi::Number::New(env, static_cast<double>(value));
}

Napi::Value harden(const Napi::CallbackInfo& info) {
  // no ptrace, no core dump, /proc/self closed: children that act in containers share this memory
  if (prctl(PR_SET_DUMPABLE, 0) == -1) return throw_errno(info.Env(), "prctl", Errno{errno});
  return info.Env().Undefined();
}

// --- agent socket ---

Napi::Value listen_socket(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::string path = arguments.text();
  const std::uint32_t mode = arguments.u32();
  if (!arguments.is_ok()) return {};
  auto socket = AgentSocket::listen(path, mode);
  if (!socket) return throw_errno(info.Env(), "listen", socket.error());
  return number(info.Env(), info.Env().GetInstanceData<State>()->sockets.add(std::move(*socket)));
}

Napi::Value take_wake_fd(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  if (!arguments.is_ok()) return {};
  AgentSocket* socket = find(info, &State::sockets, handle);
  return socket == nullptr ? Napi::Value() : number(info.Env(), socket->take_wake_fd());
}

const char* name_of(SocketEventKind kind) {
  switch (kind) {
    case SocketEventKind::opened:
      return "opened";
    case SocketEventKind::data:
      return "data";
    case SocketEventKind::closed:
      return "closed";
    case SocketEventKind::refused:
      return "refused";
  }
  return "";
}

Napi::Value next_socket_event(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::span<std::byte> buffer = arguments.bytes();
  if (!arguments.is_ok()) return {};
  AgentSocket* socket = find(info, &State::sockets, handle);
  if (socket == nullptr) return {};
  const auto event = socket->next(buffer);
  if (!event) return info.Env().Null();
  const Napi::Env env = info.Env();
  Napi::Object object = Napi::Object::New(env);
  object.Set("kind", Napi::String::New(env, name_of(event->kind)));
  object.Set("connection", number(env, event->connection));
  object.Set("peerPid", number(env, event->peer.pid));
  object.Set("peerUid", number(env, event->peer.uid));
  object.Set("length", number(env, event->length));
  object.Set("isTruncated", Napi::Boolean::New(env, event->is_truncated));
  object.Set("fdCount", number(env, event->fd_count));
  object.Set("errno", number(env, event->error));
  return object;
}

Napi::Value close_connection(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t connection = arguments.u32();
  if (!arguments.is_ok()) return {};
  AgentSocket* socket = find(info, &State::sockets, handle);
  if (socket != nullptr) socket->close_connection(connection);
  return info.Env().Undefined();
}

Napi::Value close_socket(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  if (!arguments.is_ok()) return {};
  info.Env().GetInstanceData<State>()->sockets.remove(handle);
  return info.Env().Undefined();
}

// --- receiver ---

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

std::shared_ptr<Receiver> find_receiver(const Napi::CallbackInfo& info, std::uint32_t handle) {
  auto receiver = shared_receivers().find(handle);
  if (!receiver) throw_errno(info.Env(), "use of a closed receiver", Errno{EBADF});
  return receiver;
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

// --- operations inside the container ---

// The errno for the caller, or -1 when the notification is gone.
Napi::Value outcome_value(Napi::Env env, const Outcome& outcome) {
  if (outcome.failed_step != nullptr)
    return throw_errno(env, outcome.failed_step, Errno{outcome.failure});
  return number(env, outcome.is_gone ? -1 : outcome.answer);
}

template <typename Operation>
Napi::Value act_as_caller(const Napi::CallbackInfo& info, std::uint32_t handle, const Start& start,
                          Pinned pinned, Operation operation) {
  AttachedWorker* attached = find(info, &State::workers, handle);
  if (attached == nullptr) return {};
  const auto call = attached->worker.current();
  if (!call) return throw_errno(info.Env(), "act without a call", call.error());
  // others must not wait for what the container's file system takes
  attached->worker.invite();
  auto target = pin_target(*call, start, pinned);
  if (!target && target.error() == Errno{ESRCH}) return number(info.Env(), -1);
  if (!target) return throw_errno(info.Env(), "pin the caller", target.error());
  return outcome_value(info.Env(), operation(std::move(*target)));
}

[[nodiscard]] bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

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
  Start start = start_of(std::move(*path), dirfd);
  return act_as_caller(info, handle, start, Pinned::for_files, [&](Target target) {
    return make_directory(std::move(target), std::move(start.rest), mode);
  });
}

// Positions in the ranges of mountAsCaller; native.ts has the same.
constexpr std::size_t kSource = 0;
constexpr std::size_t kTarget = 2;
constexpr std::size_t kType = 4;
constexpr std::size_t kData = 6;
constexpr std::size_t kFlagsLow = 8;
constexpr std::size_t kFlagsHigh = 9;
constexpr std::size_t kMountRanges = 10;

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
  return act_as_caller(info, handle, start, Pinned::for_mounts, [&](Target pinned) {
    return mount_filesystem(std::move(pinned), std::move(*request));
  });
}

Napi::Value refuse_pidns(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const bool is_refused = arguments.u32() != 0;
  if (arguments.is_ok()) refuse_pidns_option(is_refused);
  return info.Env().Undefined();
}

// --- launch ---

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

// Adds the listener of a launched command and reports the command's end; its process token.
Napi::Value adopt_launch(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t receiver_handle = arguments.u32();
  const std::uint32_t launch_handle = arguments.u32();
  const std::span<std::byte> registry = arguments.bytes();
  const std::span<std::byte> reads = arguments.bytes();
  if (!arguments.is_ok()) return {};
  const auto receiver = find_receiver(info, receiver_handle);
  Launch* started = receiver ? find(info, &State::launches, launch_handle) : nullptr;
  if (started == nullptr) return {};
  const auto watched = receiver->watch_process(started->pidfd());
  if (!watched) return throw_errno(info.Env(), "watch the command", watched.error());
  if (add_listener(info, *receiver, started->take_listener(), registry, reads).IsEmpty() ||
      info.Env().IsExceptionPending()) {
    return {};
  }
  return number(info.Env(), *watched);
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

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new State());
  const auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name));
  };
  add("harden", harden);
  add("listenSocket", listen_socket);
  add("takeWakeFd", take_wake_fd);
  add("nextSocketEvent", next_socket_event);
  add("closeConnection", close_connection);
  add("closeSocket", close_socket);
  add("createReceiver", create_receiver);
  add("stopReceiver", stop_receiver);
  add("closeReceiver", close_receiver);
  add("listenerCount", listener_count);
  add("adoptConnectionFd", adopt_connection_fd);
  add("attachWorker", attach_worker);
  add("detachWorker", detach_worker);
  add("receive", receive);
  add("listenerRegistry", listener_registry);
  add("mkdirAsCaller", mkdir_as_caller);
  add("mountAsCaller", mount_as_caller);
  add("refusePidnsOption", refuse_pidns);
  add("launch", launch);
  add("filterBytes", filter_bytes);
  add("launchPid", launch_pid);
  add("adoptLaunch", adopt_launch);
  add("launchExit", launch_exit);
  add("launchKill", launch_kill);
  add("closeLaunch", close_launch);
  return exports;
}

}  // namespace

NODE_API_MODULE(seccompagent, init)

}  // namespace seccompagent
