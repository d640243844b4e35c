// SPDX-License-Identifier: Apache-2.0
// Calls or signals, as fast as they can be made.
//
// usage: storm call SECONDS        32 threads call chmod(2); prints how many calls each second had
//        storm signal PID SECONDS  sends SIGSTKFLT to all threads of a process
#define _GNU_SOURCE
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 32 };

static atomic_long calls;

static void *call(void *unused) {
  (void)unused;
  for (;;) {
    chmod("/nonexistent", 0);
    calls++;
  }
  return NULL;
}

static void print_calls(int seconds) {
  for (int index = 0; index < THREADS; index++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, call, NULL) != 0) exit(1);
  }
  for (long before = 0; seconds > 0; seconds--) {
    sleep(1);
    const long all = calls;
    printf("%ld\n", all - before);
    before = all;
  }
}

static void send_signals(pid_t process, int seconds) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", process);
  const time_t end = time(NULL) + seconds;
  while (time(NULL) < end) {
    DIR *tasks = opendir(path);
    if (tasks == NULL) return;
    for (struct dirent *task = readdir(tasks); task != NULL; task = readdir(tasks))
      if (task->d_name[0] != '.') syscall(SYS_tgkill, process, atoi(task->d_name), SIGSTKFLT);
    closedir(tasks);
    usleep(20);
  }
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "call") == 0) {
    print_calls(atoi(argv[2]));
  } else if (argc == 4 && strcmp(argv[1], "signal") == 0) {
    send_signals(atoi(argv[2]), atoi(argv[3]));
  } else {
    return 2;
  }
  fflush(stdout);
  _exit(0);
}
