// SPDX-License-Identifier: Apache-2.0
// Threads that may fail to start, where std::thread would end the process.
#pragma once

#include <pthread.h>
#include <signal.h>

#include "kernel/result.h"

namespace seccompagent {

// Starts main(argument) in a detached thread with all signals blocked. EAGAIN: no thread is left.
[[nodiscard]] inline Result<void> start_blocked_signals_thread(void* (*main)(void*),
                                                               void* argument) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  // pthread_create copies the mask of the calling thread
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const int error = pthread_create(&thread, nullptr, main, argument);
  if (error == 0) pthread_detach(thread);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) return fail(error);
  return {};
}

// A thread that its owner joins.
class JoinedThread {
 public:
  JoinedThread() = default;
  JoinedThread(const JoinedThread&) = delete;
  JoinedThread& operator=(const JoinedThread&) = delete;

  // EAGAIN: no thread is left.
  [[nodiscard]] Result<void> start(void* (*main)(void*), void* argument) {
    if (const int error = pthread_create(&thread_, nullptr, main, argument); error != 0)
      return fail(error);
    is_started_ = true;
    return {};
  }
  [[nodiscard]] bool is_started() const { return is_started_; }
  void join() {
    if (is_started_) pthread_join(thread_, nullptr);
    is_started_ = false;
  }

 private:
  pthread_t thread_ = {};
  bool is_started_ = false;
};

}  // namespace seccompagent
