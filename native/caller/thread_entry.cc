// SPDX-License-Identifier: Apache-2.0
#include "caller/thread_entry.h"

#include <fcntl.h>

#include <cstdio>
#include <utility>

namespace seccompagent {

void ThreadEntry::turn_to(pid_t tid) {
  const Use use(*this);
  tid_ = tid;
  close();
}

void ThreadEntry::close_if_unused() {
  if (is_used_.test_and_set(std::memory_order_acquire)) return;
  close();
  is_used_.clear(std::memory_order_release);
}

Result<int> ThreadEntry::kept(EntryFile kind, const char* name) {
  UniqueFd& own = file(kind);
  if (!own.is_open()) {
    auto opened = open(name, O_RDONLY);
    if (!opened) return std::unexpected(opened.error());
    own = std::move(*opened);
  }
  return own.get();
}

Result<UniqueFd> ThreadEntry::open(const char* name, int flags) const {
  UniqueFd fd(retry_eintr([&] { return openat(entry_.get(), name, flags | O_CLOEXEC); }));
  if (!fd.is_open()) return fail_errno();
  return fd;
}

Result<void> ThreadEntry::open_entry() {
  char path[24];
  std::snprintf(path, sizeof path, "/proc/%d", tid_);
  close();
  entry_ = UniqueFd(retry_eintr([&] { return ::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC); }));
  if (!entry_.is_open()) return fail_errno();
  return {};
}

void ThreadEntry::close() {
  ++generation_;
  entry_.reset();
  for (UniqueFd& own : files_) own.reset();
}

}  // namespace seccompagent
