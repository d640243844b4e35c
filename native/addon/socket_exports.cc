// SPDX-License-Identifier: Apache-2.0
// The exports of the agent socket.
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "acting/promised_work.h"
#include "addon/addon_state.h"
#include "addon/exports.h"
#include "container/held_paths.h"

namespace seccompagent {
namespace {

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
    case SocketEventKind::crowded:
      return "crowded";
  }
  return "";
}

// Looks for paths: file systems of a container may not answer.
struct Finding {
  std::uint32_t socket;
  std::uint32_t connection;
  pid_t pid;
  UniqueFd pidfd;
  std::vector<std::string> paths;
  Payer payer;
  std::shared_ptr<const HeldPaths> held = {};

  void run() { held = HeldPaths::find(pid, pidfd, paths, payer); }

  void settle(const Napi::Promise::Deferred& promised) {
    const Napi::Env env = promised.Env();
    AgentSocket* found = env.GetInstanceData<State>()->sockets.find(socket);
    const bool is_kept = found != nullptr && held;
    promised.Resolve(number(env, is_kept ? found->keep_paths(connection, std::move(held)) : 0));
  }
};

// Asks about processes that may keep whoever asks waiting.
struct Asking {
  AskedProcesses asked;
  uid_t user;
  std::optional<FoundProcess> found = {};

  void run() { found = find_first_process(asked, user); }

  void settle(const Napi::Promise::Deferred& promised) const {
    const Napi::Env env = promised.Env();
    if (!found) {
      promised.Resolve(env.Null());
      return;
    }
    const Napi::Object process = Napi::Object::New(env);
    process.Set("pid", number(env, found->pid));
    process.Set("identity", Napi::String::New(env, std::to_string(found->identity)));
    promised.Resolve(process);
  }
};

// Reads the mounts of a container: whoever makes any has a lock of the kernel's.
struct Looking {
  std::uint32_t socket;
  std::uint32_t connection;
  FirstProcess first;
  std::string bound = {};

  void run() { bound = look_at_first(first); }

  void settle(const Napi::Promise::Deferred& promised) {
    const Napi::Env env = promised.Env();
    const Napi::Object look = Napi::Object::New(env);
    look.Set("bytes", number(env, bytes_of(first)));
    look.Set("bound", Napi::Buffer<char>::Copy(env, bound.data(), bound.size()));
    AgentSocket* found = env.GetInstanceData<State>()->sockets.find(socket);
    if (found != nullptr) found->keep_first(connection, std::move(first));
    promised.Resolve(look);
  }
};

}  // namespace

Napi::Value listen_socket(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::string path = arguments.text();
  const std::span<const std::int32_t> numbers = arguments.numbers();
  if (!arguments.is_ok()) return {};
  const std::vector<uid_t> users(numbers.begin(), numbers.end());
  auto socket = AgentSocket::listen(path, users);
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

Napi::Value socket_has_pending(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  if (!arguments.is_ok()) return {};
  AgentSocket* socket = find(info, &State::sockets, handle);
  if (socket == nullptr) return {};
  return Napi::Boolean::New(info.Env(), socket->has_pending());
}

Napi::Value hold_connection(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t connection = arguments.u32();
  const std::uint32_t index = arguments.u32();
  if (!arguments.is_ok()) return {};
  AgentSocket* socket = find(info, &State::sockets, handle);
  if (socket != nullptr) socket->hold_connection(connection, index);
  return info.Env().Undefined();
}

Napi::Value mute_connection(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t connection = arguments.u32();
  if (!arguments.is_ok()) return {};
  AgentSocket* socket = find(info, &State::sockets, handle);
  if (socket != nullptr) socket->mute_connection(connection);
  return info.Env().Undefined();
}

Napi::Value connection_is_over(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t connection = arguments.u32();
  const std::uint32_t index = arguments.u32();
  if (!arguments.is_ok()) return {};
  AgentSocket* socket = find(info, &State::sockets, handle);
  if (socket == nullptr) return {};
  return Napi::Boolean::New(info.Env(), socket->is_connection_over(connection, index));
}

Napi::Value find_paths(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t connection = arguments.u32();
  const std::uint32_t pid = arguments.u32();
  const std::span<const std::byte> paths = arguments.bytes();
  const std::uint32_t owner = arguments.u32();
  const std::uint32_t peer_uid = arguments.u32();
  if (!arguments.is_ok()) return {};
  AgentSocket* socket = find(info, &State::sockets, handle);
  if (socket == nullptr) return {};
  return PromisedWork<Finding>::start(info.Env(), {.socket = handle,
                                                   .connection = connection,
                                                   .pid = static_cast<pid_t>(pid),
                                                   .pidfd = socket->copy_first(connection),
                                                   .paths = split_paths(paths),
                                                   .payer = payer_of_arrival(owner, peer_uid)});
}

Napi::Value keep_asked(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t connection = arguments.u32();
  const std::uint32_t sender = arguments.u32();
  const std::uint32_t user = arguments.u32();
  const std::uint32_t said = arguments.u32();
  if (!arguments.is_ok()) return {};
  AgentSocket* socket = find(info, &State::sockets, handle);
  if (socket == nullptr) return {};
  socket->keep_asked(connection,
                     open_asked(static_cast<pid_t>(sender), user, static_cast<pid_t>(said)));
  return info.Env().Undefined();
}

Napi::Value find_first_process_of(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t connection = arguments.u32();
  const std::uint32_t user = arguments.u32();
  if (!arguments.is_ok()) return {};
  AgentSocket* socket = find(info, &State::sockets, handle);
  if (socket == nullptr) return {};
  return PromisedWork<Asking>::start(info.Env(),
                                     {.asked = socket->take_asked(connection), .user = user});
}

Napi::Value look_at_first_process(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t connection = arguments.u32();
  const std::uint32_t pid = arguments.u32();
  if (!arguments.is_ok()) return {};
  if (find(info, &State::sockets, handle) == nullptr) return {};
  return PromisedWork<Looking>::start(
      info.Env(),
      {.socket = handle, .connection = connection, .first = open_first(static_cast<pid_t>(pid))});
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

}  // namespace seccompagent
