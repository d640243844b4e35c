// SPDX-License-Identifier: Apache-2.0
// Whoever shares our descriptors and can't be killed keeps them open when we have ended: the
// callers of all listeners would wait for an answer for as long as that one hangs.
#pragma once

namespace seccompagent {

// Of the process. While it is needed there is a child that outlives us and then closes all of our
// descriptors, listeners first, but regular files: those that hang do so in closing one. Where it
// is needed only for a moment there is none. It helps nothing where it is killed together with us,
// as by the killing of a whole cgroup.
class LastClosing {
 public:
  [[nodiscard]] static LastClosing& of_process();

  // Once for all: its thread is there as long as the process.
  void start();

  // As long as it is there, somebody shares our descriptors.
  class Need {
   public:
    Need() { of_process().begin(); }
    Need(const Need&) = delete;
    Need& operator=(const Need&) = delete;
    ~Need() { of_process().end(); }
  };

 private:
  struct Parts;
  LastClosing();
  void begin();
  void end();
  Parts& parts_;
};

}  // namespace seccompagent
