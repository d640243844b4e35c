// SPDX-License-Identifier: Apache-2.0
#include "files/terminal.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>

#include "files/process_stat.h"
#include "kernel/unique_fd.h"

namespace seccompagent {
namespace {

// The next number of a text, which is cut behind it.
[[nodiscard]] bool take_number(std::string_view& text, unsigned& number) {
  text.remove_prefix(std::min(text.find_first_of("0123456789"), text.size()));
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

// Lines are NAME /dev/NODE MAJOR MINOR[-LAST] TYPE, whatever a name may be.
[[nodiscard]] bool is_of_driver(std::string_view line, dev_t device) {
  constexpr std::string_view kNode = " /dev/";
  const std::size_t node = line.rfind(kNode);
  if (node == std::string_view::npos) return false;
  line.remove_prefix(std::min(line.find(' ', node + kNode.size()), line.size()));
  unsigned own = 0;
  unsigned first = 0;
  if (!take_number(line, own) || !take_number(line, first)) return false;
  unsigned last = first;
  if (line.starts_with('-') && !take_number(line, last)) return false;
  return own == major(device) && first <= minor(device) && minor(device) <= last;
}

// True where nobody can tell.
[[nodiscard]] bool is_terminal(int processes, dev_t device) {
  const UniqueFd file(openat(processes, "tty/drivers", O_RDONLY | O_CLOEXEC));
  std::array<char, 16384> text = {};
  std::size_t length = 0;
  ssize_t more = file.is_open() ? 1 : -1;
  // a part at a time
  while (more > 0 && length < text.size()) {
    more = read(file.get(), text.data() + length, text.size() - length);
    length += more > 0 ? static_cast<std::size_t>(more) : 0;
  }
  return more != 0 || is_among_terminals({text.data(), length}, device);
}

// Whether it could be the controlling terminal of who opens it without O_NOCTTY.
[[nodiscard]] bool may_control(const FileTask& task, dev_t device) {
  const bool is_master = major(device) == 5 && minor(device) == 2;
  return !is_master &&
         (is_pseudoterminal(major(device)) || is_terminal(task.place.processes, device));
}

}  // namespace

bool is_among_terminals(std::string_view drivers, dev_t device) {
  while (!drivers.empty()) {
    const std::size_t end = std::min(drivers.find('\n'), drivers.size());
    if (is_of_driver(drivers.substr(0, end), device)) return true;
    drivers.remove_prefix(std::min(end + 1, drivers.size()));
  }
  return false;
}

bool is_pseudoterminal(unsigned major) {
  constexpr unsigned kFirst = 136;
  constexpr unsigned kLast = 143;
  return major >= kFirst && major <= kLast;
}

int terminal_error(const FileTask& task, const FileFacts& device) {
  const bool is_controlling = major(device.node) == 5 && minor(device.node) == 0;
  const bool is_common = major(device.node) == 1;
  if (!is_controlling && (is_common || (task.request.flags & O_NOCTTY) != 0)) return 0;
  const CallersProcess* caller = task.place.process;
  if (caller == nullptr || caller->process.empty()) return EOPNOTSUPP;
  const pid_t process = caller->process.front();
  const auto stat = stat_of_process(task.place.processes, process);
  if (!stat) return EOPNOTSUPP;
  if (is_controlling) return stat->terminal == 0 ? ENXIO : EOPNOTSUPP;
  const bool is_leader = stat->session == process;
  const bool may_become_it = is_leader && stat->terminal == 0;
  return may_become_it && may_control(task, device.node) ? EOPNOTSUPP : 0;
}

}  // namespace seccompagent
