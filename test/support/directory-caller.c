// SPDX-License-Identifier: Apache-2.0
// Makes directories by ways that need descriptors or roots of its own, and prints each result.
//
// usage: directory-caller MODE, in a folder of its own that becomes its stage.
//   dirfds   mkdirat(2) with all kinds of descriptors
//   rooted   makes the folder its root, then follows the symbolic links that were put there
//   outside  makes ./jail its root and stays outside of it with its working directory
//   self     by paths that lead through its own /proc/self
//   foreign  by paths of descriptors that it does not have: `made COUNT`
//   mount    mounts proc on ./stage by the path of a descriptor, as container runtimes do
// A line `NAME RESULT ERRNONAME` for each call; the descriptors are opened anew each time.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NO_SUCH_FD = 999, HIGH_FD = 200 };

static void fail(const char *what) {
  fprintf(stderr, "directory-caller: cannot %s: %s\n", what, strerror(errno));
  exit(1);
}

static void report(const char *name, long result) {
  dprintf(STDOUT_FILENO, "%s %ld %s\n", name, result,
          result == -1 ? strerrorname_np(errno) : "OK");
}

// The register as it is: the kernel takes its low half.
static void make_at(const char *name, unsigned long dirfd, const char *path, unsigned long mode) {
  report(name, syscall(__NR_mkdirat, dirfd, path, mode));
}

static void make(const char *name, const char *path) {
  make_at(name, (unsigned long)AT_FDCWD, path, 0755);
}

static unsigned long opened(const char *path, int flags) {
  const int fd = open(path, flags | O_CLOEXEC, 0644);
  if (fd < 0) fail("open");
  return (unsigned long)fd;
}

static void call_with_dirfds(void) {
  char here[4000], path[4096];
  if (getcwd(here, sizeof here) == NULL) fail("find out where we are");
  const unsigned long file = opened("file", O_CREAT | O_RDWR);
  if (mkdir("stage", 0755) < 0 || mkdir("removed", 0755) < 0) fail("make the stage");
  const unsigned long directory = opened("stage", O_RDONLY | O_DIRECTORY);
  const unsigned long by_path = opened("stage", O_PATH | O_DIRECTORY);
  const unsigned long removed = opened("removed", O_RDONLY | O_DIRECTORY);
  if (rmdir("removed") < 0) fail("remove a directory");

  make_at("directory", directory, "by-directory", 0755);
  make_at("again", directory, "by-directory", 0755);
  make_at("o-path", by_path, "by-o-path", 0755);
  make_at("upper-half", directory | 0xdeadbeef00000000UL, "by-upper-half", 0755);
  make_at("mode-bits", directory, "mode-bits", 0xabcdffff1755UL);
  make_at("dot-dot", directory, "../dot-dot", 0755);
  make_at("empty", directory, "", 0755);
  make_at("cwd-32", 0xffffff9cUL, "by-cwd-32", 0755);
  make_at("cwd-64", 0xffffffffffffff9cUL, "by-cwd-64", 0755);
  make_at("closed", NO_SUCH_FD, "by-closed", 0755);
  make_at("negative", (unsigned long)-1L, "by-negative", 0755);
  make_at("file", file, "by-file", 0755);
  make_at("removed", removed, "by-removed", 0755);
  snprintf(path, sizeof path, "%s/absolute", here);
  make_at("closed-absolute", NO_SUCH_FD, path, 0755);
  snprintf(path, sizeof path, "%s/absolute-too", here);
  make_at("file-absolute", file, path, 0755);
}

static void call_rooted(void) {
  if (chroot(".") < 0 || chdir("/") < 0) fail("change the root");
  make("plain", "/plain");
  make("inward", "/inward/made");
  make("outward", "/outward/made");
  make("upward", "/upward/made");
  make("dot-dot", "/../../../dot-dot");
  make("dangling", "/dangling");
  make("relative", "../relative");
}

static void call_outside(void) {
  if (chroot("jail") < 0) fail("change the root");
  make("absolute", "/absolute");
  make("relative", "relative");
  make("dot-dot", "../dot-dot");
}

// A number that is higher than those that an agent uses.
static int stage_at_high_fd(void) {
  if (mkdir("stage", 0755) < 0 && errno != EEXIST) fail("make the stage");
  const int fd = fcntl((int)opened("stage", O_RDONLY | O_DIRECTORY), F_DUPFD_CLOEXEC, HIGH_FD);
  if (fd < 0) fail("open the stage");
  return fd;
}

static void call_by_self(void) {
  char path[64];
  const int stage = stage_at_high_fd();
  make("cwd", "/proc/self/cwd/by-cwd");
  make("thread", "/proc/thread-self/cwd/by-thread");
  snprintf(path, sizeof path, "/proc/self/fd/%d/by-fd", stage);
  make("fd", path);
  snprintf(path, sizeof path, "/proc/thread-self/fd/%d/by-thread-fd", stage);
  make("thread-fd", path);
}

static void call_by_foreign_fds(void) {
  char path[64];
  if (close_range(3, HIGH_FD - 1, 0) < 0) fail("close descriptors");
  int made = 0;
  for (int fd = 3; fd < HIGH_FD; fd++) {
    snprintf(path, sizeof path, "/proc/self/fd/%d/foreign-%d", fd, fd);
    made += mkdir(path, 0755) == 0;
  }
  dprintf(STDOUT_FILENO, "made %d\n", made);
}

static void mount_by_self(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", stage_at_high_fd());
  report("mount", mount("proc", path, "proc", 0, NULL));
  report("there", access("stage/self/status", F_OK));
}

int main(int argc, char **argv) {
  const char *mode = argc == 2 ? argv[1] : "";
  if (strcmp(mode, "dirfds") == 0)
    call_with_dirfds();
  else if (strcmp(mode, "rooted") == 0)
    call_rooted();
  else if (strcmp(mode, "outside") == 0)
    call_outside();
  else if (strcmp(mode, "self") == 0)
    call_by_self();
  else if (strcmp(mode, "foreign") == 0)
    call_by_foreign_fds();
  else if (strcmp(mode, "mount") == 0)
    mount_by_self();
  else
    return 2;
  return 0;
}
