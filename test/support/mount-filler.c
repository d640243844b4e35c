// SPDX-License-Identifier: Apache-2.0
// As root with CAP_SYS_ADMIN: has a user mount until that fails, mounts itself, takes all away, and
// has the user mount again.
//
// usage: mount-filler FOLDER MOST AGAIN, with a folder that everybody may write
// Prints `user COUNT ERRNONAME`, `root ERRNONAME`, `user COUNT ERRNONAME`.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { USER = 1000, NAME = 64 };

static const char *mount_at(const char *path) {
  if (mkdir(path, 0755) < 0 && errno != EEXIST) return strerrorname_np(errno);
  return mount("proc", path, "proc", 0, NULL) == 0 ? "OK" : strerrorname_np(errno);
}

static void mount_as_user(int most) {
  const pid_t child = fork();
  if (child < 0) exit(2);
  if (child != 0) {
    waitpid(child, NULL, 0);
    return;
  }
  if (setresgid(USER, USER, USER) < 0 || setresuid(USER, USER, USER) < 0) exit(2);
  const char *error = "OK";
  int count = 0;
  for (; count < most; count++) {
    char name[NAME];
    snprintf(name, sizeof name, "m%d", count);
    error = mount_at(name);
    if (strcmp(error, "OK") != 0) break;
  }
  printf("user %d %s\n", count, error);
  fflush(stdout);
  exit(0);
}

static void take_away(int most) {
  for (int count = 0; count < most; count++) {
    char name[NAME];
    snprintf(name, sizeof name, "m%d", count);
    umount2(name, MNT_DETACH);
  }
}

int main(int argc, char **argv) {
  if (argc != 4 || chdir(argv[1]) < 0) return 2;
  // whoever locks its own mount namespace keeps nobody from mounting
  const int mounts = open("/proc/self/ns/mnt", O_RDONLY);
  if (mounts < 0 || flock(mounts, LOCK_EX) < 0) return 2;
  mount_as_user(atoi(argv[2]));
  printf("root %s\n", mount_at("root"));
  fflush(stdout);
  take_away(atoi(argv[2]));
  mount_as_user(atoi(argv[3]));
  return 0;
}
