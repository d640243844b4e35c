// SPDX-License-Identifier: Apache-2.0
// Tests how often users may connect.
#include "socket/connection_rates.h"

#include "check.h"

namespace seccompagent::test {
namespace {

constexpr uid_t kUser = 1000;
constexpr uid_t kOther = 1001;
constexpr Nanoseconds kTurn = kSecond / ConnectionRates::kPerSecond;
constexpr Nanoseconds kBegin = 1000 * kSecond;

void connect_at_once(ConnectionRates& rates, int count, Admission expected) {
  for (int at = 0; at < count; ++at) CHECK(rates.connected(kUser, kBegin) == expected);
}

void grants_what_runtimes_need() {
  ConnectionRates rates;
  for (int at = 0; at < 10'000; ++at)
    CHECK(rates.connected(kUser, kBegin + at * kTurn) == Admission::granted);
  CHECK(!rates.next_end());
}

void refuses_what_is_too_much_at_once() {
  ConnectionRates rates;
  connect_at_once(rates, ConnectionRates::kAtOnce, Admission::granted);
  connect_at_once(rates, 1, Admission::refused);
  CHECK(rates.connected(kOther, kBegin) == Admission::granted);
  CHECK(!rates.is_shut_out(kUser));
  // as many later as had their turn
  CHECK(rates.connected(kUser, kBegin + 2 * kTurn) == Admission::granted);
  CHECK(rates.connected(kUser, kBegin + 2 * kTurn) == Admission::refused);
}

void shuts_out_who_goes_on() {
  ConnectionRates rates;
  connect_at_once(rates, ConnectionRates::kAtOnce, Admission::granted);
  connect_at_once(rates, ConnectionRates::kMax - ConnectionRates::kAtOnce - 1, Admission::refused);
  connect_at_once(rates, 1, Admission::shut_out);
  CHECK(rates.is_shut_out(kUser));
  CHECK(!rates.is_shut_out(kOther));
  // those who had connected before
  connect_at_once(rates, 10'000, Admission::refused);
  CHECK_EQUAL(rates.next_end().value_or(0), kBegin + ConnectionRates::kMax * kTurn);
}

constexpr auto kNobodyIsHeld = [](uid_t) { return false; };

void lets_in_who_was_shut_out() {
  ConnectionRates rates;
  for (int at = 0; at < ConnectionRates::kMax; ++at) (void)rates.connected(kUser, kBegin);
  const Nanoseconds end = rates.next_end().value_or(0);
  CHECK(!rates.end_until(end - 1, kNobodyIsHeld));
  CHECK(rates.is_shut_out(kUser));
  CHECK(rates.end_until(end, kNobodyIsHeld));
  CHECK(!rates.is_shut_out(kUser));
  CHECK(!rates.next_end());
  CHECK(!rates.end_until(end, kNobodyIsHeld));
  CHECK(rates.connected(kUser, end) == Admission::granted);
}

void keeps_out_who_is_held() {
  ConnectionRates rates;
  CHECK(rates.shut_out(kUser, kBegin) == Admission::shut_out);
  CHECK(rates.shut_out(kUser, kBegin) == Admission::refused);
  const Nanoseconds end = rates.next_end().value_or(0);
  CHECK(!rates.end_until(end, [](uid_t user) { return user == kUser; }));
  CHECK(rates.is_shut_out(kUser));
  CHECK_EQUAL(rates.next_end().value_or(0), end + kSecond);
  CHECK(rates.end_until(end + kSecond, kNobodyIsHeld));
}

constexpr Case kCases[] = {
    {"connection rates: what runtimes need is granted", grants_what_runtimes_need},
    {"connection rates: a user may connect so often at once", refuses_what_is_too_much_at_once},
    {"connection rates: who goes on is shut out", shuts_out_who_goes_on},
    {"connection rates: who was shut out is let in again", lets_in_who_was_shut_out},
    {"connection rates: who is held is not let in yet", keeps_out_who_is_held},
};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
