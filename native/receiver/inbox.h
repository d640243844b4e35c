// SPDX-License-Identifier: Apache-2.0
// What a call is received in and answered through, once per worker; native.ts has the same offsets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernel/syscall_number.h"

namespace seccompagent {

enum class AnswerKind : std::uint32_t {
  none = 0,
  value = 1,
  error = 2,
  carry_on = 3,
  descriptor = 4
};

struct Inbox {
  std::uint32_t token;
  std::uint32_t tid;
  std::uint32_t arch;
  std::uint32_t number;
  std::array<std::uint64_t, kArguments> registers;
  struct Pointer {
    // Length in bytes, or kNotRead, kNull, or a negated errno.
    std::int32_t length;
    std::uint32_t offset;
  };
  std::array<Pointer, kArguments> pointers;
  std::uint64_t id;
  std::uint32_t audit_arch;
  // Whether the last answer found its notification gone.
  std::uint32_t was_gone;

  // Written by JavaScript, sent and cleared by the next receive.
  struct Answer {
    // Of a descriptor its place.
    std::int64_t value;
    // 0 or a positive errno; of a descriptor 1, if execve(2) closes it.
    std::int32_t error;
    AnswerKind kind;
    // Milliseconds until it is sent; 0: at once.
    std::uint32_t delay;
    // Which counters count the call.
    std::uint32_t slot;
    // Whether the failure policy has answered.
    std::uint32_t is_failure;
  } answer;

  // Written by JavaScript while handlers run, read by the thread that watches deadlines.
  // 1 + the handler's place in its chain; 0: none runs.
  std::uint32_t link;
  // How long that handler may take of its own, in milliseconds; 0: kDefaultDeadline.
  std::uint32_t deadline;
  // Microseconds that the call before took.
  std::uint32_t took;
  // The version of the terms by which the call is handled.
  std::uint32_t terms;
};
static_assert(sizeof(Inbox) == 176 && offsetof(Inbox, pointers) == 64 &&
              offsetof(Inbox, id) == 112 && offsetof(Inbox, answer) == 128 &&
              offsetof(Inbox, link) == 160 && offsetof(Inbox, terms) == 172);
inline constexpr std::int32_t kNotRead = -0x10000;
inline constexpr std::int32_t kNull = -0x10001;
// Room for what the pointers of one call lead to, behind the struct: four strings, or a path and an
// extended attribute with its name.
inline constexpr std::size_t kInboxData = 18UL * 4096;
inline constexpr std::size_t kInboxSize = sizeof(Inbox) + kInboxData;

}  // namespace seccompagent
