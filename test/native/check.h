// SPDX-License-Identifier: Apache-2.0
// Checks for tests in C++: one case runs in one process, and its first failed check ends it.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "kernel/result.h"

namespace seccompagent::test {

struct Case {
  // "subject: behaviour", as in the tests in TypeScript.
  const char* name;
  void (*run)();
};

// With a name: runs that case. Without: prints all names.
inline int run_cases(std::span<const Case> cases, int argc, char** argv) {
  for (const Case& test : cases) {
    if (argc < 2) {
      std::puts(test.name);
    } else if (std::strcmp(argv[1], test.name) == 0) {
      test.run();
      return 0;
    }
  }
  if (argc < 2) return 0;
  std::fprintf(stderr, "there is no case %s\n", argv[1]);
  return 2;
}

[[noreturn]] inline void fail_check(const char* file, int line, const std::string& what) {
  std::fprintf(stderr, "%s:%d: %s\n", file, line, what.c_str());
  std::exit(1);
}

template <typename T>
std::string shown(const T& value) {
  if constexpr (std::is_same_v<T, Errno>) {
    return std::string(strerrorname_np(value.number));
  } else if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_enum_v<T>) {
    return std::to_string(static_cast<long long>(value));
  } else if constexpr (std::is_arithmetic_v<T>) {
    return std::to_string(value);
  } else {
    return '"' + std::string(std::string_view(value)) + '"';
  }
}

template <typename Actual, typename Expected>
void check_equal(const char* file, int line, const Actual& actual, const Expected& expected) {
  if (actual == expected) return;
  fail_check(file, line, "is " + shown(actual) + ", expected " + shown(expected));
}

// The value of a result that must be there.
template <typename T>
T value_of(const char* file, int line, Result<T> result) {
  if (!result) fail_check(file, line, "failed with " + shown(result.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// The error of a result that must have failed.
template <typename T>
Errno error_of(const char* file, int line, const Result<T>& result) {
  if (result) fail_check(file, line, "succeeded");
  return result.error();
}

}  // namespace seccompagent::test

#define CHECK(condition) \
  ((condition) ? void() : seccompagent::test::fail_check(__FILE__, __LINE__, #condition))
#define CHECK_EQUAL(actual, expected) \
  seccompagent::test::check_equal(__FILE__, __LINE__, actual, expected)
#define VALUE(result) seccompagent::test::value_of(__FILE__, __LINE__, result)
#define ERROR(result) seccompagent::test::error_of(__FILE__, __LINE__, result)
