// SPDX-License-Identifier: Apache-2.0
// Makes directories in a folder until that fails, removes them by itself, and makes some again.
//
// usage: directory-filler FOLDER SUFFIX MOST [AGAIN]
//   SUFFIX is what a handler adds to each name. Without AGAIN they stay.
// Prints `made COUNT ERRNONAME`, `removed COUNT`, `again COUNT ERRNONAME`.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME = 64 };

static int make(int most, const char **error) {
  char name[NAME];
  for (int count = 0; count < most; count++) {
    snprintf(name, sizeof name, "d%d", count);
    if (mkdir(name, 0755) == 0) continue;
    *error = strerrorname_np(errno);
    return count;
  }
  *error = "OK";
  return most;
}

int main(int argc, char **argv) {
  if (argc < 4 || chdir(argv[1]) < 0) return 2;
  const char *error = "OK";
  const int made = make(atoi(argv[3]), &error);
  printf("made %d %s\n", made, error);
  if (argc == 4) return 0;
  // one that is there is there, whatever may be made
  const int there = mkdir("d0", 0755);
  printf("there %d %s\n", there, strerrorname_np(errno));
  int removed = 0;
  for (int count = 0; count < made; count++) {
    char name[NAME];
    snprintf(name, sizeof name, "d%d%s", count, argv[2]);
    if (rmdir(name) == 0) removed++;
  }
  printf("removed %d\n", removed);
  const int again = make(atoi(argv[4]), &error);
  printf("again %d %s\n", again, error);
  return 0;
}
