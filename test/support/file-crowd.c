// SPDX-License-Identifier: Apache-2.0
// A container whose processes open and close files as a build does, and count the answers.
//
// usage: file-crowd SOCKET FOLDER PROCESSES FILES
//   Each process makes FILES files in FOLDER, and reads each of them again. SOCKET `-`: no agent.
// Prints `ANSWER COUNT` for each answer, then `took MILLISECONDS`.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "container.h"

enum { ERRNOS = 4096, LIFE_SECONDS = 100, MOST_PATH = 4096 };

static int *answers;

static void open_and_close(const char *path, int flags) {
  const int fd = open(path, flags | O_CLOEXEC, 0600);
  __atomic_fetch_add(&answers[fd < 0 ? errno : 0], 1, __ATOMIC_RELAXED);
  if (fd >= 0) close(fd);
}

static void build(const char *folder, unsigned process, unsigned files) {
  char path[MOST_PATH];
  for (unsigned i = 0; i < files; i++) {
    snprintf(path, sizeof path, "%s/%u-%u", folder, process, i);
    open_and_close(path, O_WRONLY | O_CREAT | O_TRUNC);
    open_and_close(path, O_RDONLY);
  }
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  const unsigned processes = (unsigned)atoi(argv[3]), files = (unsigned)atoi(argv[4]);
  answers = mmap(NULL, ERRNOS * sizeof *answers, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                 -1, 0);
  if (answers == MAP_FAILED) fail("share memory");
  alarm(LIFE_SECONDS);
  const struct container container = {.socket = argv[1]};
  static const long numbers[] = {SYS_openat};
  if (strcmp(argv[1], "-") != 0) close(enter_container(&container, numbers, 1));
  const uint64_t began_ns = now_ns();
  for (unsigned i = 0; i < processes; i++) {
    const pid_t child = fork();
    if (child < 0) fail("make a process");
    if (child > 0) continue;
    alarm(LIFE_SECONDS);
    build(argv[2], i, files);
    _exit(0);
  }
  while (wait(NULL) > 0) {
  }
  const uint64_t took_ns = now_ns() - began_ns;
  for (int error = 0; error < ERRNOS; error++) {
    if (answers[error] > 0) printf("%s %d\n", answer_name(error), answers[error]);
  }
  printf("took %lu\n", (unsigned long)(took_ns / 1000000u));
  return 0;
}
