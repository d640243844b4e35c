// SPDX-License-Identifier: Apache-2.0
// Shared state of the addon's exports: the objects of an environment, found by their handles.
#pragma once

#include <napi.h>

#include <concepts>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "addon/napi_convert.h"
#include "kernel/unique_fd.h"
#include "process/launch.h"
#include "receiver/receiver.h"
#include "receiver/terms.h"
#include "receiver/worker.h"
#include "socket/agent_socket.h"

namespace seccompagent {

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

inline SharedReceivers& shared_receivers() {
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
  // They keep the memory alive that the worker writes to.
  Napi::Reference<Napi::Uint8Array> inbox;
  Napi::Reference<Napi::Uint8Array> counters;
  std::unique_ptr<Worker> worker;
};

// State of one environment; it goes when its thread does.
struct State {
  // Of all receivers: they may be written to for as long as there is one.
  std::vector<Napi::Reference<Napi::Uint8Array>> quarantines;
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

inline Napi::Value number(Napi::Env env, std::integral auto value) {
  return Napi::Number::New(env, static_cast<double>(value));
}

// Throws and gives nothing when the receiver is closed.
inline std::shared_ptr<Receiver> find_receiver(const Napi::CallbackInfo& info,
                                               std::uint32_t handle) {
  auto receiver = shared_receivers().find(handle);
  if (!receiver) throw_errno(info.Env(), "use of a closed receiver", Errno{EBADF});
  return receiver;
}

struct TermsArguments {
  std::span<std::byte> registry;
  std::span<std::byte> handlers;
  std::span<std::byte> annotations;
  // An i32 for each handler, and behind all of them the digests.
  std::span<std::byte> chain;
  std::span<std::byte> reads;
  // 0 lets the kernel judge what can't be handled.
  std::uint32_t failure_errno;

  [[nodiscard]] static TermsArguments of(const Fields& fields);
  // Nothing when the errno is none, or the chain is cut off.
  [[nodiscard]] std::optional<Terms> terms(Receiver& receiver) const;
};

struct ListenerArguments {
  TermsArguments terms;
  bool waits_killable;
  std::uint32_t peer_uid = 0;
  std::uint32_t sender = 0;
  // 0: nobody knows.
  std::uint32_t container = 0;
};

// Gives a listener to a receiver; its token, or nothing after it has thrown.
Napi::Value add_listener(const Napi::CallbackInfo& info, Receiver& receiver, UniqueFd fd,
                         const ListenerArguments& given, FirstProcess first);

}  // namespace seccompagent
