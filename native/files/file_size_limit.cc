// SPDX-License-Identifier: Apache-2.0
#include "files/file_size_limit.h"

#include <stdlib.h>

#include <algorithm>

namespace seccompagent {

FileSizeLimit::FileSizeLimit(std::uint64_t max) {
  if (getrlimit(RLIMIT_FSIZE, &before_) == -1) abort();
  const rlimit limit = {.rlim_cur = std::min(max, before_.rlim_max), .rlim_max = before_.rlim_max};
  is_set_ = setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

FileSizeLimit::~FileSizeLimit() { (void)setrlimit(RLIMIT_FSIZE, &before_); }

}  // namespace seccompagent
