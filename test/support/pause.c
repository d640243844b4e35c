// SPDX-License-Identifier: Apache-2.0
// The first process of a pod's sandbox: it reaps whom nobody else does, and ends when it is told to.
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
  sigset_t awaited;
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGTERM);
  sigaddset(&awaited, SIGINT);
  sigaddset(&awaited, SIGCHLD);
  if (sigprocmask(SIG_BLOCK, &awaited, NULL) != 0) return EXIT_FAILURE;
  for (;;) {
    int signal = 0;
    if (sigwait(&awaited, &signal) != 0) return EXIT_FAILURE;
    if (signal != SIGCHLD) return EXIT_SUCCESS;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
  }
}
