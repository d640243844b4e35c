// SPDX-License-Identifier: Apache-2.0
// Terms by which a listener's calls are handled, which may change while it has calls.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/border.h"
#include "kernel/notify.h"
#include "kernel/syscall_number.h"
#include "receiver/shared_texts.h"

namespace seccompagent {

// Never changed but replaced as a whole, so that one call sees the same all the way.
struct Terms {
  // The container's registry, encoded; never looked into here. What many listeners have alike of it
  // stands in the other two: null is nothing.
  std::string registry;
  SharedText handlers = nullptr;
  SharedText annotations = nullptr;
  ReadSet reads;
  // Answer to calls that can't be handled.
  Response failure;
  // Of the handlers, in chain order: their indexes in the quarantine, and the digests of their
  // components, one behind the other.
  std::vector<std::int32_t> quarantine = {};
  SharedText components = nullptr;
  // No other terms of this process have the same, whichever listener they are of.
  std::uint32_t version = 0;

  // Of a handler by its place in the chain; empty: there is no such one.
  [[nodiscard]] std::string_view component(std::size_t place) const {
    if (!components || (place + 1) * kComponentDigest > components->size()) return {};
    return std::string_view(*components).substr(place * kComponentDigest, kComponentDigest);
  }
};

class CurrentTerms {
 public:
  explicit CurrentTerms(Terms terms) { replace(std::move(terms)); }

  [[nodiscard]] std::uint32_t version() const { return version_.load(std::memory_order_acquire); }

  [[nodiscard]] std::shared_ptr<const Terms> get() const {
    const std::lock_guard lock(mutex_);
    return terms_;
  }

  // For calls that no worker has begun yet.
  void replace(Terms terms) {
    static std::atomic<std::uint32_t> last = 0;
    terms.version = ++last;
    auto next = std::make_shared<const Terms>(std::move(terms));
    const std::lock_guard lock(mutex_);
    terms_ = std::move(next);
    version_.store(terms_->version, std::memory_order_release);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Terms> terms_;
  std::atomic<std::uint32_t> version_ = 0;
};

}  // namespace seccompagent
