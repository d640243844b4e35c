// SPDX-License-Identifier: Apache-2.0
#include "files/process_stat.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

#include "kernel/unique_fd.h"

namespace seccompagent {
namespace {

// By its number in the manual page; those before the third one have no fixed place.
template <typename T>
[[nodiscard]] bool read_field(std::string_view from_third, int number, T& value) {
  for (int at = 3; at < number; ++at) {
    const std::size_t space = from_third.find(' ');
    if (space == std::string_view::npos) return false;
    from_third.remove_prefix(space + 1);
  }
  return std::from_chars(from_third.begin(), from_third.end(), value).ec == std::errc();
}

}  // namespace

std::optional<ProcessStat> read_process_stat(int directory, const char* path) {
  constexpr open_how kHow = {.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW,
                             .mode = 0,
                             .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS};
  const UniqueFd file(static_cast<int>(syscall(SYS_openat2, directory, path, &kHow, sizeof kHow)));
  std::array<char, 2048> text = {};
  const ssize_t length = file.is_open() ? read(file.get(), text.data(), text.size()) : -1;
  if (length <= 0) return std::nullopt;
  const std::string_view all(text.data(), static_cast<std::size_t>(length));
  // the name, which comes in parentheses, may have some itself
  const std::size_t end = all.rfind(") ");
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view rest = all.substr(end + 2);
  ProcessStat stat = {};
  if (std::from_chars(text.data(), text.data() + length, stat.number).ec != std::errc())
    return std::nullopt;
  constexpr int kSession = 6;
  constexpr int kTerminal = 7;
  constexpr int kStart = 22;
  const bool is_read = read_field(rest, kSession, stat.session) &&
                       read_field(rest, kTerminal, stat.terminal) &&
                       read_field(rest, kStart, stat.start);
  return is_read ? std::optional(stat) : std::nullopt;
}

std::optional<ProcessStat> stat_of_process(int processes, pid_t process) {
  return read_process_stat(processes, (std::to_string(process) + "/stat").c_str());
}

}  // namespace seccompagent
