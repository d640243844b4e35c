// SPDX-License-Identifier: Apache-2.0
// The payer of what is made for a container, and of what hangs: each container of root for itself,
// and all containers of another sender together, since that user may have any number of them, also
// one after the other.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace seccompagent {

// The token of a container, or a user, or of what is done before a container has one, who has sent
// its listener.
using Payer = std::uint64_t;

inline constexpr Payer kUserBit = 1ULL << 32;
inline constexpr Payer kSenderBit = 1ULL << 33;

[[nodiscard]] constexpr Payer user_payer(uid_t user) { return kUserBit | user; }
[[nodiscard]] constexpr bool is_user(Payer payer) { return (payer & kUserBit) != 0; }

// `sender`: who has sent its listeners.
[[nodiscard]] constexpr Payer payer_of(std::uint32_t container, uid_t sender) {
  return sender == 0 ? container : user_payer(sender);
}

// Before there is a container. `number`: of all containers of root's that somebody else counts
// together.
[[nodiscard]] constexpr Payer payer_of_arrival(std::uint32_t number, uid_t sender) {
  return sender == 0 ? kSenderBit | number : user_payer(sender);
}

// Container and payer of something.
struct Owner {
  std::uint32_t container;
  Payer payer;

  friend bool operator==(const Owner&, const Owner&) = default;
};

}  // namespace seccompagent
