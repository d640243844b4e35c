// SPDX-License-Identifier: Apache-2.0
// Tests which number an id of a user namespace has in ours.
#include "caller/id_map.h"

#include "check.h"

namespace seccompagent::test {
namespace {

constexpr std::uint32_t kUnknown = 65534;
constexpr const char* kMap =
    "         0     100000       1000\n      1000       1000          1\n"
    "      1001     101001      64535\n";

void tells_numbers_outside() {
  CHECK_EQUAL(id_outside(kMap, 0, kUnknown), 100'000U);
  CHECK_EQUAL(id_outside(kMap, 999, kUnknown), 100'999U);
  CHECK_EQUAL(id_outside(kMap, 1000, kUnknown), 1000U);
  CHECK_EQUAL(id_outside(kMap, 65535, kUnknown), 165'535U);
  CHECK_EQUAL(id_outside("0 0 4294967295\n", 4294967294, kUnknown), 4294967294U);
  CHECK_EQUAL(id_outside("0 1000 1", 0, kUnknown), 1000U);
}

void tells_what_has_none() {
  CHECK_EQUAL(id_outside(kMap, 65536, kUnknown), kNoId);
  // whether somebody has the number there or not
  CHECK_EQUAL(id_outside(kMap, kUnknown, kUnknown), kNoId);
  CHECK_EQUAL(id_outside("0 1000 1\n", kUnknown, kUnknown), kNoId);
  // but not where all have one
  CHECK_EQUAL(id_outside("0 0 4294967295\n", kUnknown, kUnknown), kUnknown);
  for (const char* map : {"", "\n", "0 0\n", "a b c\n"})
    CHECK_EQUAL(id_outside(map, 0, kUnknown), kNoId);
}

constexpr Case kCases[] = {
    {"A2: id maps: ids of a user namespace have their numbers in ours", tells_numbers_outside},
    {"A2: id maps: what has no number is told as such", tells_what_has_none}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
