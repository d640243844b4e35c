// SPDX-License-Identifier: Apache-2.0
// Texts of a thread's files in procfs, see proc(5).
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// The text of a file of procfs, in one read.
using FileText = std::array<char, 4096>;

[[nodiscard]] Result<std::string_view> text_of(const UniqueFd& file, FileText& text);

// The text behind a name with a line of its own, as in "\nSigPnd:": a program's name is in the
// status as well, and may be anything else.
[[nodiscard]] std::string_view behind(std::string_view status, std::string_view name);

[[nodiscard]] std::uint64_t mask_of(std::string_view status, std::string_view name);
[[nodiscard]] std::optional<std::uint64_t> count_of(std::string_view status, std::string_view name);

// Of a thread's stat, see proc_pid_stat(5).
inline constexpr int kStartTime = 22;
inline constexpr int kStartOfCode = 26;
inline constexpr int kStartOfStack = 28;
inline constexpr int kStartOfData = 45;
inline constexpr int kExitCode = 52;

// From a field on. The second one is a name in parentheses that may hold anything.
[[nodiscard]] std::string_view fields_from(std::string_view stat, int field);

// Several fields, the last one excluded.
[[nodiscard]] std::string_view fields(std::string_view stat, int from, int to);

// When a thread started, in clock ticks since boot, see proc_pid_stat(5). ESRCH or ENOENT: it has
// ended. Whoever asks waits while another thread of its process, which has got its number by then,
// is within execve(2), and that may be for ever: so no thread asks that others wait for.
[[nodiscard]] Result<std::uint64_t> thread_start_time(pid_t tid);

// The following wait for nobody.

// Whether there is a thread with that number.
[[nodiscard]] bool has_thread(pid_t tid);
// Number of times a thread got a processor: the third number of its schedstat, see sched-stats in
// the kernel's documentation. Nothing: it has ended, or the kernel does not count.
[[nodiscard]] std::optional<std::uint64_t> turns_of_thread(pid_t tid);
// The same from the text of that file.
[[nodiscard]] std::optional<std::uint64_t> turns_in(std::string_view schedstat);

}  // namespace seccompagent
