// SPDX-License-Identifier: Apache-2.0
// A container with threads that make a call each, again a moment after it has failed, and others
// that open a folder on and on, until it is killed.
//
// usage: waiting-crowd SOCKET METADATA WAITING OPENING
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>

#include "container.h"

enum { LIFE_SECONDS = 100, STACK = 16384, MOMENT_US = 100000, AT_ONCE = 200 };

static void *wait_for_answers(void *unused) {
  for (;;) {
    if (syscall(__NR_getpgid, 0) < 0) usleep(MOMENT_US);
  }
  return unused;
}

static void *open_on_and_on(void *unused) {
  for (;;) {
    const int fd = open("/tmp", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) close(fd);
  }
  return unused;
}

static void start(int count, void *(*body)(void *)) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK);
  for (int index = 0; index < count; index++) {
    pthread_t thread;
    if (pthread_create(&thread, &attributes, body, NULL) != 0) fail("start a thread");
    if (index % AT_ONCE == AT_ONCE - 1) usleep(MOMENT_US / 5);
  }
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  const struct container container = {.socket = argv[1], .metadata = argv[2]};
  static const long numbers[] = {__NR_getpgid, __NR_openat};
  close(enter_container(&container, numbers, 2));
  alarm(LIFE_SECONDS);
  start(atoi(argv[3]), wait_for_answers);
  start(atoi(argv[4]), open_on_and_on);
  for (;;) pause();
}
