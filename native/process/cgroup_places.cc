// SPDX-License-Identifier: Apache-2.0
#include "process/cgroup_places.h"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace seccompagent {
namespace {

template <typename Use>
void for_each_line(std::string_view text, Use use) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    use(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// The field of a line at a place, between blanks.
[[nodiscard]] std::string_view field(std::string_view line, int place) {
  for (; place > 0; --place) line.remove_prefix(std::min(line.find(' '), line.size() - 1) + 1);
  return line.substr(0, line.find(' '));
}

[[nodiscard]] bool has_item(std::string_view list, std::string_view item) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    if (list.substr(0, end) == item) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

}  // namespace

// Lines are HIERARCHY:CONTROLLERS:PATH.
std::optional<std::string> cgroup_path(std::string_view text, std::string_view controller) {
  std::optional<std::string> found;
  for_each_line(text, [&](std::string_view line) {
    const std::size_t first = line.find(':');
    if (found || first == std::string_view::npos) return;
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) return;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const bool is_it =
        controller == kUnified ? controllers.empty() : has_item(controllers, controller);
    if (is_it) found = std::string(line.substr(second + 1));
  });
  return found;
}

std::optional<std::string> cgroup_mount(std::string_view mounts, std::string_view controller) {
  const std::string_view type = controller == kUnified ? "cgroup2" : "cgroup";
  std::optional<std::string> found;
  for_each_line(mounts, [&](std::string_view line) {
    if (found || field(line, 2) != type) return;
    if (controller == kUnified || has_item(field(line, 3), controller))
      found = std::string(field(line, 1));
  });
  return found;
}

std::optional<unsigned long long> number_behind(std::string_view text, std::string_view name) {
  std::optional<unsigned long long> found;
  for_each_line(text, [&](std::string_view line) {
    if (found || field(line, 0) != name) return;
    line.remove_prefix(name.size());
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const std::string_view digits = field(line, 0);
    unsigned long long number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error == std::errc() && end == digits.data() + digits.size()) found = number;
  });
  return found;
}

}  // namespace seccompagent
