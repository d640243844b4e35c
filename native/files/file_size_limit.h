// SPDX-License-Identifier: Apache-2.0
// Limit of the size of files for one operation.
#pragma once

#include <sys/resource.h>

#include <cstdint>

namespace seccompagent {

// RLIMIT_FSIZE of getrlimit(2), lowered while it lives; the kernel fails with EFBIG beyond it. For
// processes of their own, which ignore SIGXFSZ: all threads of a process have one limit.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::uint64_t max);
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit();

 private:
  rlimit before_ = {};
};

}  // namespace seccompagent
