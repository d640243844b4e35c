// SPDX-License-Identifier: Apache-2.0
// Texts that many have alike, each of which is in memory once.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

namespace seccompagent {

using SharedText = std::shared_ptr<const std::string>;

class SharedTexts {
 public:
  // The same for all who want the same text.
  [[nodiscard]] SharedText take(std::string_view text) {
    const std::lock_guard lock(mutex_);
    // others than this one are given out here only
    std::erase_if(texts_, [](const SharedText& kept) { return kept.use_count() == 1; });
    const auto known = texts_.find(text);
    if (known != texts_.end()) return *known;
    return *texts_.insert(std::make_shared<const std::string>(text)).first;
  }

  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return texts_.size();
  }

 private:
  struct Less {
    // NOLINTNEXTLINE(readability-identifier-naming): std::set looks for this name
    using is_transparent = void;
    bool operator()(const SharedText& one, const SharedText& other) const { return *one < *other; }
    bool operator()(const SharedText& one, std::string_view other) const { return *one < other; }
    bool operator()(std::string_view one, const SharedText& other) const { return one < *other; }
  };

  mutable std::mutex mutex_;
  std::set<SharedText, Less> texts_;
};

}  // namespace seccompagent
