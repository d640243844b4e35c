// SPDX-License-Identifier: Apache-2.0
// A container whose memory never comes: each of its threads makes directories again and again, with
// paths in pages that userfaultfd(2) is to bring, and nobody brings them. Whoever reads such a page
// waits until this process ends.
//
// usage: slow-memory -s SOCKET [-m METADATA] [-i ID] [-t THREADS]
// It prints `ready` once it is a container, and for each call a line `ANSWER NANOSECONDS`. It does
// not end by itself before its life is over.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "container.h"

enum { LIFE_SECONDS = 150, MOST_THREADS = 64 };

static size_t page_size;

// Pages that stay missing as long as this process lives.
static char *missing_pages(size_t count) {
  const size_t size = count * page_size;
  char *pages =
      mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED) fail("map pages");
  const int fd = (int)syscall(__NR_userfaultfd, O_CLOEXEC);
  if (fd < 0) fail("make a userfaultfd");
  struct uffdio_api api = {.api = UFFD_API};
  if (ioctl(fd, UFFDIO_API, &api) < 0) fail("agree on userfaultfd's version");
  struct uffdio_register wanted = {.range = {(uintptr_t)pages, size},
                                   .mode = UFFDIO_REGISTER_MODE_MISSING};
  if (ioctl(fd, UFFDIO_REGISTER, &wanted) < 0) fail("register the pages");
  return pages;
}

static void *call_for_ever(void *path) {
  while (true) {
    const uint64_t began_ns = now_ns();
    const long result = make_directory(path);
    const int error = result == -1 ? errno : 0;
    dprintf(STDOUT_FILENO, "%s %lu\n", answer_name(error), now_ns() - began_ns);
  }
  return NULL;
}

int main(int argc, char **argv) {
  struct container container = {0};
  long threads = 1;
  for (int letter; (letter = getopt(argc, argv, "s:m:i:t:")) != -1;) {
    if (letter == 's')
      container.socket = optarg;
    else if (letter == 'm')
      container.metadata = optarg;
    else if (letter == 'i')
      container.id = optarg;
    else if (letter == 't')
      threads = atol(optarg);
    else
      return 2;
  }
  if (container.socket == NULL || optind != argc) return 2;
  if (threads < 1 || threads > MOST_THREADS) return 2;
  alarm(LIFE_SECONDS);
  page_size = (size_t)sysconf(_SC_PAGESIZE);
  char *pages = missing_pages((size_t)threads);

  static const long numbers[] = {MAKE_DIRECTORY_NUMBER};
  close(enter_container(&container, numbers, 1));
  dprintf(STDOUT_FILENO, "ready\n");
  for (long i = 0; i < threads; i++) {
    pthread_t thread;
    errno = pthread_create(&thread, NULL, call_for_ever, pages + (size_t)i * page_size);
    if (errno != 0) fail("start a thread");
  }
  pthread_exit(NULL);
}
