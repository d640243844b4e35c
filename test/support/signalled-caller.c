// SPDX-License-Identifier: Apache-2.0
// Calls while a timer interrupts it, each millisecond unless told otherwise, and counts what the
// calls returned.
//
// usage: signalled-caller MODE[,MICROSECONDS], in a folder that is writable.
//   mkdir    400 directories of different names
//   mknod    400 device nodes of different names, in a file system of its own that is mounted nodev
//   getpgid  4000 calls without an effect
// Prints a line `ERRNONAME COUNT` (OK for success, of a node: it also opens) for each answer, then
// `signals COUNT`. The
// signal's handler asks for restarts, as those of Go and of many others do.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

enum { INTERVAL_US = 1000, FILES = 400, LOOKUPS = 4000, ERRNOS = 4096 };

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

static const char *path_of(int index) {
  static char path[32];
  snprintf(path, sizeof path, "signalled-%d", index);
  return path;
}

static long look_up(int index) {
  (void)index;
  return syscall(__NR_getpgid, 0L);
}

static long make_directory(int index) { return mkdir(path_of(index), 0755); }

static void enter_nodev(void) {
  if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
      mount("none", ".", "tmpfs", MS_NODEV, NULL) < 0)
    fail("mount a file system");
  char folder[PATH_MAX];
  if (getcwd(folder, sizeof folder) == NULL || chdir(folder) < 0) fail("enter it");
}

static long make_node(int index) {
  const char *path = path_of(index);
  if (mknod(path, S_IFCHR | 0666, makedev(1, 3)) < 0) return -1;
  int node;
  do {
    node = open(path, O_RDONLY | O_CLOEXEC);
  } while (node < 0 && errno == EINTR);
  if (node < 0) return -1;
  struct stat found;
  const bool is_node = fstat(node, &found) == 0 && S_ISCHR(found.st_mode);
  close(node);
  if (!is_node) errno = ENODEV;
  return is_node ? 0 : -1;
}

static const struct mode {
  const char *name;
  void (*prepare)(void);
  long (*call)(int);
  int count;
} modes[] = {{"mkdir", NULL, make_directory, FILES},
             {"mknod", enter_nodev, make_node, FILES},
             {"getpgid", NULL, look_up, LOOKUPS}};

static const struct mode *mode_of(const char *name) {
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    if (strcmp(modes[i].name, name) == 0) return &modes[i];
  }
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  char *interval = strchr(argv[1], ',');
  if (interval != NULL) *interval = 0;
  const struct mode *mode = mode_of(argv[1]);
  if (mode == NULL) return 2;
  if (mode->prepare != NULL) mode->prepare();
  start_timer(interval == NULL ? INTERVAL_US : atol(interval + 1));
  for (int i = 0; i < mode->count; i++) {
    errno = 0;
    answers[mode->call(i) == -1 ? errno : 0]++;
  }
  for (int error = 0; error < ERRNOS; error++) {
    if (answers[error] > 0)
      printf("%s %d\n", error == 0 ? "OK" : strerrorname_np(error), answers[error]);
  }
  printf("signals %d\n", signals);
  return 0;
}
