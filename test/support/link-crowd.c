// SPDX-License-Identifier: Apache-2.0
// Opens links of its own entry in procfs:
//
//   link-crowd THREADS OPENS
//
// each of the threads some of the OPENS. Prints the first error, if there is one.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int opens_each, first_error;

static void* open_links(void* none) {
  static const char* const links[] = {"/proc/self/fd/0", "/proc/self/cwd/",
                                      "/proc/thread-self/root/", "/proc/self/exe"};
  for (int i = 0; i < opens_each; i++) {
    const int fd = open(links[i % 4], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) __atomic_store_n(&first_error, errno, __ATOMIC_RELAXED);
    if (fd >= 0) close(fd);
  }
  return none;
}

int main(int argc, char** argv) {
  enum { MOST_THREADS = 256 };
  pthread_t threads[MOST_THREADS];
  const int count = argc == 3 ? atoi(argv[1]) : 0;
  if (count < 1 || count > MOST_THREADS) return 2;
  opens_each = atoi(argv[2]) / count;
  // one that can be opened again
  dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
  for (int i = 0; i < count; i++) pthread_create(&threads[i], NULL, open_links, NULL);
  for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
  if (first_error != 0) printf("%s\n", strerrorname_np(first_error));
  return 0;
}
