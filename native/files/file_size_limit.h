// SPDX-License-Identifier: Apache-2.0
// Limit of the size of files for one operation.
#pragma once

#include <sys/resource.h>

#include <cstdint>

namespace seccompagent {

// RLIMIT_FSIZE of getrlimit(2), set while it lives; the kernel fails with EFBIG beyond it. For
// processes of their own, which ignore SIGXFSZ: all threads of a process have one limit.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::uint64_t max);
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit();

  // Otherwise errno says why: a profile of AppArmor may forbid it.
  [[nodiscard]] bool is_set() const { return is_set_; }

 private:
  rlimit before_ = {};
  bool is_set_ = false;
};

}  // namespace seccompagent
