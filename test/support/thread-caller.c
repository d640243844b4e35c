// SPDX-License-Identifier: Apache-2.0
// Makes directories from threads that are not the first, and prints what the calls returned.
//
// usage: thread-caller MODE, in a folder that is writable.
//   crowd     32 threads make 16 directories each, each twice: `crowd RIGHT WRONG`
//   unshared  a thread with a working directory, a umask and a table of descriptors of its own
//   orphan    a thread whose process's first thread has exited
// The latter two print a line `NAME RESULT ERRNONAME` for each call.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 32, DIRECTORIES = 16, LOOKS = 5000, LOOK_NS = 1000000 };

static void fail(const char *what) {
  fprintf(stderr, "thread-caller: cannot %s: %s\n", what, strerror(errno));
  exit(1);
}

static void report(const char *name, long result) {
  dprintf(STDOUT_FILENO, "%s %ld %s\n", name, result,
          result == -1 ? strerrorname_np(errno) : "OK");
}

static pthread_t started(void *(*run)(void *), void *argument) {
  pthread_t thread;
  errno = pthread_create(&thread, NULL, run, argument);
  if (errno != 0) fail("start a thread");
  return thread;
}

static atomic_int right, wrong;
static pthread_barrier_t all_are_there;

static void count(bool is_right) { atomic_fetch_add(is_right ? &right : &wrong, 1); }

static void *make_many(void *argument) {
  const long own = (long)argument;
  pthread_barrier_wait(&all_are_there);
  for (int i = 0; i < DIRECTORIES; i++) {
    char path[32];
    snprintf(path, sizeof path, "thread-%ld-%d", own, i);
    count(mkdir(path, 0755) == 0);
    count(mkdir(path, 0755) == -1 && errno == EEXIST);
  }
  return NULL;
}

static void call_in_crowd(void) {
  pthread_t threads[THREADS];
  pthread_barrier_init(&all_are_there, NULL, THREADS);
  for (long i = 0; i < THREADS; i++) threads[i] = started(make_many, (void *)i);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  dprintf(STDOUT_FILENO, "crowd %d %d\n", right, wrong);
}

static void *call_unshared(void *argument) {
  (void)argument;
  if (unshare(CLONE_FS | CLONE_FILES) < 0) fail("unshare");
  if (chdir("threads-own") < 0) fail("change the directory");
  umask(077);
  const int above = open("..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // a number that the first thread's table does not have
  const int dirfd = fcntl(above, F_DUPFD_CLOEXEC, 100);
  if (dirfd < 0) fail("open a directory");
  report("relative", mkdir("relative", 0777));
  report("by-dirfd", syscall(__NR_mkdirat, dirfd, "by-dirfd", 0777));
  return NULL;
}

static bool first_thread_has_exited(void) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", getpid());
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return true;
  const ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  if (got <= 0) return true;
  text[got] = '\0';
  const char *end_of_name = strrchr(text, ')');
  return end_of_name != NULL && end_of_name[2] == 'Z';
}

static void *call_orphaned(void *argument) {
  (void)argument;
  const struct timespec pause = {0, LOOK_NS};
  for (int i = 0; !first_thread_has_exited(); i++) {
    if (i == LOOKS) fail("see the first thread exit");
    nanosleep(&pause, NULL);
  }
  report("orphan", mkdir("orphan", 0755));
  report("again", mkdir("orphan", 0755));
  exit(0);
}

int main(int argc, char **argv) {
  const char *mode = argc == 2 ? argv[1] : "";
  if (strcmp(mode, "crowd") == 0) {
    call_in_crowd();
  } else if (strcmp(mode, "unshared") == 0) {
    if (mkdir("threads-own", 0755) < 0) fail("make the thread's directory");
    pthread_join(started(call_unshared, NULL), NULL);
  } else if (strcmp(mode, "orphan") == 0) {
    started(call_orphaned, NULL);
    pthread_exit(NULL);
  } else {
    return 2;
  }
  return 0;
}
