// SPDX-License-Identifier: Apache-2.0
// Calls while a timer interrupts it, each millisecond unless told otherwise, and counts what the
// calls returned.
//
// usage: signalled-caller MODE[,MICROSECONDS], in a folder that is writable.
//   mkdir    400 directories of different names
//   getpgid  4000 calls without an effect
// Prints a line `ERRNONAME COUNT` (OK for success) for each answer, then `signals COUNT`. The
// signal's handler asks for restarts, as those of Go and of many others do.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { INTERVAL_US = 1000, DIRECTORIES = 400, LOOKUPS = 4000, ERRNOS = 4096 };

static atomic_int signals;
static int answers[ERRNOS];

static void fail(const char *what) {
  fprintf(stderr, "signalled-caller: cannot %s: %s\n", what, strerror(errno));
  exit(1);
}

static void note_signal(int signal) {
  (void)signal;
  atomic_fetch_add(&signals, 1);
}

static void start_timer(long interval_us) {
  struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
  if (sigaction(SIGUSR1, &action, NULL) < 0) fail("handle the signal");
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  timer_t timer;
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0) fail("make a timer");
  const struct itimerspec each = {{0, interval_us * 1000}, {0, interval_us * 1000}};
  if (timer_settime(timer, 0, &each, NULL) < 0) fail("start the timer");
}

static long call(bool is_mkdir, int index) {
  if (!is_mkdir) return syscall(__NR_getpgid, 0L);
  char path[32];
  snprintf(path, sizeof path, "signalled-%d", index);
  return mkdir(path, 0755);
}

int main(int argc, char **argv) {
  char *mode = argc == 2 ? strdup(argv[1]) : NULL;
  if (mode == NULL) return 2;
  const char *interval = strchr(mode, ',');
  if (interval != NULL) mode[interval - mode] = 0;
  const bool is_mkdir = strcmp(mode, "mkdir") == 0;
  if (!is_mkdir && strcmp(mode, "getpgid") != 0) return 2;
  start_timer(interval == NULL ? INTERVAL_US : atol(interval + 1));
  const int count = is_mkdir ? DIRECTORIES : LOOKUPS;
  for (int i = 0; i < count; i++) {
    errno = 0;
    answers[call(is_mkdir, i) == -1 ? errno : 0]++;
  }
  for (int error = 0; error < ERRNOS; error++) {
    if (answers[error] > 0)
      printf("%s %d\n", error == 0 ? "OK" : strerrorname_np(error), answers[error]);
  }
  printf("signals %d\n", signals);
  return 0;
}
