// SPDX-License-Identifier: Apache-2.0
// A container of uid 1000 that has files made on a disk, and watches each, so that the kernel
// has to keep it in memory.
//
// usage: watched-files SOCKET FOLDER MOST
//   FOLDER is uid 1000's.
// Prints `made COUNT OK` or `made COUNT ERRNONAME`, and waits for the end of its standard input.
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "container.h"

enum { USER = 1000, NAME = 32 };

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  const struct container container = {.socket = argv[1]};
  const int most = atoi(argv[3]);
  if (chdir(argv[2]) < 0) fail("enter the folder");
  const long number = __NR_mknodat;
  close(enter_container(&container, &number, 1));
  if (setgroups(0, NULL) < 0 || setresgid(USER, USER, USER) < 0 || setresuid(USER, USER, USER) < 0)
    fail("become a user");
  const int watches = inotify_init1(IN_CLOEXEC);
  int made = 0;
  int error = 0;
  for (; made < most; made++) {
    char name[NAME];
    snprintf(name, sizeof name, "%d", made);
    if (mknodat(AT_FDCWD, name, S_IFREG | 0644, 0) < 0) {
      error = errno;
      break;
    }
    if (inotify_add_watch(watches, name, IN_DELETE_SELF) < 0) fail("watch");
  }
  printf("made %d %s\n", made, answer_name(error));
  fflush(stdout);
  char byte;
  return read(STDIN_FILENO, &byte, 1) < 0;
}
