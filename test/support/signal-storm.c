// SPDX-License-Identifier: Apache-2.0
// Sends signals to each thread of a process again and again, until stdin ends or the process does.
//
// usage: signal-storm PID SIGNAL... ; the signals are numbers. Prints how many were sent.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LIFE_SECONDS = 150, PAUSE_MS = 1 };

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  alarm(LIFE_SECONDS);
  char path[64];
  const int pid = atoi(argv[1]);
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  unsigned long sent = 0;
  struct pollfd end = {.fd = STDIN_FILENO, .events = POLLIN};
  while (poll(&end, 1, PAUSE_MS) == 0) {
    DIR *tasks = opendir(path);
    if (tasks == NULL) break;
    for (const struct dirent *task; (task = readdir(tasks)) != NULL;) {
      const int tid = atoi(task->d_name);
      for (int i = 2; tid > 0 && i < argc; i++)
        sent += syscall(SYS_tgkill, pid, tid, atoi(argv[i])) == 0;
    }
    closedir(tasks);
  }
  printf("%lu\n", sent);
  return 0;
}
