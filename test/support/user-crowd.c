// SPDX-License-Identifier: Apache-2.0
// A container that opens a file again and again, and counts the answers.
//
// usage: user-crowd SOCKET SECONDS [THREADS]
//   THREADS   so many threads, each call of which is of another user; absent: one thread that calls
//             now and then, always as the same user
// Prints `ANSWER COUNT` for each answer.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/fsuid.h>

#include "container.h"

enum { ERRNOS = 4096, MOST_THREADS = 64, FIRST_USER = 100000, USERS_OF_THREAD = 1000000 };
static const uint64_t quick_ns = 1000000, seldom_ns = 500000000;

static atomic_int answers[ERRNOS];
static uint64_t end_ns;
static bool changes_users;

static void *call_all_the_time(void *argument) {
  uid_t user = FIRST_USER + USERS_OF_THREAD * *(const unsigned *)argument;
  while (now_ns() < end_ns) {
    if (changes_users) setfsuid(user++);
    const int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    atomic_fetch_add(&answers[fd < 0 ? errno : 0], 1);
    if (fd >= 0) close(fd);
    sleep_ns(changes_users ? quick_ns : seldom_ns);
  }
  return NULL;
}

int main(int argc, char **argv) {
  if (argc < 3 || argc > 4) return 2;
  const int seconds = atoi(argv[2]);
  const unsigned count = argc == 4 ? (unsigned)atoi(argv[3]) : 1;
  if (seconds < 1 || count < 1 || count > MOST_THREADS) return 2;
  changes_users = argc == 4;
  struct container container = {.socket = argv[1]};
  static const long numbers[] = {SYS_openat};
  close(enter_container(&container, numbers, 1));
  end_ns = now_ns() + (uint64_t)seconds * 1000000000u;
  alarm((unsigned)seconds + 60);
  pthread_t threads[MOST_THREADS];
  unsigned places[MOST_THREADS];
  for (unsigned i = 0; i < count; i++) {
    places[i] = i;
    errno = pthread_create(&threads[i], NULL, call_all_the_time, &places[i]);
    if (errno != 0) fail("start a thread");
  }
  for (unsigned i = 0; i < count; i++) pthread_join(threads[i], NULL);
  for (int error = 0; error < ERRNOS; error++) {
    if (answers[error] > 0) printf("%s %d\n", answer_name(error), answers[error]);
  }
  return 0;
}
