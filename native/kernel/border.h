// SPDX-License-Identifier: Apache-2.0
// The tables that the addon and the host share; host/border/ says what they mean. Generated:
// `npm run generate`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

// clang-format off
namespace seccompagent {

// host/border/calls.ts
enum class EventKind : std::int32_t {
  notification = 1,
  ended = 2,
  stopped = 3,
  shortage = 4,
};

enum class Arch : std::uint32_t {
  x86_64 = 0,
  i386 = 1,
  x32 = 2,
  arm64 = 3,
  unknown = 4,
};

inline constexpr std::size_t kArches = 4;

inline constexpr std::size_t kNumbers = 1024;

inline constexpr std::size_t kArguments = 6;

enum class ReadKind : std::uint8_t {
  nothing = 0,
  path = 1,
  source = 2,
  mount_data = 3,
  xattr_name = 4,
  xattr_value = 5,
  xattr_args = 6,
  xattr_room = 7,
  open_how = 8,
  timespecs = 9,
  timespecs64 = 10,
  timevals = 11,
  utimbuf = 12,
};

inline constexpr std::size_t kReadKinds = 13;

enum class AnswerKind : std::uint32_t {
  none = 0,
  value = 1,
  error = 2,
  carry_on = 3,
  descriptor = 4,
};

struct Inbox {
  struct Pointer {
    std::int32_t length;
    std::uint32_t offset;
  };
  struct Answer {
    std::int64_t value;
    std::int32_t error;
    AnswerKind kind;
    std::uint32_t delay;
    std::uint32_t slot;
    std::uint32_t failed;
    std::uint32_t unused;
  };
  std::uint32_t token;
  std::uint32_t tid;
  std::uint32_t arch;
  std::uint32_t number;
  std::array<std::uint64_t, 6> registers;
  std::array<Pointer, 6> pointers;
  std::uint64_t id;
  std::uint32_t audit_arch;
  std::uint32_t was_gone;
  Answer answer;
  std::uint32_t link;
  std::uint32_t deadline;
  std::uint32_t took;
  std::uint32_t terms;
};
static_assert(std::is_standard_layout_v<Inbox>);
static_assert(offsetof(Inbox, terms) == 172);

inline constexpr std::size_t kInboxData = 73728;

inline constexpr std::int32_t kNotRead = -65536;

inline constexpr std::int32_t kNull = -65537;

}  // namespace seccompagent
