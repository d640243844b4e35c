// SPDX-License-Identifier: Apache-2.0
// Calls mkdir with paths in pages that nobody has touched, each 2 MiB from the one before: the
// kernel makes a page table for each when it is read. As uid 1000, which has only an empty mapping.
//
// usage: absent-pages SOCKET COUNT
// Prints `COUNT read`, with how many answers say that the path was read (ENOENT: it is empty), and
// waits for the end of its standard input.
#define _GNU_SOURCE
#include <grp.h>
#include <sys/mman.h>

#include "container.h"

enum { USER = 1000, APART = 2 << 20 };

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  const struct container container = {.socket = argv[1]};
  const size_t count = strtoul(argv[2], NULL, 10);
  const int agent_fd = connect_agent(container.socket);
  const long number = MAKE_DIRECTORY_NUMBER;
  const int listener = load_filter(&number, 1, false);
  send_listener(agent_fd, listener, &container);
  close(listener);
  close(agent_fd);
  if (setgroups(0, NULL) < 0 || setresgid(USER, USER, USER) < 0 || setresuid(USER, USER, USER) < 0)
    fail("become a user");
  // the agent looks at whoever may be looked at by this user
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  const char *pages = mmap(NULL, count * APART, PROT_READ, flags, -1, 0);
  if (pages == MAP_FAILED) fail("map");
  size_t read_ones = 0;
  for (size_t i = 0; i < count; i++)
    read_ones += make_directory(pages + i * APART) < 0 && errno == ENOENT;
  printf("%zu read\n", read_ones);
  fflush(stdout);
  char byte;
  return read(STDIN_FILENO, &byte, 1) < 0;
}
