// SPDX-License-Identifier: Apache-2.0
#include "caller/memory_use.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "caller/memory_parts.h"
#include "kernel/raw_syscall.h"

namespace seccompagent {
namespace {

thread_local MemoryUse::Watcher* watcher_of_thread = nullptr;

// Memory of a reading child.
struct ChildText {
  ChildStack stack;
  std::vector<char> text;
  long result = -EINTR;

  static SECCOMPAGENT_CHILD_CODE int child_main(void* argument) {
    auto& own = *static_cast<ChildText*>(argument);
    raw_end_with_agent();
    own.result = raw_syscall(SYS_pread64, ChildStarter::kFirstGiven, raw_pointer(own.text.data()),
                             static_cast<long>(own.text.size()), 0);
    return 0;
  }
};

[[nodiscard]] Result<std::size_t> read_in_child(int file, std::span<char> out,
                                                const Reader& reader) {
  auto stack = ChildStack::make();
  if (!stack) return std::unexpected(stack.error());
  auto read = std::make_unique<ChildText>(std::move(*stack), std::vector<char>(out.size()));
  const auto ended = run_in_child_of(read, reader, std::span(&file, 1));
  if (!ended) return std::unexpected(ended.error());
  if (read->result < 0) return fail(static_cast<int>(-read->result));
  const auto length = static_cast<std::size_t>(read->result);
  std::copy_n(read->text.begin(), length, out.begin());
  return length;
}

}  // namespace

void MemoryUse::watch_thread(Watcher* watcher) { watcher_of_thread = watcher; }

MemoryUse::MemoryUse() : watcher_(watcher_of_thread) {
  if (watcher_ != nullptr) reader_ = watcher_->begin_use();
}

MemoryUse::~MemoryUse() {
  if (watcher_ != nullptr) watcher_->end_use();
}

Result<std::size_t> MemoryUse::read(int file, std::span<char> out) const {
  // `nobody` is about pages that would have to come, and here is none
  if (reader_.by == ReadBy::child || reader_.by == ReadBy::hasty_child)
    return read_in_child(file, out, reader_);
  const ssize_t length = retry_eintr([&] { return pread(file, out.data(), out.size(), 0); });
  if (length == -1) return fail_errno();
  return static_cast<std::size_t>(length);
}

}  // namespace seccompagent
