// SPDX-License-Identifier: Apache-2.0
// Errno and Result: how native code says that a call failed.
#pragma once

#include <cerrno>
#include <expected>

namespace seccompagent {

// A positive errno(3). A type of its own, so that no count or fd is taken for one.
struct Errno {
  int number;
  friend bool operator==(Errno, Errno) = default;
};

template <typename T>
using Result = std::expected<T, Errno>;

inline std::unexpected<Errno> fail(int number) { return std::unexpected(Errno{number}); }
// Call it on the line after the system call: anything in between may change errno.
inline std::unexpected<Errno> fail_errno() { return fail(errno); }

// Repeats a system call that a signal interrupted before it did anything.
template <typename Call>
auto retry_eintr(Call call) {
  auto value = call();
  while (value == -1 && errno == EINTR) value = call();
  return value;
}

}  // namespace seccompagent
