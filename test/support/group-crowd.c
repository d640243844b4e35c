// SPDX-License-Identifier: Apache-2.0
// A container whose processes are in many groups, and make a call each, one after the other, until
// it is killed: the kernel takes long to tell of such a process.
//
// usage: group-crowd SOCKET METADATA GROUPS PROCESSES
#define _GNU_SOURCE
#include <grp.h>
#include <signal.h>
#include <sys/wait.h>

#include "container.h"

enum { LIFE_SECONDS = 100 };

_Noreturn static void call_on_and_on(void) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) fail("end with the parent");
  alarm(LIFE_SECONDS);
  for (;;) {
    const pid_t child = fork();
    if (child < 0) continue;
    if (child == 0) {
      syscall(__NR_getpgid, 0);
      _exit(0);
    }
    waitpid(child, NULL, 0);
  }
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  const struct container container = {.socket = argv[1], .metadata = argv[2]};
  const size_t count = (size_t)atol(argv[3]);
  static gid_t groups[65536];
  if (count > sizeof groups / sizeof *groups) return 2;
  for (size_t i = 0; i < count; i++) groups[i] = 1000000000u + (gid_t)i;
  static const long numbers[] = {__NR_getpgid};
  close(enter_container(&container, numbers, 1));
  if (setgroups(count, groups) < 0) fail("be in groups");
  for (int left = atoi(argv[4]); left > 0; left--) {
    const pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) call_on_and_on();
  }
  for (;;) pause();
}
