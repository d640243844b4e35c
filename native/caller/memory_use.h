// SPDX-License-Identifier: Apache-2.0
// Reads of what takes a process's memory along, as `status` and `stat` in procfs do: see
// get_task_mm in the kernel. Where the process is killed meanwhile, its memory ends with the read,
// and that waits for the process's asynchronous I/O: for ever, if a file system never answers it.
// So such a read keeps us waiting as one of the memory itself does, and is watched like that.
#pragma once

#include <cstddef>
#include <span>

#include "caller/memory.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// As long as it is there, the calling thread reads such files.
class MemoryUse {
 public:
  // Of a thread whose time others need: it says who reads, and sees that it does not take long.
  class Watcher {
   public:
    [[nodiscard]] virtual Reader begin_use() = 0;
    virtual void end_use() = 0;

   protected:
    Watcher() = default;
    Watcher(const Watcher&) = default;
    Watcher& operator=(const Watcher&) = default;
    ~Watcher() = default;
  };

  // Of the calling thread from here on; nullptr: none.
  static void watch_thread(Watcher* watcher);

  MemoryUse();
  MemoryUse(const MemoryUse&) = delete;
  MemoryUse& operator=(const MemoryUse&) = delete;
  ~MemoryUse();

  // Reads a file of procfs from its beginning, as far as it fits; gives the length. ETIMEDOUT: a
  // child has not read it in time. Others as pread(2).
  [[nodiscard]] Result<std::size_t> read(int file, std::span<char> out) const;

 private:
  Watcher* const watcher_;
  Reader reader_;
};

}  // namespace seccompagent
