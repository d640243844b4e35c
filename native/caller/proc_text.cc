// SPDX-License-Identifier: Apache-2.0
#include "caller/proc_text.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace seccompagent {
namespace {

// Threads that lead no group have entries too, which readdir does not show. The entry's own stat
// has sums of all threads of the process, which there may be many of.
UniqueFd open_stat(pid_t tid) {
  char path[48];
  std::snprintf(path, sizeof path, "/proc/%d/task/%d/stat", tid, tid);
  return UniqueFd(retry_eintr([&] { return open(path, O_RDONLY | O_CLOEXEC); }));
}

std::optional<std::uint64_t> number_of(std::string_view text, int base) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc()) return std::nullopt;
  return number;
}

}  // namespace

Result<std::string_view> text_of(const UniqueFd& file, FileText& text) {
  const ssize_t length =
      retry_eintr([&] { return pread(file.get(), text.data(), text.size(), 0); });
  if (length < 0) return fail_errno();
  return std::string_view(text.data(), static_cast<std::size_t>(length));
}

std::string_view behind(std::string_view status, std::string_view name) {
  const std::size_t at = status.find(name);
  if (at == std::string_view::npos) return {};
  std::string_view text = status.substr(at + name.size());
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text;
}

std::uint64_t mask_of(std::string_view status, std::string_view name) {
  constexpr int kHexadecimal = 16;
  return number_of(behind(status, name), kHexadecimal).value_or(0);
}

std::optional<std::uint64_t> count_of(std::string_view status, std::string_view name) {
  constexpr int kDecimal = 10;
  return number_of(behind(status, name), kDecimal);
}

std::string_view fields_from(std::string_view stat, int field) {
  std::string_view rest = stat.substr(std::min(stat.rfind(')'), stat.size()));
  for (int at = 2; at < field; ++at) {
    const std::size_t blank = rest.find(' ');
    if (blank == std::string_view::npos) return {};
    rest.remove_prefix(blank + 1);
  }
  return rest;
}

std::string_view fields(std::string_view stat, int from, int to) {
  const std::string_view first = fields_from(stat, from);
  return first.substr(0, first.size() - fields_from(stat, to).size());
}

Result<std::uint64_t> thread_start_time(pid_t tid) {
  const UniqueFd file = open_stat(tid);
  if (!file.is_open()) return fail_errno();
  FileText text;
  const auto stat = text_of(file, text);
  if (!stat) return std::unexpected(stat.error());
  const std::string_view rest = fields_from(*stat, kStartTime);
  if (rest.empty()) return fail(ESRCH);
  std::uint64_t time = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), time);
  return time;
}

bool has_thread(pid_t tid) { return kill(tid, 0) == 0 || errno != ESRCH; }

std::optional<std::uint64_t> turns_in(std::string_view schedstat) {
  const auto turns =
      count_of(schedstat.substr(std::min(schedstat.find(' ') + 1, schedstat.size())), " ");
  // a thread that has run has had one
  return turns == 0U ? std::nullopt : turns;
}

std::optional<std::uint64_t> turns_of_thread(pid_t tid) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/schedstat", tid);
  const UniqueFd file(open(path, O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return std::nullopt;
  FileText text;
  const auto numbers = text_of(file, text);
  return numbers ? turns_in(*numbers) : std::nullopt;
}

}  // namespace seccompagent
