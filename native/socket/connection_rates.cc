// SPDX-License-Identifier: Apache-2.0
#include "socket/connection_rates.h"

#include <algorithm>
#include <utility>

namespace seccompagent {
namespace {

constexpr Nanoseconds kTurn = kSecond / ConnectionRates::kPerSecond;

}  // namespace

Admission ConnectionRates::connected(uid_t uid, Nanoseconds time) {
  User& user = users_[uid];
  const Nanoseconds max = time + ConnectionRates::kMax * kTurn;
  user.until = std::min(std::max(user.until, time) + kTurn, max);
  const bool was_shut_out = user.is_shut_out;
  if (user.until == max) user.is_shut_out = true;
  if (user.is_shut_out) return was_shut_out ? Admission::refused : Admission::shut_out;
  const Nanoseconds at_once = time + ConnectionRates::kAtOnce * kTurn;
  return user.until > at_once ? Admission::refused : Admission::granted;
}

Admission ConnectionRates::shut_out(uid_t uid, Nanoseconds time) {
  User& user = users_[uid];
  user.until = time + kMax * kTurn;
  return std::exchange(user.is_shut_out, true) ? Admission::refused : Admission::shut_out;
}

std::optional<Nanoseconds> ConnectionRates::next_end() const {
  std::optional<Nanoseconds> next;
  for (const auto& [uid, user] : users_) {
    if (user.is_shut_out && (!next || user.until < *next)) next = user.until;
  }
  return next;
}

bool ConnectionRates::is_shut_out(uid_t uid) const {
  const auto found = users_.find(uid);
  return found != users_.end() && found->second.is_shut_out;
}

}  // namespace seccompagent
