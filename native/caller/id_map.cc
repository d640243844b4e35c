// SPDX-License-Identifier: Apache-2.0
#include "caller/id_map.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <system_error>

namespace seccompagent {
namespace {

// First id there, first one here, and how many: all less than 2^32.
using Range = std::array<std::uint64_t, 3>;

[[nodiscard]] std::optional<Range> range_of(std::string_view line) {
  Range range = {};
  for (std::uint64_t& number : range) {
    const std::size_t from = line.find_first_not_of(' ');
    if (from == std::string_view::npos) return std::nullopt;
    line.remove_prefix(from);
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
    if (error != std::errc()) return std::nullopt;
    line.remove_prefix(static_cast<std::size_t>(end - line.data()));
  }
  return range;
}

}  // namespace

std::uint32_t id_outside(std::string_view map, std::uint32_t id, std::uint32_t unknown) {
  while (!map.empty()) {
    const auto range = range_of(map.substr(0, map.find('\n')));
    if (!range) return kNoId;
    const auto& [first, outside, count] = *range;
    const bool has_all = count == kNoId;
    if (id == unknown && !has_all) return kNoId;
    if (id >= first && id - first < count) return static_cast<std::uint32_t>(outside + id - first);
    map.remove_prefix(std::min(map.find('\n'), map.size() - 1) + 1);
  }
  return kNoId;
}

}  // namespace seccompagent
