// SPDX-License-Identifier: Apache-2.0
// Tests what is counted of a call, and where.
#include "receiver/counters.h"

#include <cstring>
#include <limits>

#include "check.h"

namespace seccompagent::test {
namespace {

constexpr std::size_t kDurationSum = offsetof(CounterSlot, duration_sum_ns) / 8;
constexpr std::size_t kFirstBucket = offsetof(CounterSlot, buckets) / 8;

std::uint64_t word(const CallCounters& counters, std::size_t index) {
  std::array<std::uint64_t, 32> words;
  static_assert(sizeof words == sizeof counters);
  std::memcpy(words.data(), &counters, sizeof words);
  return words[index];
}

void has_each_bound_in_its_own_bucket() {
  for (std::size_t index = 0; index < kBuckets.size(); ++index) {
    CHECK_EQUAL(bucket_of(kBuckets[index]), index);
    CHECK_EQUAL(bucket_of(kBuckets[index] + 1), index + 1);
  }
}

void has_bounds_that_grow() {
  for (std::size_t index = 1; index < kBuckets.size(); ++index)
    CHECK(kBuckets[index - 1] < kBuckets[index]);
  CHECK_EQUAL(kBuckets.front(), 5 * kMicrosecond);
  CHECK_EQUAL(kBuckets.back(), 10 * kSecond);
}

void has_buckets_at_both_ends() {
  CHECK_EQUAL(bucket_of(0), 0UL);
  CHECK_EQUAL(bucket_of(-1), 0UL);
  CHECK_EQUAL(bucket_of(std::numeric_limits<Nanoseconds>::max()), kBuckets.size());
}

void counts_each_kind_of_answer() {
  CallCounters counters = {};
  const Counted kinds[] = {Counted::value, Counted::error, Counted::carry_on, Counted::gone,
                           Counted::failed};
  std::uint64_t times = 0;
  for (const Counted kind : kinds) {
    ++times;
    for (std::uint64_t time = 0; time < times; ++time) counters.count(kind, kMicrosecond);
  }
  for (std::size_t index = 0; index < 5; ++index) CHECK_EQUAL(word(counters, index), index + 1);
}

void counts_durations() {
  CallCounters counters = {};
  counters.count(Counted::value, 3 * kMicrosecond);
  counters.count(Counted::value, 3 * kMillisecond);
  counters.count(Counted::error, 11 * kSecond);
  CHECK_EQUAL(word(counters, kDurationSum),
              static_cast<std::uint64_t>(3 * kMicrosecond + 3 * kMillisecond + 11 * kSecond));
  CHECK_EQUAL(word(counters, kFirstBucket), 1UL);
  CHECK_EQUAL(word(counters, kFirstBucket + 9), 1UL);
  CHECK_EQUAL(word(counters, kFirstBucket + kBuckets.size()), 1UL);
  std::uint64_t sum = 0;
  for (std::size_t index = 0; index <= kBuckets.size(); ++index)
    sum += word(counters, kFirstBucket + index);
  CHECK_EQUAL(sum, 3UL);
}

// The last word says whether the slot is given back.
void leaves_the_words_of_others_alone() {
  CallCounters counters = {};
  counters.count(Counted::failed, std::numeric_limits<Nanoseconds>::max());
  for (std::size_t index = kFirstBucket + kBuckets.size() + 1; index < 32; ++index)
    CHECK_EQUAL(word(counters, index), 0UL);
}

constexpr Case kCases[] = {
    {"bucket_of: a bound is the last of its bucket", has_each_bound_in_its_own_bucket},
    {"bucket_of: bounds go from 5 us to 10 s", has_bounds_that_grow},
    {"bucket_of: nothing and everything have a bucket", has_buckets_at_both_ends},
    {"CallCounters: each kind of answer has its word", counts_each_kind_of_answer},
    {"CallCounters: durations are summed up, and each is in one bucket", counts_durations},
    {"CallCounters: the words behind the buckets are JavaScript's",
     leaves_the_words_of_others_alone}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
