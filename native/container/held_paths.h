// SPDX-License-Identifier: Apache-2.0
// Paths of a container's settings, held as what they are when its own program does not run yet.
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "helper/mountinfo.h"
#include "helper/spared.h"
#include "kernel/payer.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// Mounts of a process as of one moment, also where it is just being set up. Takes long where others
// keep the kernel's lock of them, or many are made meanwhile. Errors as of read_mountinfo.
[[nodiscard]] Result<std::string> mountinfo_of(const UniqueFd& pidfd);

// Paths held for a container: it may exchange links and rename directories later. Nothing
// is kept open, which would keep its file systems busy.
class HeldPaths {
 public:
  // Of names and mounts that are kept of a container.
  static constexpr std::size_t kMaxBytes = 256UL * 1024;

  // Of nobody known: no path is held.
  HeldPaths() = default;
  // No paths, of a container that has these mounts.
  [[nodiscard]] static std::shared_ptr<const HeldPaths> of_mounts(const Mounts& mounts);
  // In the root of the container's first process. Its file systems have a second to answer.
  // `payer`: for whom a child hangs if they don't; who has too many that hang gets EBUSY.
  [[nodiscard]] static std::shared_ptr<const HeldPaths> find(pid_t pid, const UniqueFd& pidfd,
                                                             const std::vector<std::string>& paths,
                                                             Payer payer);

  // Why a path is not held; 0: it is. ESTALE: nobody asked for it then. EALREADY: the container's
  // own program ran by then. ESRCH: nobody knew its first process, or could look at it. EINVAL:
  // nothing is mounted at or below it. ELOOP: it leads through a link that is not on the root's own
  // mount, or through too many. E2BIG: with all that is mounted at and below it, this would be more
  // than kMaxBytes. Others as of openat2(2).
  [[nodiscard]] int error_of(std::string_view path) const;
  // Result for paths, each with a NUL behind it. Null: one of them is not held.
  [[nodiscard]] std::shared_ptr<const Spared> spared(std::string_view paths) const;
  // Null: nobody could look at them, or there are thousands.
  [[nodiscard]] std::shared_ptr<const FirstMounts> first_mounts() const { return first_; }
  // Memory that it takes.
  [[nodiscard]] std::size_t bytes() const;

 private:
  // Whichever paths lead there, and however they are written.
  struct Place {
    std::string name;
    std::vector<HeldPlace> mounts;
  };
  struct Held {
    int error;
    std::size_t place = 0;
  };
  // Of the settings of one handler: each of its operations asks for the same ones.
  struct Asked {
    std::string paths;
    std::shared_ptr<const Spared> spared = {};
  };
  void note_mounts(const Mounts& mounts);
  [[nodiscard]] std::shared_ptr<const Spared> find_spared(std::string_view paths) const;

  // Of a path that nobody has asked for.
  int unasked_ = ESRCH;
  int root_ = 0;
  std::vector<int> hiding_;
  std::shared_ptr<const FirstMounts> first_;
  std::vector<Place> places_;
  // By their paths, each of which is looked up for each container and operation.
  std::unordered_map<std::string, Held> held_;
  mutable std::mutex mutex_;
  mutable Asked last_;
};

// Paths that have a NUL behind each of them.
[[nodiscard]] std::vector<std::string> split_paths(std::string_view paths);
[[nodiscard]] inline std::vector<std::string> split_paths(std::span<const std::byte> paths) {
  return split_paths({reinterpret_cast<const char*>(paths.data()), paths.size()});
}

}  // namespace seccompagent
