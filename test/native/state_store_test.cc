// SPDX-License-Identifier: Apache-2.0
// Tests what is remembered, and how much.
#include "container/state_store.h"

#include <errno.h>

#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "check.h"

namespace seccompagent::test {
namespace {

int error_of(const auto& result) { return result ? 0 : result.error().number; }

void gives_back_what_was_set() {
  StateStore store;
  const std::string bytes("a\0b", 3);
  CHECK(!store.get("k"));
  CHECK_EQUAL(error_of(store.set("k", bytes)), 0);
  CHECK_EQUAL(*store.get("k"), bytes);
  CHECK_EQUAL(error_of(store.set("k", "")), 0);
  CHECK_EQUAL(*store.get("k"), "");
  CHECK(store.remove("k"));
  CHECK(!store.remove("k"));
  CHECK(!store.get("k"));
}

void has_so_many_keys() {
  StateStore store;
  for (std::size_t key = 0; key < StateStore::kMaxKeys; ++key)
    CHECK_EQUAL(error_of(store.set(std::to_string(key), "v")), 0);
  CHECK_EQUAL(error_of(store.set("one more", "v")), ENOSPC);
  CHECK_EQUAL(error_of(store.add("one more", 1)), ENOSPC);
  CHECK_EQUAL(error_of(store.set("0", "w")), 0);
  CHECK(store.remove("1"));
  CHECK_EQUAL(error_of(store.set("one more", "v")), 0);
  // somebody may have fewer than others
  StateStore other;
  CHECK_EQUAL(error_of(other.set("a", "v", 1)), 0);
  CHECK_EQUAL(error_of(other.set("a", "w", 1)), 0);
  CHECK_EQUAL(error_of(other.set("b", "v", 1)), ENOSPC);
  CHECK_EQUAL(ERROR(other.add("b", 1, 1)), Errno{ENOSPC});
  CHECK_EQUAL(error_of(other.set("b", "v")), 0);
}

void has_so_long_keys() {
  StateStore store;
  CHECK_EQUAL(error_of(store.set(std::string(StateStore::kMaxKey, 'k'), "v")), 0);
  CHECK_EQUAL(error_of(store.set(std::string(StateStore::kMaxKey + 1, 'k'), "v")), ENOSPC);
}

void has_so_many_bytes() {
  StateStore store;
  const std::string max(StateStore::kMaxBytes - 1, 'v');
  CHECK_EQUAL(error_of(store.set("k", max + 'v')), ENOSPC);
  CHECK(!store.get("k"));
  for (int round = 0; round < 3; ++round) CHECK_EQUAL(error_of(store.set("k", max)), 0);
  CHECK_EQUAL(error_of(store.set("l", "")), ENOSPC);
  CHECK_EQUAL(error_of(store.set("k", max + 'v')), ENOSPC);
  CHECK_EQUAL(*store.get("k"), max);
  CHECK_EQUAL(error_of(store.set("k", "")), 0);
  CHECK_EQUAL(error_of(store.set("l", max.substr(1))), 0);
  CHECK(store.remove("l"));
  CHECK_EQUAL(error_of(store.set("m", max.substr(1))), 0);
}

void counts() {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  StateStore store;
  CHECK_EQUAL(*store.add("n", 5), 5);
  CHECK_EQUAL(*store.add("n", -7), -2);
  CHECK_EQUAL(store.get("n")->size(), 8UL);
  CHECK_EQUAL(*store.add("most", kMax), kMax);
  CHECK_EQUAL(error_of(store.add("most", 1)), EOVERFLOW);
  CHECK_EQUAL(*store.add("most", 0), kMax);
  CHECK_EQUAL(*store.add("least", kLeast), kLeast);
  CHECK_EQUAL(error_of(store.add("least", -1)), EOVERFLOW);
  CHECK_EQUAL(error_of(store.set("text", "five")), 0);
  CHECK_EQUAL(error_of(store.add("text", 1)), EINVAL);
  CHECK_EQUAL(*store.get("text"), "five");
}

void loses_no_addition() {
  constexpr int kThreads = 4;
  constexpr int kAdditions = 5000;
  StateStore store;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&] {
      for (int count = 0; count < kAdditions; ++count) CHECK(store.add("n", 1).has_value());
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQUAL(*store.add("n", 0), kThreads * kAdditions);
}

constexpr Case kCases[] = {{"StateStore: what was set comes back", gives_back_what_was_set},
                           {"StateStore: there are so many keys and no more", has_so_many_keys},
                           {"StateStore: a key is so long and no longer", has_so_long_keys},
                           {"StateStore: there are so many bytes and no more", has_so_many_bytes},
                           {"StateStore: counters count within their 64 bits", counts},
                           {"StateStore: of many threads no addition is lost", loses_no_addition}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
