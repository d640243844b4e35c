// SPDX-License-Identifier: Apache-2.0
// A container that opens and closes files again and again, and counts what stays open.
//
// usage: open-caller SOCKET PATH CALLS       new files PATH-NUMBER, with a signal each 2
// milliseconds
//        open-caller SOCKET PATH CALLS wait  the same, after it has said `ready` and is told to
//        open-caller SOCKET PATH CALLS kill  PATH itself, by children with the same descriptors,
//                                            killed meanwhile
// Prints how many calls had each answer, and `left N`: descriptors that are open in the end.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "container.h"

enum { SIGNAL_US = 2000, MOST_DESCRIPTORS = 1024, STACK = 64 * 1024 };

static int answers[4096];

static void ignore(int number) { (void)number; }

static int open_descriptors(void) {
  int count = 0;
  for (int fd = 0; fd < MOST_DESCRIPTORS; fd++) count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

static void open_with_signals(const char *path, int calls) {
  const struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART};
  if (sigaction(SIGALRM, &action, NULL) < 0) fail("handle signals");
  const struct itimerval often = {{0, SIGNAL_US}, {0, SIGNAL_US}}, never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &often, NULL);
  for (int i = 0; i < calls; i++) {
    char name[512];
    snprintf(name, sizeof name, "%s-%d", path, i);
    // made twice it would be there already
    const int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    answers[fd < 0 ? errno : 0]++;
    if (fd >= 0) close(fd);
  }
  setitimer(ITIMER_REAL, &never, NULL);
}

_Noreturn static int keep_opening(void *path) {
  for (;;) {
    const int fd = open(path, O_RDONLY);
    if (fd >= 0) close(fd);
  }
}

static void kill_openers(char *path, int children) {
  static char stack[STACK] __attribute__((aligned(16)));
  for (int i = 0; i < children; i++) {
    const int child = clone(keep_opening, stack + STACK, CLONE_FILES | SIGCHLD, path);
    if (child < 0) fail("make a child");
    sleep_ns(500000 + (uint64_t)i * 7919 % 1500000);
    kill(child, SIGKILL);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    answers[WIFSIGNALED(status) ? 0 : EPROTO]++;
  }
}

static void await_order(void) {
  char byte;
  printf("ready\n");
  fflush(stdout);
  if (read(STDIN_FILENO, &byte, 1) != 1) fail("be told");
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  alarm(60);
  const struct container container = {.socket = argv[1]};
  const long numbers[] = {__NR_openat};
  close(enter_container(&container, numbers, 1));
  const int before = open_descriptors();
  if (argc > 4 && strcmp(argv[4], "wait") == 0) await_order();
  if (argc > 4 && strcmp(argv[4], "kill") == 0)
    kill_openers(argv[2], atoi(argv[3]));
  else
    open_with_signals(argv[2], atoi(argv[3]));
  for (int error = 0; error < 4096; error++)
    if (answers[error] > 0) printf("%s %d\n", answer_name(error), answers[error]);
  printf("left %d\n", open_descriptors() - before);
  return 0;
}
