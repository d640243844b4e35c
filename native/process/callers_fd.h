// SPDX-License-Identifier: Apache-2.0
// Descriptors of files of a container's, which no thread of ours may close itself.
#pragma once

#include <cstdint>
#include <utility>

#include "kernel/payer.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

enum class Flush : std::uint8_t {
  unknown,
  // It was seen at its opening that it asks nobody.
  none,
};

// close(2) asks some file systems, as FUSE and NFS, to flush the file, and waits for their answer:
// for ever, if they don't answer; and for what a socket has to send, as long as its owner has said.
// So a child does it unless it is known to be done at once. It hangs in our place, and counts as
// one of its payer's that hang (ending_children.h).
class CallersFd {
 public:
  CallersFd() = default;
  // `payer`: of the container whose file it is.
  CallersFd(UniqueFd fd, Payer payer, Flush flush = Flush::unknown)
      : fd_(std::move(fd)), payer_(payer), flush_(flush) {}
  CallersFd(CallersFd&& other) noexcept = default;
  CallersFd& operator=(CallersFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(payer_, other.payer_);
    std::swap(flush_, other.flush_);
    return *this;
  }
  CallersFd(const CallersFd&) = delete;
  CallersFd& operator=(const CallersFd&) = delete;
  ~CallersFd() {
    if (fd_.is_open()) close_it();
  }

  [[nodiscard]] int get() const { return fd_.get(); }
  [[nodiscard]] bool is_open() const { return fd_.is_open(); }
  // Closes it if that asks no file system, and else leaves it open. By a thread that has to do with
  // its container alone: a FIFO keeps it waiting for as long as a writer of the container likes,
  // which has the lock of the pipe while its memory is read.
  void close_at_once();

 private:
  void close_it();
  UniqueFd fd_;
  Payer payer_ = 0;
  Flush flush_ = Flush::unknown;
};

}  // namespace seccompagent
