// SPDX-License-Identifier: Apache-2.0
// Reads a thread's stat, status and wchan.
#include "caller_state.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <string_view>

namespace seccompagent {
namespace {

using FileText = std::array<char, 4096>;

// Threads that lead no group have entries too, which readdir does not show.
UniqueFd open_thread_file(pid_t tid, const char* name) {
  char path[48];
  std::snprintf(path, sizeof path, "/proc/%d/%s", tid, name);
  return UniqueFd(retry_eintr([&] { return open(path, O_RDONLY | O_CLOEXEC); }));
}

Result<std::string_view> text_of(const UniqueFd& file, FileText& text) {
  const ssize_t length =
      retry_eintr([&] { return pread(file.get(), text.data(), text.size(), 0); });
  if (length < 0) return fail_errno();
  return std::string_view(text.data(), static_cast<std::size_t>(length));
}

// The hexadecimal number behind a name, as in "SigPnd:\t0000000000000000".
std::uint64_t mask_of(std::string_view status, std::string_view name) {
  const std::size_t at = status.find(name);
  if (at == std::string_view::npos) return 0;
  std::string_view digits = status.substr(at + name.size());
  digits.remove_prefix(std::min(digits.find_first_not_of(" \t"), digits.size()));
  std::uint64_t mask = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), mask, 16);
  return mask;
}

}  // namespace

Result<std::uint64_t> thread_start_time(pid_t tid) {
  const UniqueFd file = open_thread_file(tid, "stat");
  if (!file.is_open()) return fail_errno();
  FileText text;
  const auto stat = text_of(file, text);
  if (!stat) return std::unexpected(stat.error());
  // the second field is a name in parentheses that may hold anything; the 22nd is the start time
  constexpr int kFieldsAfterName = 20;
  std::string_view rest = stat->substr(std::min(stat->rfind(')'), stat->size()));
  for (int field = 0; field < kFieldsAfterName; ++field) {
    const std::size_t blank = rest.find(' ');
    if (blank == std::string_view::npos) return fail(ESRCH);
    rest.remove_prefix(blank + 1);
  }
  std::uint64_t time = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), time);
  return time;
}

bool waits_for_its_end(pid_t tid) {
  const UniqueFd file = open_thread_file(tid, "stat");
  if (!file.is_open()) return false;
  FileText text;
  const auto stat = text_of(file, text);
  // the state follows the name, which may hold anything
  return stat && stat->substr(std::min(stat->rfind(')'), stat->size())).starts_with(") D");
}

CallerState::CallerState(pid_t tid)
    : wait_channel_(open_thread_file(tid, "wchan")), status_(open_thread_file(tid, "status")) {}

bool CallerState::is_awake() const {
  FileText text;
  const auto channel = text_of(wait_channel_, text);
  // the name of a function of the kernel, or 0 for a thread that waits in none
  return channel ? *channel == "0" : has_pending_signal();
}

bool CallerState::has_pending_signal() const {
  FileText text;
  const auto status = text_of(status_, text);
  if (!status) return false;
  const std::uint64_t pending = mask_of(*status, "SigPnd:") | mask_of(*status, "ShdPnd:");
  return (pending & ~mask_of(*status, "SigBlk:")) != 0;
}

}  // namespace seccompagent
