// SPDX-License-Identifier: Apache-2.0
// Sends its parent SIGTERM as the first thing that it does. Exits with 7 when the signal is passed
// back within ten seconds, with 8 when it is not.
#include <signal.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

int main(void) {
  const struct timespec deadline = {.tv_sec = 10, .tv_nsec = 0};
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  kill(getppid(), SIGTERM);
  return sigtimedwait(&signals, NULL, &deadline) == SIGTERM ? 7 : 8;
}
