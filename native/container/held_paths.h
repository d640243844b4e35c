// SPDX-License-Identifier: Apache-2.0
// Paths of a container's settings, held as what they are when its own program does not run yet.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "helper/spared.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// Paths held for a container: it may exchange links and rename directories later. Nothing
// is kept open, which would keep its file systems busy.
class HeldPaths {
 public:
  // In the root of the container's first process. Its file systems have a second to answer.
  // `token`: for whom a child hangs if they don't.
  [[nodiscard]] static std::shared_ptr<const HeldPaths> find(pid_t pid, const UniqueFd& pidfd,
                                                             const std::vector<std::string>& paths,
                                                             std::uint32_t token);

  // Why a path is not held; 0: it is. ESTALE: nobody asked for it then. EALREADY: the container's
  // own program ran by then. ESRCH: nobody knew its first process. EINVAL: nothing is mounted at or
  // below it. ELOOP: it leads through a link that is not on the root's own mount, or through too
  // many. Others as of openat2(2).
  [[nodiscard]] int error_of(std::string_view path) const;
  // Result for paths, each with a NUL behind it. None: one of them is not held.
  [[nodiscard]] std::optional<Spared> spared(std::string_view paths) const;

 private:
  struct Held {
    int error;
    std::string name = {};
    std::vector<HeldPlace> places = {};
  };
  [[nodiscard]] const Held* find_held(std::string_view path) const;

  int root_ = 0;
  std::vector<int> hiding_;
  // By their paths, each of which is looked up for each container and operation.
  std::unordered_map<std::string, Held> held_;
};

// Paths that have a NUL behind each of them.
[[nodiscard]] std::vector<std::string> split_paths(std::string_view paths);
[[nodiscard]] inline std::vector<std::string> split_paths(std::span<const std::byte> paths) {
  return split_paths({reinterpret_cast<const char*>(paths.data()), paths.size()});
}

}  // namespace seccompagent
