// SPDX-License-Identifier: Apache-2.0
// Tests what is remembered, and how much.
#include "container/state_store.h"

#include <errno.h>

#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "check.h"

// Of the sanitizers, which the tests are built with.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();

namespace seccompagent::test {
namespace {

int error_of(const auto& result) { return result ? 0 : result.error().number; }

// Of a container without limits beside its own.
class Store : public StateStore {
 public:
  Store() : StateStore(boundless(), "container") {}

 private:
  static std::shared_ptr<StateRoom> boundless() {
    constexpr std::size_t kMax = std::numeric_limits<std::size_t>::max();
    auto room = std::make_shared<StateRoom>();
    room->limit({.of_payer = kMax, .of_all = kMax, .divided = 0});
    return room;
  }
};

void gives_back_what_was_set() {
  Store store;
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
  Store store;
  for (std::size_t key = 0; key < StateStore::kMaxKeys; ++key)
    CHECK_EQUAL(error_of(store.set(std::to_string(key), "v")), 0);
  CHECK_EQUAL(error_of(store.set("one more", "v")), ENOSPC);
  CHECK_EQUAL(error_of(store.add("one more", 1)), ENOSPC);
  CHECK_EQUAL(error_of(store.set("0", "w")), 0);
  CHECK(store.remove("1"));
  CHECK_EQUAL(error_of(store.set("one more", "v")), 0);
  // somebody may have fewer than others
  Store other;
  CHECK_EQUAL(error_of(other.set("a", "v", 1)), 0);
  CHECK_EQUAL(error_of(other.set("a", "w", 1)), 0);
  CHECK_EQUAL(error_of(other.set("b", "v", 1)), ENOSPC);
  CHECK_EQUAL(ERROR(other.add("b", 1, 1)), Errno{ENOSPC});
  CHECK_EQUAL(error_of(other.set("b", "v")), 0);
}

void has_so_long_keys() {
  Store store;
  CHECK_EQUAL(error_of(store.set(std::string(StateStore::kMaxKey, 'k'), "v")), 0);
  CHECK_EQUAL(error_of(store.set(std::string(StateStore::kMaxKey + 1, 'k'), "v")), ENOSPC);
}

void has_so_many_bytes() {
  Store store;
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
  Store store;
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
  Store store;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&] {
      for (int count = 0; count < kAdditions; ++count) CHECK(store.add("n", 1).has_value());
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQUAL(*store.add("n", 0), kThreads * kAdditions);
}

// So many bytes in one key, with all that is counted for it.
std::string filling(std::size_t bytes) {
  return std::string(bytes - StateStore::kKeyBytes - 1, 'v');
}

constexpr std::size_t kPart = 10'000;

void counts_by_payer() {
  const auto room = std::make_shared<StateRoom>();
  room->limit({.of_payer = 2 * kPart, .of_all = 100 * kPart, .divided = 0});
  StateStore one(room, "user 1000");
  auto other = std::make_unique<StateStore>(room, "user 1000");
  StateStore others(room, "user 1001");
  CHECK_EQUAL(error_of(one.set("k", filling(kPart))), 0);
  CHECK_EQUAL(error_of(other->set("k", filling(kPart))), 0);
  CHECK_EQUAL(error_of(one.set("l", "")), ENOSPC);
  CHECK_EQUAL(error_of(one.set("k", filling(kPart + 1))), ENOSPC);
  CHECK_EQUAL(error_of(other->add("n", 1)), ENOSPC);
  CHECK_EQUAL(error_of(others.set("k", filling(2 * kPart))), 0);
  // what is there stays, and may change as long as it does not grow
  CHECK_EQUAL(*one.get("k"), filling(kPart));
  CHECK_EQUAL(error_of(one.set("k", filling(kPart - 500))), 0);
  CHECK_EQUAL(error_of(other->add("n", 1)), 0);
  CHECK(other->remove("n"));
  // with its container
  other.reset();
  CHECK_EQUAL(error_of(one.set("k", filling(2 * kPart))), 0);
  CHECK(one.remove("k"));
  CHECK_EQUAL(error_of(one.set("k", filling(2 * kPart))), 0);
}

void leaves_some_for_each() {
  const auto room = std::make_shared<StateRoom>();
  room->limit({.of_payer = 10 * kPart, .of_all = 4 * kPart, .divided = 2 * kPart});
  StateStore greedy(room, "greedy");
  StateStore late(room, "late");
  CHECK_EQUAL(error_of(greedy.set("k", filling(4 * kPart))), 0);
  CHECK_EQUAL(error_of(greedy.set("l", "v")), ENOSPC);
  CHECK_EQUAL(error_of(late.set("k", filling(kPart))), 0);
  CHECK_EQUAL(error_of(late.set("l", "v")), ENOSPC);
  CHECK(greedy.remove("k"));
  CHECK_EQUAL(error_of(late.set("l", "v")), 0);
}

// Keys count besides what is in them, and short values are no longer as long as they were.
void has_no_more_than_it_counts() {
  Store store;
  const std::string longest(StateStore::kMaxBytes - 1000, 'v');
  const std::size_t before = __sanitizer_get_current_allocated_bytes();
  for (std::size_t key = 0; key < StateStore::kMaxKeys; ++key) {
    CHECK_EQUAL(error_of(store.set(std::to_string(key), longest)), 0);
    CHECK_EQUAL(error_of(store.set(std::to_string(key), "")), 0);
  }
  const std::size_t after = __sanitizer_get_current_allocated_bytes();
  CHECK(after - before <= StateStore::kMaxKeys * (StateStore::kKeyBytes + 2));
}

constexpr Case kCases[] = {
    {"G1: StateRoom: stores of one payer have so much together", counts_by_payer},
    {"G1: StateRoom: some is left for each payer", leaves_some_for_each},
    {"G1: StateStore: it has no more memory than it counts", has_no_more_than_it_counts},
    {"StateStore: what was set comes back", gives_back_what_was_set},
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
