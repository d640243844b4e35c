// SPDX-License-Identifier: Apache-2.0
// Keys and values with limits.
#include "container/state_store.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

namespace seccompagent {

static_assert(std::endian::native == std::endian::little);

void StateRoom::limit(const Limits& limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

bool StateRoom::take(const std::string& payer, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = bytes_.find(payer);
  const std::size_t before = found == bytes_.end() ? 0 : found->second;
  const std::size_t after = before + bytes;
  if (after > limits_.of_payer) return false;
  const std::size_t payers = bytes_.size() + (before == 0 ? 1 : 0);
  if (sum_ + bytes > limits_.of_all && after > limits_.divided / payers) return false;
  bytes_[payer] = after;
  sum_ += bytes;
  return true;
}

void StateRoom::give_back(const std::string& payer, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = bytes_.find(payer);
  if (found == bytes_.end()) return;
  found->second -= bytes;
  sum_ -= bytes;
  if (found->second == 0) bytes_.erase(found);
}

std::optional<std::string> StateStore::get(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  const auto found = values_.find(key);
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

Result<void> StateStore::set(std::string_view key, std::string_view value, std::size_t max_keys) {
  const std::lock_guard lock(mutex_);
  return put(key, value, max_keys);
}

bool StateStore::remove(std::string_view key) {
  const std::lock_guard lock(mutex_);
  const auto found = values_.find(key);
  if (found == values_.end()) return false;
  const std::size_t bytes = found->first.size() + found->second.size();
  bytes_ -= bytes;
  values_.erase(found);
  room_->give_back(payer_, bytes + kKeyBytes);
  return true;
}

Result<std::int64_t> StateStore::add(std::string_view key, std::int64_t amount,
                                     std::size_t max_keys) {
  const std::lock_guard lock(mutex_);
  std::int64_t sum = 0;
  if (const auto found = values_.find(key); found != values_.end()) {
    if (found->second.size() != sizeof sum) return fail(EINVAL);
    std::memcpy(&sum, found->second.data(), sizeof sum);
  }
  if (__builtin_add_overflow(sum, amount, &sum)) return fail(EOVERFLOW);
  const std::string_view value(reinterpret_cast<const char*>(&sum), sizeof sum);
  if (const auto kept = put(key, value, max_keys); !kept) return std::unexpected(kept.error());
  return sum;
}

// With the mutex held.
Result<void> StateStore::put(std::string_view key, std::string_view value, std::size_t max_keys) {
  if (key.size() > kMaxKey) return fail(ENOSPC);
  const auto found = values_.find(key);
  const bool is_there = found != values_.end();
  if (!is_there && values_.size() >= std::min(max_keys, kMaxKeys)) return fail(ENOSPC);
  const std::size_t others = bytes_ - (is_there ? key.size() + found->second.size() : 0);
  const std::size_t bytes = others + key.size() + value.size();
  if (bytes > kMaxBytes) return fail(ENOSPC);
  const std::size_t more = bytes + (is_there ? 0 : kKeyBytes);
  if (more > bytes_ && !room_->take(payer_, more - bytes_)) return fail(ENOSPC);
  if (more < bytes_) room_->give_back(payer_, bytes_ - more);
  if (is_there) {
    // assigned to, it would keep the memory of the longest one that it has ever been
    std::string(value).swap(found->second);
  } else {
    values_.emplace(key, value);
  }
  bytes_ = bytes;
  return {};
}

}  // namespace seccompagent
