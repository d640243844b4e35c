// SPDX-License-Identifier: Apache-2.0
// The process that a caller is, for whoever acts for it from another one: a procfs shows a process
// its own entry by `self` and `thread-self`, and lets it follow the links in there.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace seccompagent {

// A link in the entry of the caller: `fd/3`, `cwd`, `ns/net`.
struct OwnLink {
  // Of a descriptor's number: no other text of more digits is one.
  static constexpr std::size_t kMaxDigits = 10;

  std::string name;
  // Of the thread, not of its group's leader.
  bool is_of_thread = false;

  friend bool operator==(const OwnLink&, const OwnLink&) = default;
};

// A link that the agent has opened, O_PATH, or why it could not.
struct OwnFile {
  OwnLink link;
  int error = 0;
  int fd = -1;
};

// As in /proc/PID/ns, see namespaces(7).
[[nodiscard]] constexpr bool is_name_of_namespace(std::string_view name) {
  constexpr std::array<std::string_view, 10> kNames = {
      "cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children",
      "user",   "uts"};
  return std::ranges::find(kNames, name) != kNames.end();
}

struct CallersProcess {
  // Numbers in nested pid namespaces, that of the agent first, see NStgid and NSpid in
  // proc_pid_status(5).
  std::vector<pid_t> process;
  std::vector<pid_t> thread;
  std::vector<OwnFile> files = {};
  // The next file that is needed: nothing is done without it.
  mutable std::optional<OwnLink> wanted = std::nullopt;
};

}  // namespace seccompagent
