// SPDX-License-Identifier: Apache-2.0
// Rates of connections of users to the agent socket. Runtimes connect once for each container and
// each program that is started in one.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "kernel/clock.h"

namespace seccompagent {

enum class Admission : std::uint8_t {
  granted,
  // This connection is one too many.
  refused,
  // It is, and from now on the user is shut out.
  shut_out,
};

class ConnectionRates {
 public:
  // A user may connect so often in a second, and so many times at once.
  static constexpr int kPerSecond = 50;
  static constexpr int kAtOnce = 100;
  // After so many at once a user is shut out for as long as they would have taken, since the
  // backlog is everybody's: refusing them one by one would leave it full.
  static constexpr int kMax = 500;

  [[nodiscard]] Admission connected(uid_t user, Nanoseconds time);
  // Shuts a user out, however seldom he connects.
  [[nodiscard]] Admission shut_out(uid_t user, Nanoseconds time);
  // Ends the time of those who have been shut out for long enough, and are not held for another
  // second. Whether there were any.
  template <typename IsHeld>
  bool end_until(Nanoseconds time, IsHeld is_held);
  // When the first of those who are shut out may connect again. Nothing: nobody is shut out.
  [[nodiscard]] std::optional<Nanoseconds> next_end() const;
  [[nodiscard]] bool is_shut_out(uid_t user) const;

 private:
  struct User {
    // All that have connected had their turn by then, at kPerSecond.
    Nanoseconds until = 0;
    bool is_shut_out = false;
  };
  std::map<uid_t, User> users_;
};

template <typename IsHeld>
bool ConnectionRates::end_until(Nanoseconds time, IsHeld is_held) {
  bool had_any = false;
  std::erase_if(users_, [&](auto& entry) {
    auto& [uid, user] = entry;
    if (user.until > time) return false;
    if (user.is_shut_out && is_held(uid)) {
      user.until = time + kSecond;
      return false;
    }
    had_any = had_any || user.is_shut_out;
    return true;
  });
  return had_any;
}

}  // namespace seccompagent
