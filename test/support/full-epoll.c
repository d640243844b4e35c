// SPDX-License-Identifier: Apache-2.0
// Preloaded into an agent: while the file of EPOLL_IS_FULL is there, all epoll watches that root may
// have are used up, see fs.epoll.max_user_watches in epoll(7). As in the kernel, those of an instance
// are its maker's: the real user of the thread that has made it.
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST_FDS 4096

static bool is_roots[MOST_FDS];

static int made(int fd) {
  uid_t real = 0, effective = 0, saved = 0;
  syscall(SYS_getresuid, &real, &effective, &saved);
  if (fd >= 0 && fd < MOST_FDS) is_roots[fd] = real == 0;
  return fd;
}

int epoll_create(int size) {
  (void)size;
  return made((int)syscall(SYS_epoll_create1, 0));
}

int epoll_create1(int flags) { return made((int)syscall(SYS_epoll_create1, flags)); }

int dup3(int from, int to, int flags) {
  const int fd = (int)syscall(SYS_dup3, from, to, flags);
  if (fd >= 0 && fd < MOST_FDS && from < MOST_FDS) is_roots[fd] = is_roots[from];
  return fd;
}

int epoll_ctl(int instance, int operation, int fd, struct epoll_event *event) {
  const char *file = getenv("EPOLL_IS_FULL");
  if (operation == EPOLL_CTL_ADD && instance >= 0 && instance < MOST_FDS && is_roots[instance] &&
      file != NULL && access(file, F_OK) == 0) {
    errno = ENOSPC;
    return -1;
  }
  return (int)syscall(SYS_epoll_ctl, instance, operation, fd, event);
}
