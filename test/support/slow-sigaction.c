// SPDX-License-Identifier: Apache-2.0
// Preloaded into an agent: each sigaction(2) takes 50 ms longer, so that what should be in place
// before a signal comes and is not, shows.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <time.h>

typedef int (*sigaction_fn)(int, const struct sigaction *, struct sigaction *);

int sigaction(int number, const struct sigaction *wanted, struct sigaction *before) {
  const struct timespec pause = {.tv_sec = 0, .tv_nsec = 50000000};
  const sigaction_fn next = (sigaction_fn)dlsym(RTLD_NEXT, "sigaction");
  if (wanted != NULL) nanosleep(&pause, NULL);
  return next(number, wanted, before);
}
