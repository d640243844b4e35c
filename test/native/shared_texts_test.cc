// SPDX-License-Identifier: Apache-2.0
// Tests that equal texts are in memory once, and no longer than somebody has them.
#include "receiver/shared_texts.h"

#include <thread>
#include <vector>

#include "check.h"

namespace seccompagent::test {
namespace {

void keeps_equal_texts_once() {
  SharedTexts texts;
  const SharedText one = texts.take("text");
  const SharedText same = texts.take("text");
  const SharedText other = texts.take(std::string_view("te\0xt", 5));
  const SharedText empty = texts.take({});
  CHECK(one == same);
  CHECK_EQUAL(*one, "text");
  CHECK_EQUAL(other->size(), 5U);
  CHECK_EQUAL(*empty, "");
  CHECK_EQUAL(texts.size(), 3U);
}

void forgets_what_nobody_has() {
  SharedTexts texts;
  const SharedText kept = texts.take("kept");
  for (int i = 0; i < 100; ++i) (void)texts.take(std::to_string(i));
  CHECK(texts.size() <= 2U);
  CHECK(texts.take("kept") == kept);
  CHECK_EQUAL(texts.size(), 1U);
}

void gives_texts_to_many_threads() {
  SharedTexts texts;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&texts] {
        for (int i = 0; i < 1000; ++i)
          CHECK_EQUAL(*texts.take(std::to_string(i % 3)), std::to_string(i % 3));
      });
    }
  }
  (void)texts.take("last");
  CHECK_EQUAL(texts.size(), 1U);
}

constexpr Case kCases[] = {
    {"A3: shared texts: equal ones are there once", keeps_equal_texts_once},
    {"A3: shared texts: what nobody has is forgotten", forgets_what_nobody_has},
    {"A3: shared texts: threads take and drop them at once", gives_texts_to_many_threads},
};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
