// SPDX-License-Identifier: Apache-2.0
// An open file that is never closed: its file system does not answer the question that the kernel
// asks whenever a copy of its descriptor is closed.
#pragma once

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/stat.h>

#include <thread>

#include "fuse_file_system.h"
#include "kernel/unique_fd.h"

namespace seccompagent::test {

// One of a process; it stays to the process's end, since only that of its file system ends waiting.
class ClingingFile {
 public:
  [[nodiscard]] static ClingingFile& of_process() {
    static ClingingFile file;
    return file;
  }

  [[nodiscard]] int fd() const { return fd_; }
  // Whether somebody closes a copy, waiting at most so long for it.
  [[nodiscard]] bool is_being_closed(int timeout_ms) const {
    return system_.has_question(timeout_ms);
  }
  // It clings to nobody any more.
  void let_go() const { system_.abort(); }

 private:
  ClingingFile() {
    std::thread opener([this] { fd_ = open(system_.file().c_str(), O_RDWR | O_CLOEXEC); });
    answer_opener();
    opener.join();
    CHECK(fd_ != -1);
  }
  void answer_opener() const {
    for (;;) {
      const fuse_in_header question = system_.next_question();
      if (question.opcode == FUSE_LOOKUP) {
        fuse_entry_out entry = {};
        entry.nodeid = 2;
        entry.attr_valid = 3600;
        entry.entry_valid = 3600;
        entry.attr.ino = 2;
        entry.attr.mode = S_IFREG | 0666;
        entry.attr.nlink = 1;
        system_.answer_with(question, entry);
      } else if (question.opcode == FUSE_OPEN) {
        system_.answer_with(question, fuse_open_out{});
        return;
      } else {
        system_.fail_with(question, ENODATA);
      }
    }
  }

  FuseFileSystem system_;
  // never closed: that would wait for ever
  int fd_ = -1;
};

}  // namespace seccompagent::test
