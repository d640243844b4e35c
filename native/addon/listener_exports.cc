// SPDX-License-Identifier: Apache-2.0
// The exports that give listeners to a receiver, and ask about their containers.
#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "acting/promised_work.h"
#include "addon/addon_state.h"
#include "addon/exports.h"
#include "container/held_paths.h"

namespace seccompagent {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TermsArguments TermsArguments::of(const Fields& fields) {
  return {.registry = fields.bytes("registry"),
          .handlers = fields.bytes("handlers"),
          .annotations = fields.bytes("annotations"),
          .chain = fields.bytes("chain"),
          .reads = fields.bytes("reads"),
          .failure_errno = fields.u32("failureErrno")};
}

std::optional<Terms> TermsArguments::terms(Receiver& receiver) const {
  constexpr std::uint32_t kMaxErrno = 4095;
  constexpr std::size_t kLink = sizeof(std::int32_t) + kComponentDigest;
  if (failure_errno > kMaxErrno || chain.size() % kLink != 0) return std::nullopt;
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
  const auto token = receiver.add_listener(std::move(fd), {.terms = std::move(*terms),
                                                           .container = given.container,
                                                           .first = std::move(first),
                                                           .waits_killable = given.waits_killable,
                                                           .peer_uid = given.peer_uid,
                                                           .sender = given.sender});
  if (!token) return throw_errno(info.Env(), "add the listener", token.error());
  return number(info.Env(), *token);
}

Napi::Value adopt_connection_fd(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t receiver_handle = arguments.u32();
  const Fields fields = arguments.fields();
  const std::uint32_t socket_handle = fields.u32("socket");
  const std::uint32_t connection = fields.u32("connection");
  const std::uint32_t index = fields.u32("index");
  const ListenerArguments given = {.terms = TermsArguments::of(fields),
                                   .waits_killable = fields.boolean("waitsKillable"),
                                   .peer_uid = fields.u32("peerUid"),
                                   .sender = fields.u32("sender"),
                                   .container = fields.u32("container")};
  const auto first_pid = static_cast<pid_t>(fields.u32("firstPid"));
  if (!arguments.is_ok()) return {};
  const auto receiver = find_receiver(info, receiver_handle);
  AgentSocket* socket = receiver ? find(info, &State::sockets, socket_handle) : nullptr;
  if (socket == nullptr) return {};
  auto fd = socket->take_fd(connection, index);
  if (!fd) return throw_errno(info.Env(), "take the listener", fd.error());
  FirstProcess first = socket->take_first(connection);
  // nobody has looked at it, or it is another one by now
  if (first.pid != first_pid) first = open_first(first_pid);
  return add_listener(info, *receiver, std::move(*fd), given, std::move(first));
}

Napi::Value replace_terms(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t token = arguments.u32();
  const auto given = TermsArguments::of(arguments.fields());
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

// Looks at all processes and cgroups of a container, of which it may have many.
struct Stopping {
  std::shared_ptr<Receiver> receiver;
  std::uint32_t token;
  bool is_freeze;
  // Positive; where there is no thread for it, nobody has looked.
  int error = EAGAIN;

  void run() {
    constexpr auto kUrgency = Receiver::Urgency::after_others;
    const auto stopped = is_freeze ? receiver->freeze_container(token, true, kUrgency)
                                   : receiver->kill_container(token, kUrgency);
    error = stopped ? 0 : stopped.error().number;
  }

  void settle(const Napi::Promise::Deferred& promised) const {
    promised.Resolve(number(promised.Env(), error));
  }
};

}  // namespace

Napi::Value stop_container(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t token = arguments.u32();
  const bool is_freeze = arguments.u32() != 0;
  if (!arguments.is_ok()) return {};
  auto receiver = find_receiver(info, handle);
  if (!receiver) return {};
  return PromisedWork<Stopping>::start(
      info.Env(), {.receiver = std::move(receiver), .token = token, .is_freeze = is_freeze});
}

namespace {

// Of one listener's container. 0 or a positive errno.
template <typename Kill>
Napi::Value killed_by(const Napi::CallbackInfo& info, Kill kill) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t token = arguments.u32();
  if (!arguments.is_ok()) return {};
  const auto receiver = find_receiver(info, handle);
  if (!receiver) return {};
  const Result<void> killed = kill(*receiver, token);
  return number(info.Env(), killed ? 0 : killed.error().number);
}

}  // namespace

Napi::Value kill_container(const Napi::CallbackInfo& info) {
  return killed_by(
      info, [](Receiver& receiver, std::uint32_t token) { return receiver.kill_container(token); });
}

Napi::Value kill_first_process(const Napi::CallbackInfo& info) {
  return killed_by(info, [](Receiver& receiver, std::uint32_t token) {
    return receiver.kill_first_process(token);
  });
}

}  // namespace seccompagent
