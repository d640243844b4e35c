// SPDX-License-Identifier: Apache-2.0
// Changes files that an overlay, mounted above a tmpfs in a user namespace of uid 1000, has on a disk:
// it copies each up first, with its content.
//
// usage: copied-files SOCKET FOLDER MIB COUNT OP...
//   FOLDER is uid 1000's. COUNT names of one file of MIB MiB each are changed by each OP: chmod, chown,
//   link, open, rename, removexattr, setxattr, truncate.
// Prints `OP COUNT OK`, or `OP COUNT ERRNONAME` for the first one that fails, and waits for the end of
// its standard input.
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "container.h"

enum { USER = 1000, PATH = 64, BLOCK = 1 << 20 };

static void write_file(const char *path, const char *text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) fail(path);
  close(fd);
}

static void make_lower(int mebibytes, int count) {
  static char block[BLOCK];
  memset(block, 7, sizeof block);
  if (mkdir("lower", 0755) < 0) fail("make a folder");
  const int fd = open("lower/0", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  if (fd < 0) fail("make a file");
  for (int i = 0; i < mebibytes; i++)
    if (write(fd, block, sizeof block) != sizeof block) fail("write");
  if (fsetxattr(fd, "user.there", "1", 1, 0) < 0) fail("set an attribute");
  close(fd);
  for (int i = 1; i < count; i++) {
    char name[PATH];
    snprintf(name, sizeof name, "lower/%d", i);
    if (link("lower/0", name) < 0) fail("link");
  }
}

static void mount_overlay(void) {
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) fail("unshare");
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", "0 1000 1");
  write_file("/proc/self/gid_map", "0 1000 1");
  if (mkdir("upper", 0755) < 0 || mount("upper", "upper", "tmpfs", 0, "size=4g") < 0)
    fail("mount a tmpfs");
  if (mkdir("upper/u", 0755) < 0 || mkdir("upper/w", 0755) < 0 || mkdir("upper/m", 0755) < 0)
    fail("make folders");
  const char *options = "lowerdir=lower,upperdir=upper/u,workdir=upper/w,userxattr";
  if (mount("overlay", "upper/m", "overlay", 0, options) < 0) fail("mount an overlay");
}

static int change(const char *operation, const char *name) {
  char other[2 * PATH];
  snprintf(other, sizeof other, "%s.%s", name, operation);
  if (strcmp(operation, "chmod") == 0) return chmod(name, 0600);
  if (strcmp(operation, "chown") == 0) return chown(name, 0, 0);
  if (strcmp(operation, "link") == 0) return link(name, other);
  if (strcmp(operation, "rename") == 0) return rename(name, other);
  if (strcmp(operation, "removexattr") == 0) return removexattr(name, "user.there");
  if (strcmp(operation, "setxattr") == 0) return setxattr(name, "user.set", "1", 1, 0);
  const int flags = strcmp(operation, "truncate") == 0 ? O_TRUNC : O_APPEND;
  const int fd = open(name, O_WRONLY | O_CLOEXEC | flags);
  return fd < 0 ? -1 : close(fd);
}

int main(int argc, char **argv) {
  if (argc < 6) return 2;
  const struct container container = {.socket = argv[1]};
  const int count = atoi(argv[4]);
  if (chdir(argv[2]) < 0) fail("enter the folder");
  const int agent_fd = connect_agent(container.socket);
  if (setgroups(0, NULL) < 0 || setresgid(USER, USER, USER) < 0 || setresuid(USER, USER, USER) < 0)
    fail("become a user");
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  make_lower(atoi(argv[3]), count);
  mount_overlay();
  if (chdir("upper/m") < 0) fail("enter the overlay");
  const long numbers[] = {
      __NR_fchmodat, __NR_fchownat, __NR_linkat, __NR_openat,
      __NR_renameat, __NR_setxattr, __NR_removexattr,
#ifdef __NR_open
      __NR_chmod,    __NR_chown,    __NR_link,   __NR_open,   __NR_rename,
#endif
  };
  const int listener = load_filter(numbers, sizeof numbers / sizeof *numbers, true);
  send_listener(agent_fd, listener, &container);
  close(listener);
  close(agent_fd);
  for (int at = 5; at < argc; at++) {
    int done = 0;
    char name[PATH];
    int error = 0;
    for (; done < count && error == 0; done++) {
      snprintf(name, sizeof name, "%d", done);
      if (change(argv[at], name) < 0) error = errno;
      if (error != 0) break;
    }
    printf("%s %d %s\n", argv[at], done, answer_name(error));
    fflush(stdout);
  }
  char byte;
  return read(STDIN_FILENO, &byte, 1) < 0;
}
