// SPDX-License-Identifier: Apache-2.0
// The exports of what handlers remember.
#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "addon/addon_state.h"
#include "addon/exports.h"
#include "container/state_store.h"

namespace seccompagent {
namespace {

// Shared by all threads of the process, as receivers are.
class SharedStates {
 public:
  std::uint32_t create(bool is_users, std::string payer, const StateRoom::Limits& limits) {
    const std::shared_ptr<StateRoom>& room = is_users ? of_users_ : of_root_;
    room->limit(limits);
    const std::lock_guard lock(mutex_);
    states_.emplace(++last_, std::make_shared<StateStore>(room, std::move(payer)));
    return last_;
  }
  std::shared_ptr<StateStore> find(std::uint32_t handle) {
    const std::lock_guard lock(mutex_);
    const auto found = states_.find(handle);
    return found == states_.end() ? nullptr : found->second;
  }
  void close(std::uint32_t handle) {
    const std::lock_guard lock(mutex_);
    states_.erase(handle);
  }

 private:
  std::mutex mutex_;
  const std::shared_ptr<StateRoom> of_users_ = std::make_shared<StateRoom>();
  const std::shared_ptr<StateRoom> of_root_ = std::make_shared<StateRoom>();
  std::map<std::uint32_t, std::shared_ptr<StateStore>> states_;
  std::uint32_t last_ = 0;
};

SharedStates& shared_states() {
  static SharedStates states;
  return states;
}

// Throws and gives nothing when it is closed.
std::shared_ptr<StateStore> find_state(const Napi::CallbackInfo& info, std::uint32_t handle) {
  auto state = shared_states().find(handle);
  if (!state) throw_errno(info.Env(), "use of a closed state", Errno{EBADF});
  return state;
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The handler's own limit, where it has one.
std::size_t max_keys_of(Arguments& arguments) {
  return arguments.has_more() ? arguments.u32() : StateStore::kMaxKeys;
}

}  // namespace

Napi::Value create_state(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const bool is_users = arguments.u32() != 0;
  std::string payer = arguments.text();
  const std::size_t of_payer = arguments.u32();
  const std::size_t of_all = arguments.u32();
  const std::size_t divided = arguments.u32();
  if (!arguments.is_ok()) return {};
  return number(info.Env(), shared_states().create(
                                is_users, std::move(payer),
                                {.of_payer = of_payer, .of_all = of_all, .divided = divided}));
}

Napi::Value close_state(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  if (arguments.is_ok()) shared_states().close(handle);
  return info.Env().Undefined();
}

Napi::Value state_get(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::span<std::byte> key = arguments.bytes();
  const std::span<std::byte> into = arguments.bytes();
  if (!arguments.is_ok()) return {};
  const auto state = find_state(info, handle);
  if (!state) return {};
  const auto value = state->get(text_of(key));
  if (!value) return number(info.Env(), -1);
  if (value->size() > into.size()) return throw_type(info.Env(), "too few bytes for the value");
  std::ranges::copy(std::as_bytes(std::span(*value)), into.begin());
  return number(info.Env(), value->size());
}

Napi::Value state_set(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::span<std::byte> key = arguments.bytes();
  const std::span<std::byte> value = arguments.bytes();
  const std::size_t max_keys = max_keys_of(arguments);
  if (!arguments.is_ok()) return {};
  const auto state = find_state(info, handle);
  if (!state) return {};
  const auto kept = state->set(text_of(key), text_of(value), max_keys);
  return number(info.Env(), kept ? 0 : kept.error().number);
}

Napi::Value state_remove(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::span<std::byte> key = arguments.bytes();
  if (!arguments.is_ok()) return {};
  const auto state = find_state(info, handle);
  if (!state) return {};
  return Napi::Boolean::New(info.Env(), state->remove(text_of(key)));
}

Napi::Value state_add(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::span<std::byte> key = arguments.bytes();
  const std::span<std::byte> given = arguments.bytes();
  const std::size_t max_keys = max_keys_of(arguments);
  if (!arguments.is_ok()) return {};
  std::int64_t amount = 0;
  if (given.size() != sizeof amount) return throw_type(info.Env(), "expected eight bytes");
  const auto state = find_state(info, handle);
  if (!state) return {};
  std::memcpy(&amount, given.data(), sizeof amount);
  const auto sum = state->add(text_of(key), amount, max_keys);
  if (!sum) return number(info.Env(), sum.error().number);
  std::memcpy(given.data(), &*sum, sizeof amount);
  return number(info.Env(), 0);
}

}  // namespace seccompagent
