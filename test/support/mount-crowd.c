// SPDX-License-Identifier: Apache-2.0
// Containers, one after the other, in a mount namespace of a user that has many mounts, some of
// which come and go.
//
// usage: mount-crowd SOCKET MOUNTS CHANGERS CONTAINERS PAUSE_MS [SPELLINGS]
//   CHANGERS    processes that mount and unmount all the time
//   SPELLINGS   of the folder that has all the mounts, in the settings of the bundle umount-guard;
//               absent: no bundle
// Prints `mounted COUNT`, and after the last container `sent`. Stays until it is killed.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "container.h"

enum { TEXT = 64, METADATA = 8000, LONGEST_S = 120, SPELLING_BITS = 8 };

static void put(const char *path, const char *text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) fail(path);
  close(fd);
}

static void enter_namespaces(void) {
  const unsigned user = getuid();
  const unsigned group = getgid();
  char text[TEXT];
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) fail("unshare");
  put("/proc/self/setgroups", "deny");
  snprintf(text, sizeof text, "0 %u 1", user);
  put("/proc/self/uid_map", text);
  snprintf(text, sizeof text, "0 %u 1", group);
  put("/proc/self/gid_map", text);
  if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("make mounts private");
  if (mount("none", "/mnt", "tmpfs", 0, NULL) < 0) fail("mount");
  mkdir("/mnt/a", 0755);
  mkdir("/mnt/changing", 0755);
}

static int mount_all(int count) {
  for (int number = 0; number < count; number++) {
    char path[TEXT];
    snprintf(path, sizeof path, "/mnt/a/%x", (unsigned)number);
    if (mkdir(path, 0755) < 0 || mount("/mnt/a/0", path, NULL, MS_BIND, NULL) < 0) return number;
  }
  return count;
}

_Noreturn static void change_all_the_time(void) {
  for (;;) {
    mount("/mnt/a/0", "/mnt/changing", NULL, MS_BIND, NULL);
    umount2("/mnt/changing", MNT_DETACH);
    sleep_ns(1000000);
  }
}

static const char *spell(int count) {
  static char metadata[METADATA];
  if (count == 0) return NULL;
  int length = snprintf(metadata, sizeof metadata, "BUNDLE=umount-guard\\nUMOUNT_PROTECT=");
  for (int number = 0; number < count; number++) {
    length += sprintf(metadata + length, "%s/mnt/a", number == 0 ? "" : ",");
    for (int bit = 0; bit < SPELLING_BITS; bit++)
      length += sprintf(metadata + length, "%s", ((number >> bit) & 1) != 0 ? "/." : "//");
  }
  return metadata;
}

static void start(void (*run)(const struct container *), const struct container *container) {
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(LONGEST_S);
  run(container);
}

static void change(const struct container *container) {
  (void)container;
  change_all_the_time();
}

static void enter(const struct container *container) {
  static const long numbers[] = {__NR_getpgid, __NR_umount2};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  close(enter_container(container, numbers, 2));
  for (;;) pause();
}

int main(int argc, char **argv) {
  if (argc < 6 || argc > 7) return 2;
  const int spellings = argc == 7 ? atoi(argv[6]) : 0;
  if (spellings > 1 << SPELLING_BITS) return 2;
  alarm(LONGEST_S);
  const struct container container = {.socket = argv[1], .metadata = spell(spellings)};
  enter_namespaces();
  printf("mounted %d\n", mount_all(atoi(argv[2])));
  fflush(stdout);
  for (int number = atoi(argv[3]); number > 0; number--) start(change, NULL);
  for (int number = atoi(argv[4]); number > 0; number--) {
    start(enter, &container);
    sleep_ns((uint64_t)atoi(argv[5]) * 1000000);
  }
  printf("sent\n");
  fflush(stdout);
  for (;;) pause();
}
