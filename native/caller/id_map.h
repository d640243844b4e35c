// SPDX-License-Identifier: Apache-2.0
// Ids of a caller's user namespace, see user_namespaces(7).
#pragma once

#include <cstdint>
#include <string_view>

namespace seccompagent {

// No id has this number.
inline constexpr std::uint32_t kNoId = 0xffffffff;

// The number in our user namespace of an id that the caller's has, by the text of /proc/PID/uid_map
// or gid_map as we read it. kNoId: it has none; `unknown` is the number that all ids have that have
// no number in the caller's, which then stands for nobody.
[[nodiscard]] std::uint32_t id_outside(std::string_view map, std::uint32_t id,
                                       std::uint32_t unknown);

}  // namespace seccompagent
