// SPDX-License-Identifier: Apache-2.0
// Threads that take no signals, and whose lack is an error: std::thread would end the process.
#pragma once

#include <pthread.h>
#include <signal.h>

#include "result.h"

namespace seccompagent {

// Starts main(argument), which nobody waits for. EAGAIN: there is no thread to be had.
[[nodiscard]] inline Result<void> start_deaf_thread(void* (*main)(void*), void* argument) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  // pthread_create copies the mask of who calls it
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const int error = pthread_create(&thread, nullptr, main, argument);
  if (error == 0) pthread_detach(thread);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) return fail(error);
  return {};
}

}  // namespace seccompagent
