// SPDX-License-Identifier: Apache-2.0
// Has the ids of a copy of a mount mapped by the user namespace of a child, without CAP_SYS_ADMIN
// in effect, and prints what came of it.
//
// usage: idmap-caller [-o] FOLDER, which is a mount point; the copy is descriptor 100.
//   -o  without CAP_CHOWN, too: the caller is not the owner of all files
// Lines `native RESULT ERRNONAME` for what the kernel says alone, `agent …` for fchmod(2) on the
// user namespace, which the agent answers, and `owner UID` of the copy's root then.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TREE = 100, MAPPED = 100000 };

static void fail(const char *what) {
  fprintf(stderr, "idmap-caller: cannot %s: %s\n", what, strerror(errno));
  exit(1);
}

static void report(const char *name, long result) {
  dprintf(STDOUT_FILENO, "%s %ld %s\n", name, result, result == -1 ? strerrorname_np(errno) : "OK");
}

static int in_user_namespace(void *argument) {
  (void)argument;
  pause();
  return 0;
}

static void write_map(pid_t pid, const char *file) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || dprintf(fd, "0 %d 65536", MAPPED) < 0) fail("write a map");
  close(fd);
}

static int make_user_namespace(pid_t *child) {
  static char stack[1 << 14];
  *child = clone(in_user_namespace, stack + sizeof stack, CLONE_NEWUSER | SIGCHLD, NULL);
  if (*child < 0) fail("make a user namespace");
  write_map(*child, "uid_map");
  write_map(*child, "gid_map");
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/user", *child);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail("open the user namespace");
  return fd;
}

static void lower(uint32_t capabilities) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) < 0) fail("read Linux capabilities");
  data[0].effective &= ~capabilities;
  if (syscall(SYS_capset, &header, data) < 0) fail("lower Linux capabilities");
}

int main(int argc, char **argv) {
  const bool is_no_owner = argc == 3 && strcmp(argv[1], "-o") == 0;
  if (argc != (is_no_owner ? 3 : 2)) return 2;
  const int tree =
      (int)syscall(SYS_open_tree, AT_FDCWD, argv[argc - 1], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (tree < 0 || dup3(tree, TREE, O_CLOEXEC) < 0) fail("copy the mount");
  pid_t child;
  const int space = make_user_namespace(&child);
  lower(1u << CAP_SYS_ADMIN | (is_no_owner ? 1u << CAP_CHOWN : 0));
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)space};
  report("native",
         syscall(SYS_mount_setattr, TREE, "", AT_EMPTY_PATH, &attributes, sizeof attributes));
  report("agent", fchmod(space, 0));
  struct stat found;
  if (fstat(TREE, &found) < 0) fail("look at the copy");
  dprintf(STDOUT_FILENO, "owner %u\n", found.st_uid);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  return 0;
}
