// SPDX-License-Identifier: Apache-2.0
// Keys and values with limits.
#include "container/state_store.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

namespace seccompagent {

static_assert(std::endian::native == std::endian::little);

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
  bytes_ -= found->first.size() + found->second.size();
  values_.erase(found);
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
  if (is_there) {
    found->second = value;
  } else {
    values_.emplace(key, value);
  }
  bytes_ = bytes;
  return {};
}

}  // namespace seccompagent
