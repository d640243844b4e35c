// SPDX-License-Identifier: Apache-2.0
#include "files/owner.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {
namespace {

// The beginning of a short file; empty: it cannot be read.
[[nodiscard]] std::string beginning_of(int folder, const char* path) {
  std::array<char, 64> text = {};
  const UniqueFd file(openat(folder, path, O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return {};
  const ssize_t length = retry_eintr([&] { return read(file.get(), text.data(), text.size()); });
  return length <= 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(length));
}

[[nodiscard]] uid_t read_unknown(int processes) {
  uid_t number = 65534;
  const std::string text = beginning_of(processes, "sys/kernel/overflowuid");
  (void)std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

uid_t own_fs_uid() {
  constexpr auto kAsk = static_cast<uid_t>(-1);
  return static_cast<uid_t>(syscall(SYS_setfsuid, kAsk));
}

bool is_of_unknown(int processes, uid_t owner) {
  static const uid_t unknown = read_unknown(processes);
  return owner == unknown;
}

bool are_all_known(int processes) {
  // one line, of all numbers but -1
  constexpr std::string_view kCount = " 4294967295";
  const std::string map = beginning_of(processes, "self/uid_map");
  return std::string_view(map).substr(0, map.find('\n')).ends_with(kCount);
}

}  // namespace seccompagent
