// SPDX-License-Identifier: Apache-2.0
// Answers to listeners that were held when somebody came to give them (kernel/listener_guard.h): a
// thread of its own tries again, so that nobody else waits.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>

#include "kernel/clock.h"

namespace seccompagent {

class PatientAnswers {
 public:
  // False: the listener is still held. Keeps alive what it needs.
  using Attempt = std::function<bool()>;

  [[nodiscard]] static PatientAnswers& of_process();

  // `listener`: its descriptor; the answers of each are tried in their order.
  void add(int listener, Attempt attempt);
  // Waits until there is none left, or for so long.
  void await(Nanoseconds most);

 private:
  PatientAnswers() = default;
  static void* main(void* self);
  [[noreturn]] void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<int, std::deque<Attempt>> waiting_;
  bool is_trying_ = false;
  bool is_started_ = false;
};

}  // namespace seccompagent
