// SPDX-License-Identifier: Apache-2.0
// State that a bundle's handlers keep of a container: keys and values, shared by all threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "kernel/result.h"

namespace seccompagent {

class StateStore {
 public:
  static constexpr std::size_t kMaxKeys = 64;
  static constexpr std::size_t kMaxKey = 256;
  // Keys and values together.
  static constexpr std::size_t kMaxBytes = 65536;

  [[nodiscard]] std::optional<std::string> get(std::string_view key) const;
  // ENOSPC: it would be too much, or more keys than these; what was there stays.
  [[nodiscard]] Result<void> set(std::string_view key, std::string_view value,
                                 std::size_t max_keys = kMaxKeys);
  // Whether it was there.
  bool remove(std::string_view key);
  // Adds to a counter, 8 bytes with the least first, and returns its new value. EINVAL: the value
  // is none. EOVERFLOW: the sum does not fit. ENOSPC: as above.
  [[nodiscard]] Result<std::int64_t> add(std::string_view key, std::int64_t amount,
                                         std::size_t max_keys = kMaxKeys);

 private:
  [[nodiscard]] Result<void> put(std::string_view key, std::string_view value,
                                 std::size_t max_keys);

  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> values_;
  std::size_t bytes_ = 0;
};

}  // namespace seccompagent
