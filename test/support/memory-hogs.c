// SPDX-License-Identifier: Apache-2.0
// Processes that use up the memory of their cgroup, so that the kernel ends one after the other,
// while another one makes calls, each with other groups: for each of them somebody else has to act.
//   memory-hogs SECONDS
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HOGS = 6, MEBIBYTE = 1024 * 1024, HOG_BYTES = 64 * MEBIBYTE, PAGE = 4096 };

static time_t seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

static void use_memory(void) {
  for (;;) {
    char *bytes = mmap(NULL, HOG_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED) _exit(1);
    for (size_t at = 0; at < HOG_BYTES; at += PAGE) bytes[at] = 1;
  }
}

static void hog(time_t end) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  while (seconds_now() < end) {
    const pid_t child = fork();
    if (child == 0) use_memory();
    if (child > 0) waitpid(child, NULL, 0);
  }
  _exit(0);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  const time_t end = seconds_now() + atoi(argv[1]);
  for (int hogs = 0; hogs < HOGS; ++hogs)
    if (fork() == 0) hog(end);
  long done = 0, failed = 0;
  for (gid_t group = 100000; seconds_now() < end; ++group) {
    if (setgroups(1, &group) == -1) return 1;
    const bool is_answered = mkdir("/", 0755) == -1 && errno == EEXIST;
    if (errno == ENOSYS) break;
    ++*(is_answered ? &done : &failed);
  }
  printf("calls: %s, last: %s\n", done > 0 ? "some" : "none",
         errno == ENOSYS ? "ENOSYS" : "answered");
  fflush(stdout);
  while (wait(NULL) > 0) continue;
  return 0;
}
