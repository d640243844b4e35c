// SPDX-License-Identifier: Apache-2.0
// The payer of what is made for a container, and of what hangs: each container of root for itself,
// and all containers of another sender together, since that user may have any number of them, also
// one after the other.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace seccompagent {

// The token of a container, or a user. Before a container of root's has a token: the number of its
// owner, which is a namespace or the container.
using Payer = std::uint64_t;

inline constexpr Payer kUserBit = 1ULL << 32;
inline constexpr Payer kOwnerBit = 1ULL << 33;

[[nodiscard]] constexpr Payer user_payer(uid_t user) { return kUserBit | user; }
[[nodiscard]] constexpr bool is_user(Payer payer) { return (payer & kUserBit) != 0; }

// `sender`: who has sent its listeners.
[[nodiscard]] constexpr Payer payer_of(std::uint32_t container, uid_t sender) {
  return sender == 0 ? container : user_payer(sender);
}

// Before there is a container. `owner`: see Payer.
[[nodiscard]] constexpr Payer payer_of_arrival(std::uint32_t owner, uid_t sender) {
  return sender == 0 ? kOwnerBit | owner : user_payer(sender);
}

// Container and payer of something.
struct Owner {
  std::uint32_t container;
  Payer payer;

  friend bool operator==(const Owner&, const Owner&) = default;
};

}  // namespace seccompagent
