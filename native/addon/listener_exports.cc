// SPDX-License-Identifier: Apache-2.0
// The exports that give listeners to a receiver, and ask about their containers.
#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "addon/addon_state.h"
#include "addon/exports.h"
#include "container/held_paths.h"

namespace seccompagent {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
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

}  // namespace seccompagent
