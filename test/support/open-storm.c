// SPDX-License-Identifier: Apache-2.0
// Opens FIFOs whose other end comes at about the same moment, both ends of pseudoterminals, and the
// terminal that it does not have (ENXIO), while a timer sends signals:
//
//   open-storm COUNT
//
// in a directory of its own; half of the COUNT opens of each with SA_RESTART. Prints how many were
// wrong, how many EINTR in spite of SA_RESTART, and how many descriptors more it has than before.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { INTERVAL_US = 700, MOST_FDS = 1024 };

static pthread_barrier_t both;
static int failed, broken, handled;

static void count_it(int number) {
  (void)number;
  __atomic_add_fetch(&handled, 1, __ATOMIC_RELAXED);
}

static void handle(int flags) {
  const struct sigaction action = {.sa_handler = count_it, .sa_flags = flags};
  sigaction(SIGALRM, &action, NULL);
}

/** Until it is open. */
static int open_anyway(const char* path, int flags, int may_interrupt) {
  for (;;) {
    const int fd = open(path, flags);
    if (fd >= 0) return fd;
    if (errno == EINTR && may_interrupt) continue;
    if (errno == EINTR) {
      broken++;
      continue;
    }
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    failed++;
    return -1;
  }
}

static int open_count(void) {
  int count = 0;
  for (int fd = 0; fd < MOST_FDS; fd++) count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

/** The other end is open until ours is. */
static void* write_fifo(void* turns) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, NULL);
  for (int at = 0; at < *(int*)turns; at++) {
    pthread_barrier_wait(&both);
    const int fd = open("fifo", O_WRONLY);
    pthread_barrier_wait(&both);
    if (fd < 0) failed++;
    close(fd);
  }
  return NULL;
}

static void open_fifo(int may_interrupt) {
  pthread_barrier_wait(&both);
  const int fd = open_anyway("fifo", O_RDONLY, may_interrupt);
  pthread_barrier_wait(&both);
  close(fd);
}

static void open_pty(int may_interrupt) {
  char name[64];
  const int leader = open_anyway("/dev/ptmx", O_RDWR | O_NOCTTY, may_interrupt);
  if (unlockpt(leader) < 0 || ptsname_r(leader, name, sizeof name) != 0) failed++;
  const int follower = open_anyway(name, O_RDWR | O_NOCTTY, may_interrupt);
  char byte = 0;
  if (TEMP_FAILURE_RETRY(write(follower, "x", 1)) != 1 ||
      TEMP_FAILURE_RETRY(read(leader, &byte, 1)) != 1 || byte != 'x')
    failed++;
  close(follower);
  close(leader);
}

static void open_terminal(int may_interrupt) {
  for (;;) {
    if (open("/dev/tty", O_RDWR) >= 0) failed++;
    if (errno != EINTR) break;
    broken += !may_interrupt;
  }
  failed += errno != ENXIO;
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  int count = atoi(argv[1]);
  // a leader of a process group cannot call setsid
  if (fork() != 0) {
    int status = 0;
    return wait(&status) > 0 && status == 0 ? 0 : 1;
  }
  setsid();
  if (mkfifo("fifo", 0600) < 0) return 2;
  pthread_barrier_init(&both, NULL, 2);
  pthread_t writer;
  pthread_create(&writer, NULL, write_fifo, &count);
  const struct itimerval interval = {{0, INTERVAL_US}, {0, INTERVAL_US}};
  const int before = open_count();
  handle(0);
  setitimer(ITIMER_REAL, &interval, NULL);
  for (int at = 0; at < count; at++) {
    const int restarts = at >= count / 2;
    if (restarts) handle(SA_RESTART);
    open_fifo(!restarts);
    open_pty(!restarts);
    open_terminal(!restarts);
  }
  const struct itimerval none = {0};
  setitimer(ITIMER_REAL, &none, NULL);
  pthread_join(writer, NULL);
  printf("wrong %d, interrupted %d, left open %d\n", failed, broken, open_count() - before);
  return handled > count / 100 ? 0 : 1;
}
