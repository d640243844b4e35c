// SPDX-License-Identifier: Apache-2.0
// Makes calls with files in a root of its own, one after the other, and prints `CALL: ANSWER` for
// each. They are trapped, and the agent answers.
//
// usage: granted-caller -s SOCKET [-u] [-d FOLDER] ROOT CWD CALL...
//   -u   in a user namespace of its own
//   -d   opened before, and what `at` calls start at
// CALL is a name of `calls` below and what it takes, with single spaces in between.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "container.h"

enum { LIFE_SECONDS = 150, MOST_WORDS = 4 };

static int folder_fd = -1;

static void write_file(const char *path, const char *text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) fail(path);
  close(fd);
}

static void enter_user_namespace(void) {
  if (unshare(CLONE_NEWUSER) < 0) fail("make a user namespace");
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", "0 0 1");
  write_file("/proc/self/gid_map", "0 0 1");
}

// Paths below /proc/self exist only where a procfs is.
static void mount_proc_in(const char *root) {
  char place[512];
  snprintf(place, sizeof place, "%s/proc", root);
  if (access(place, F_OK) < 0) return;
  if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
      mount("/proc", place, NULL, MS_BIND | MS_REC, NULL) < 0)
    fail("mount the procfs");
}

// Of what was opened: 0, since numbers of descriptors say nothing.
static long closed(long fd) { return fd < 0 ? -1 : close((int)fd); }

static long open_with(const char *path, const char *resolve) {
  struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = strtoul(resolve, NULL, 16)};
  return syscall(SYS_openat2, folder_fd < 0 ? AT_FDCWD : folder_fd, path, &how, sizeof how);
}

static long make_call(char **words) {
  const char *name = words[0], *one = words[1], *other = words[2];
#define CALL(text, call) \
  if (strcmp(name, text) == 0) return call
  CALL("mkdir", mkdir(one, 0755));
  CALL("mkdir-at", mkdirat(folder_fd, one, 0755));
  CALL("mkfifo", mknod(one, S_IFIFO | 0600, 0));
  CALL("create", closed(open(one, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)));
  CALL("read", closed(open(one, O_RDONLY | O_CLOEXEC)));
  CALL("temporary", closed(open(one, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600)));
  CALL("open-with", closed(open_with(one, other)));
  CALL("chmod", chmod(one, 0700));
  CALL("chmod-folder", syscall(452 /* fchmodat2 */, folder_fd, "", 0700, AT_EMPTY_PATH));
  CALL("chown", chown(one, 0, 0));
  CALL("lchown", lchown(one, 0, 0));
  CALL("rename", rename(one, other));
  CALL("exchange", renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE));
  CALL("link", link(one, other));
  CALL("link-target", linkat(AT_FDCWD, one, AT_FDCWD, other, AT_SYMLINK_FOLLOW));
  CALL("symlink", symlink(one, other));
  CALL("unlink", unlink(one));
  CALL("rmdir", rmdir(one));
  CALL("set-attribute", setxattr(one, "user.x", "1", 1, 0));
  CALL("get-attribute", getxattr(one, "user.x", NULL, 0));
  CALL("list-attributes", listxattr(one, NULL, 0) < 0 ? -1 : 0);
  CALL("remove-attribute", removexattr(one, "user.x"));
#undef CALL
  errno = EINVAL;
  fail(name);
}

static void make_calls(char **calls) {
  for (; *calls != NULL; calls++) {
    char text[8192];
    char *words[MOST_WORDS + 1] = {NULL};
    snprintf(text, sizeof text, "%s", *calls);
    char *rest = text;
    for (int i = 0; i < MOST_WORDS && rest != NULL; i++) words[i] = strsep(&rest, " ");
    const long result = make_call(words);
    const int error = errno;
    if (result < 0)
      printf("%s: %s\n", *calls, answer_name(error));
    else
      printf("%s: %ld\n", *calls, result);
  }
}

int main(int argc, char **argv) {
  struct container container = {0};
  const char *folder = NULL;
  bool has_user_namespace = false;
  for (int letter; (letter = getopt(argc, argv, "s:ud:")) != -1;) {
    if (letter == 's')
      container.socket = optarg;
    else if (letter == 'u')
      has_user_namespace = true;
    else if (letter == 'd')
      folder = optarg;
    else
      return 2;
  }
  if (container.socket == NULL || argc - optind < 3) return 2;
  alarm(LIFE_SECONDS);
  umask(022);
  const int agent_fd = connect_agent(container.socket);
  if (has_user_namespace) enter_user_namespace();
  mount_proc_in(argv[optind]);
  if (chroot(argv[optind]) < 0 || chdir(argv[optind + 1]) < 0) fail("enter the root");
  if (folder != NULL && (folder_fd = open(folder, O_PATH | O_CLOEXEC)) < 0) fail(folder);
  static const long numbers[] = {
#ifdef __x86_64__
      SYS_mkdir,     SYS_mknod,       SYS_chmod,    SYS_chown,    SYS_lchown,    SYS_rename,
      SYS_link,      SYS_symlink,     SYS_unlink,   SYS_rmdir,    SYS_open,
#endif
      SYS_mkdirat,   SYS_mknodat,     SYS_fchmodat, SYS_fchownat, SYS_renameat2, SYS_linkat,
      SYS_symlinkat, SYS_unlinkat,    SYS_openat,   SYS_openat2,  SYS_setxattr,  SYS_getxattr,
      SYS_listxattr, SYS_removexattr, 452,
  };
  const int listener = load_filter(numbers, sizeof numbers / sizeof *numbers, false);
  send_listener(agent_fd, listener, &container);
  close(listener);
  close(agent_fd);
  make_calls(argv + optind + 2);
  return 0;
}
