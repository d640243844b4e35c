// SPDX-License-Identifier: Apache-2.0
// Bounds what a container can keep from others by the lock of its own filter. Whoever asks a
// listener anything takes that lock, which the kernel holds while a caller takes a descriptor that
// it is given, and while a caller that has it waits for a processor: for as long as the container
// likes.
#pragma once

#include <cstdint>

namespace seccompagent {

// Threads that ask listeners are interrupted once they have waited for some milliseconds: the
// system call ends with EINTR, and poll(2) and epoll_wait(2) with POLLERR alone. RECV cannot be
// interrupted.
class ListenerGuard {
 public:
  // Once for the process, before the first listener comes.
  static void start();

  // Around one system call on a listener that is not to wait, by a thread that others need.
  class Asking {
   public:
    Asking();
    Asking(const Asking&) = delete;
    Asking& operator=(const Asking&) = delete;
    ~Asking();
  };

  // Around epoll_wait(2) at listeners, where waiting for calls is no fault.
  class Waiting {
   public:
    Waiting();
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting();
  };
};

}  // namespace seccompagent
