// SPDX-License-Identifier: Apache-2.0
// The exports about the caller of the current call.
#include <fcntl.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "addon/addon_state.h"
#include "addon/exports.h"
#include "caller/caller.h"
#include "kernel/notify.h"
#include "process/ending_children.h"

namespace seccompagent {
namespace {

// The caller's descriptor may get any number.
constexpr std::int32_t kAnyNumber = -1;
// The notification is gone.
constexpr int kGone = -1;

template <typename Act>
Napi::Value with_call(const Napi::CallbackInfo& info, std::uint32_t handle, Act act) {
  AttachedWorker* attached = find(info, &State::workers, handle);
  if (attached == nullptr) return {};
  Worker& worker = *attached->worker;
  const auto call = worker.current();
  if (!call) return throw_errno(info.Env(), "use of a caller without a call", call.error());
  if (const auto counted = worker.count_operation(); !counted)
    return throw_errno(info.Env(), "operations of one call", counted.error());
  return number(info.Env(), act(worker, *call));
}

// Tries of a look whose notification goes away meanwhile. Go sends a thread that it wants back a
// signal several times a millisecond, and that is as long as a look can take.
constexpr int kTries = 500;
// Waits in vain until it counts as gone: a busy machine takes its time.
constexpr int kWaits = 10;

// A read-only look at the caller. A signal may take the call back at any time, and it comes again
// at once: a handler that heard of that would decide for the call that comes, and has not seen it.
template <typename Look>
auto seen_of_caller(Worker& worker, const CallId& call, Look look) -> decltype(look(call)) {
  CallId current = call;
  auto seen = look(current);
  const auto is_gone = [&] {
    return !seen && seen.error() == Errno{ESRCH} &&
           !id_valid(current.listener, current.id_valid_request, current.id);
  };
  int waits = kWaits;
  for (int tries = kTries; tries > 0 && waits > 0 && is_gone(); --tries) {
    if (!worker.await_restart()) {
      --waits;
      continue;
    }
    const auto again = worker.current();
    if (!again) break;
    current = *again;
    seen = look(current);
  }
  return seen;
}

[[nodiscard]] std::int32_t negated(Errno error) { return -error.number; }

// ESRCH is what is said of a notification that is gone.
[[nodiscard]] std::int32_t described(const Result<void>& seen) {
  if (seen) return 0;
  return seen.error() == Errno{ESRCH} ? kGone : seen.error().number;
}

Napi::Value give_fd(const Napi::CallbackInfo& info, std::uint32_t handle, std::uint32_t index,
                    std::int32_t at, std::uint32_t flags) {
  return with_call(info, handle, [&](Worker& worker, const CallId& call) -> std::int32_t {
    const int fd = worker.kept(index);
    if (fd == -1 || at < kAnyNumber) return -EBADF;
    const auto given = add_fd(call.listener, call.id, fd, at, (flags & O_CLOEXEC) != 0);
    return given ? *given : negated(given.error());
  });
}

}  // namespace

Napi::Value take_caller_fd(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::int32_t fd = arguments.i32();
  if (!arguments.is_ok()) return {};
  return with_call(info, handle, [&](Worker& worker, const CallId& call) -> std::int32_t {
    if (!worker.await_room()) return -EBUSY;
    auto taken = take_descriptor(call, fd, worker.owner().payer);
    if (!taken) return negated(taken.error());
    const auto place = worker.keep(std::move(*taken));
    return place ? static_cast<std::int32_t>(*place) : negated(place.error());
  });
}

Napi::Value install_fd(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t index = arguments.u32();
  const std::uint32_t flags = arguments.u32();
  if (!arguments.is_ok()) return {};
  return give_fd(info, handle, index, kAnyNumber, flags);
}

Napi::Value replace_fd(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t index = arguments.u32();
  const std::int32_t at = arguments.i32();
  const std::uint32_t flags = arguments.u32();
  if (!arguments.is_ok()) return {};
  // never the value that means any number
  return give_fd(info, handle, index, at < 0 ? kAnyNumber - 1 : at, flags);
}

Napi::Value read_argument(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint64_t address = arguments.u64();
  const std::span<std::byte> into = arguments.bytes();
  if (!arguments.is_ok()) return {};
  return with_call(info, handle, [&](Worker& worker, const CallId& call) -> std::int32_t {
    const auto read = seen_of_caller(
        worker, call, [&](const CallId&) { return worker.read_caller(address, into); });
    return read ? static_cast<std::int32_t>(*read) : negated(read.error());
  });
}

Napi::Value read_strings(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint64_t address = arguments.u64();
  const bool is_narrow = arguments.u32() == 32;
  const std::span<std::byte> into = arguments.bytes();
  if (!arguments.is_ok()) return {};
  return with_call(info, handle, [&](Worker& worker, const CallId& call) -> std::int32_t {
    const auto read = seen_of_caller(worker, call, [&](const CallId&) {
      return worker.read_caller_strings(address, is_narrow, into);
    });
    return read ? static_cast<std::int32_t>(*read) : negated(read.error());
  });
}

Napi::Value write_argument(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint64_t address = arguments.u64();
  const std::span<std::byte> bytes = arguments.bytes();
  if (!arguments.is_ok()) return {};
  return with_call(info, handle, [&](Worker& worker, const CallId&) -> std::int32_t {
    const auto written = worker.write_caller(address, bytes);
    if (!written) return negated(written.error());
    return *written == bytes.size() ? static_cast<std::int32_t>(*written) : -EFAULT;
  });
}

Napi::Value caller_credentials(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::span<std::byte> into = arguments.bytes();
  if (!arguments.is_ok()) return {};
  return with_call(info, handle, [&](Worker& worker, const CallId& call) -> std::int32_t {
    return described(seen_of_caller(
        worker, call, [&](const CallId& current) { return describe_caller(current, into); }));
  });
}

Napi::Value caller_process(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::span<std::byte> into = arguments.bytes();
  if (!arguments.is_ok()) return {};
  return with_call(info, handle, [&](Worker& worker, const CallId& call) -> std::int32_t {
    return described(seen_of_caller(worker, call, [&](const CallId& current) {
      return describe_process(current, worker.first_process(), into);
    }));
  });
}

Napi::Value has_capability(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t capability = arguments.u32();
  const std::uint32_t where = arguments.u32();
  if (!arguments.is_ok()) return {};
  constexpr std::uint32_t kCapabilities = 64;
  return with_call(info, handle, [&](Worker& worker, const CallId& call) -> std::int32_t {
    if (capability >= kCapabilities ||
        where > static_cast<std::uint32_t>(CapabilityIn::of_container))
      return -EINVAL;
    const auto has = seen_of_caller(worker, call, [&](const CallId& current) {
      const FirstPlaces* const first = worker.first_places();
      return has_capability_in(current, capability, static_cast<CapabilityIn>(where),
                               first == nullptr ? -1 : first->made_in.get());
    });
    return has ? (*has ? 1 : 0) : negated(has.error());
  });
}

Napi::Value freeze_container(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t token = arguments.u32();
  const bool is_frozen = arguments.u32() != 0;
  if (!arguments.is_ok()) return {};
  const auto receiver = find_receiver(info, handle);
  if (!receiver) return {};
  const auto done = receiver->freeze_container(token, is_frozen);
  return number(info.Env(), done ? 0 : done.error().number);
}

Napi::Value container_resources(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t token = arguments.u32();
  const std::span<std::byte> into = arguments.bytes();
  if (!arguments.is_ok()) return {};
  const auto receiver = find_receiver(info, handle);
  if (!receiver) return {};
  const auto resources = receiver->container_resources(token);
  if (!resources) return number(info.Env(), resources.error().number);
  std::memcpy(into.data(), &*resources, std::min(into.size(), sizeof *resources));
  return number(info.Env(), 0);
}

}  // namespace seccompagent
