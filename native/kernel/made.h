// SPDX-License-Identifier: Apache-2.0
// Mounts that an operation has made, of which much is charged to nobody.
#pragma once

#include <cstdint>

namespace seccompagent {

struct Made {
  static constexpr std::uint64_t kUntold = ~0ULL;
  static constexpr std::uint64_t kNotAsked = kUntold - 1;
  // Beside the number of a mount namespace: the overlays in there, each with its layers.
  static constexpr std::uint64_t kOverlays = 1ULL << 63;

  // The number of their mount namespace. 0: nothing that counts.
  std::uint64_t place = 0;
  std::uint64_t amount = 0;
  // Number of things at that place before, of all makers, and the most that one takes. kUntold:
  // nobody can ever tell.
  std::uint64_t existing = kUntold;
  std::uint64_t largest = 0;
  // It was not made: it is more than the container may make.
  bool is_over = false;

  friend bool operator==(const Made&, const Made&) = default;
};

}  // namespace seccompagent
