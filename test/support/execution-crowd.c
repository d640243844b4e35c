// SPDX-License-Identifier: Apache-2.0
// Commands that are executed in one container, all of which hand their listeners over at the same
// moment, and then wait until they are killed, or until our standard input ends.
//
// usage: execution-crowd SOCKET METADATA ID COUNT
#define _GNU_SOURCE
#include <signal.h>

#include "container.h"

_Noreturn static void execute(const struct container *container, int start) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) fail("end with the parent");
  char nothing;
  while (read(start, &nothing, 1) < 0 && errno == EINTR) {
  }
  static const long numbers[] = {__NR_getpgid};
  close(enter_container(container, numbers, 1));
  for (;;) pause();
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  const struct container container = {.socket = argv[1], .metadata = argv[2], .id = argv[3]};
  int start[2];
  if (pipe(start) < 0) fail("make a pipe");
  for (int left = atoi(argv[4]); left > 0; left--) {
    const pid_t child = fork();
    if (child < 0) fail("fork");
    if (child > 0) continue;
    close(start[1]);
    execute(&container, start[0]);
  }
  close(start[1]);
  char nothing;
  while (read(STDIN_FILENO, &nothing, 1) != 0 && errno == EINTR) {
  }
  return 0;
}
