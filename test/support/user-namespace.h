// SPDX-License-Identifier: Apache-2.0
// Functions for programs that enter a user namespace of their own as its root.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>

#include "container.h"

HELPER void write_text(pid_t pid, const char *name, const char *text) {
  char path[48];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) fail(path);
  close(fd);
}

// Only who is outside may map more than one id.
HELPER void enter_user_namespace(void) {
  const pid_t pid = getpid();
  int ready[2];
  char byte;
  if (pipe(ready) < 0) fail("make a pipe");
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    if (read(ready[0], &byte, 1) != 1) _exit(1);
    write_text(pid, "uid_map", "0 0 65536");
    write_text(pid, "gid_map", "0 0 65536");
    _exit(0);
  }
  int status;
  if (unshare(CLONE_NEWUSER) < 0 || write(ready[1], "", 1) != 1) fail("make a user namespace");
  if (waitpid(child, &status, 0) < 0 || status != 0) fail("map ids");
  close(ready[0]);
  close(ready[1]);
}
