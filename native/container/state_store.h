// SPDX-License-Identifier: Apache-2.0
// State that a bundle's handlers keep of a container: keys and values, shared by all threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "kernel/result.h"

namespace seccompagent {

// Memory for the stores of several payers, see payer.h.
class StateRoom {
 public:
  struct Limits {
    std::size_t of_payer;
    std::size_t of_all;
    // Beside it, so much is divided evenly: who has little has a place where others fill the rest.
    std::size_t divided;
  };

  // For the bytes to come.
  void limit(const Limits& limits);
  // False: that would be too much.
  [[nodiscard]] bool take(const std::string& payer, std::size_t bytes);
  void give_back(const std::string& payer, std::size_t bytes);

 private:
  std::mutex mutex_;
  Limits limits_ = {};
  // Of those that have any.
  std::map<std::string, std::size_t> bytes_;
  std::size_t sum_ = 0;
};

class StateStore {
 public:
  static constexpr std::size_t kMaxKeys = 64;
  static constexpr std::size_t kMaxKey = 256;
  // Keys and values together.
  static constexpr std::size_t kMaxBytes = 65536;
  // Memory that a key takes besides.
  static constexpr std::size_t kKeyBytes = 160;

  StateStore(std::shared_ptr<StateRoom> room, std::string payer)
      : room_(std::move(room)), payer_(std::move(payer)) {}
  StateStore(const StateStore&) = delete;
  StateStore& operator=(const StateStore&) = delete;
  ~StateStore() { room_->give_back(payer_, memory()); }

  [[nodiscard]] std::optional<std::string> get(std::string_view key) const;
  // ENOSPC: it would be too much, here or for the payer, or more keys than these; what was there
  // stays.
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

  [[nodiscard]] std::size_t memory() const { return bytes_ + values_.size() * kKeyBytes; }

  const std::shared_ptr<StateRoom> room_;
  const std::string payer_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> values_;
  std::size_t bytes_ = 0;
};

}  // namespace seccompagent
