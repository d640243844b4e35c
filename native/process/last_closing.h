// SPDX-License-Identifier: Apache-2.0
// The closing of descriptors when the agent ends. A thread or child that hangs in a file system of
// a container can't be killed and keeps the descriptors that it shares: the callers of all
// listeners would wait for as long as it hangs.
#pragma once

#include <atomic>

namespace seccompagent {

// Of the process: a child that outlives us and then closes all of our descriptors, listeners first,
// but regular files: those that hang do so in closing one. It helps nothing where it is killed
// together with us, as by the killing of a whole cgroup, or for want of memory. Its name is
// `last-closing`.
class LastClosing {
 public:
  [[nodiscard]] static LastClosing& of_process();

  // Once for all: its thread is there as long as the process, and starts the child again where
  // somebody has killed it.
  void start();

 private:
  std::atomic_flag is_started_;
};

}  // namespace seccompagent
