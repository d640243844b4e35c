// SPDX-License-Identifier: Apache-2.0
// A hash with a secret key, so that nobody outside of this process can make two texts collide:
// SipHash-2-4, see https://www.aumasson.jp/siphash/siphash.pdf.
#pragma once

#include <sys/random.h>

#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace seccompagent {

using HashKey = std::array<std::uint64_t, 2>;

[[nodiscard]] inline std::uint64_t sip_hash(const HashKey& key, std::string_view text) {
  std::uint64_t a = key[0] ^ 0x736f6d6570736575;
  std::uint64_t b = key[1] ^ 0x646f72616e646f6d;
  std::uint64_t c = key[0] ^ 0x6c7967656e657261;
  std::uint64_t d = key[1] ^ 0x7465646279746573;
  const auto mix = [&](int rounds) {
    for (; rounds > 0; --rounds) {
      a += b;
      c += d;
      b = std::rotl(b, 13) ^ a;
      d = std::rotl(d, 16) ^ c;
      a = std::rotl(a, 32) + d;
      c += b;
      d = std::rotl(d, 21) ^ a;
      b = std::rotl(b, 17) ^ c;
      c = std::rotl(c, 32);
    }
  };
  const auto take = [&](std::uint64_t word) {
    d ^= word;
    mix(2);
    a ^= word;
  };
  constexpr int kLengthShift = 56;
  const std::uint64_t length = text.size();
  while (text.size() >= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), sizeof word);
    take(word);
    text.remove_prefix(sizeof word);
  }
  std::uint64_t last = 0;
  std::memcpy(&last, text.data(), text.size());
  take(last | length << kLengthShift);
  c ^= 0xff;
  mix(4);
  return a ^ b ^ c ^ d;
}

[[nodiscard]] inline std::uint64_t keyed_hash(std::string_view text) {
  static const HashKey key = [] {
    HashKey made = {};
    // what others can foresee must not be taken for a hash
    if (getrandom(&made, sizeof made, 0) != sizeof made) std::abort();
    return made;
  }();
  return sip_hash(key, text);
}

}  // namespace seccompagent
