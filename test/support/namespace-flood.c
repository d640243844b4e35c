// SPDX-License-Identifier: Apache-2.0
// Uses up the mount namespaces that the kernel counts for its user, by mounts without a place, of
// which each counts as one (user.max_mnt_namespaces of namespaces(7)).
//
// usage: namespace-flood SECONDS
// Prints `full COUNT` once there are no more, and ends after so many seconds.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OPEN_TREE = 428, CLONE_TREE = 1, SPARE = 32 };

// As many as one process may have open. Returns whether the user may have no more.
static int fill(int told, unsigned most) {
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) return errno == ENOSPC;
  unsigned made = 0;
  int error = 0;
  while (made < most && error == 0) {
    if (syscall(OPEN_TREE, AT_FDCWD, "/proc/self/fdinfo", CLONE_TREE | O_CLOEXEC) < 0)
      error = errno;
    else
      ++made;
  }
  if (write(told, &made, sizeof made) != sizeof made) return 1;
  return error == ENOSPC;
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  alarm((unsigned)atoi(argv[1]));
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  unsigned all = 0;
  for (int is_full = 0; !is_full;) {
    int ends[2];
    if (pipe(ends) < 0) return 1;
    if (fork() == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      close(ends[0]);
      // the end of the pipe says that there are no more
      if (fill(ends[1], (unsigned)files.rlim_cur - SPARE)) close(ends[1]);
      pause();
    }
    close(ends[1]);
    unsigned made = 0;
    is_full = read(ends[0], &made, sizeof made) != sizeof made;
    all += made;
    if (!is_full && made < (unsigned)files.rlim_cur - SPARE) is_full = 1;
    // the others of the loop have no use for it
    close(ends[0]);
  }
  printf("full %u\n", all);
  fflush(stdout);
  for (;;) pause();
}
