// SPDX-License-Identifier: Apache-2.0
// Changes what overlays have in a lower layer on a tmpfs: they copy it into memory first, with all
// of its extended attributes and those of the folders above it.
//
// usage: copied-attributes SOCKET FOLDER ATTRIBUTES COUNT WAY
//   FOLDER is uid 1000's. ATTRIBUTES of 64 KiB each, which the kernel keeps in twice as much, are
//   copied COUNT times at most, by
//     file    chown of a file that has them
//     folder  mkdir in a folder that has them
//     above   chown of a file in such a folder
//     bound   mkdir in a folder of such a folder, where it is bound elsewhere
//     root    mkdir in a folder of such a folder, which is the caller's root
//     unseen  chown of a file whose attributes only root sees, on an overlay that root has mounted
// Prints `COUNT OK`, or `COUNT ERRNONAME` for the first one that fails, and waits for the end of
// its standard input.
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "container.h"

enum { USER = 1000, PATH = 128, VALUE = 65536 };

static bool is_way(const char *way, const char *name) { return strcmp(way, name) == 0; }

static void write_file(const char *path, const char *text) {
  const int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) fail(path);
  close(fd);
}

static void make_folder(const char *path) {
  if (mkdir(path, 0755) < 0) fail(path);
}

static void become_user(void) {
  if (setgroups(0, NULL) < 0 || setresgid(USER, USER, USER) < 0 || setresuid(USER, USER, USER) < 0)
    fail("become a user");
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static void enter_user_namespace(int others) {
  if (unshare(CLONE_NEWUSER | others) < 0) fail("unshare");
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", "0 1000 1");
  write_file("/proc/self/gid_map", "0 1000 1");
}

static void mount_tmpfs(void) {
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("keep mounts private");
  if (mount("all", ".", "tmpfs", 0, "nr_inodes=0,size=4g") < 0) fail("mount a tmpfs");
}

static void set_attributes(const char *path, const char *kind, int count) {
  static char value[VALUE];
  for (int i = 0; i < count; i++) {
    char name[PATH];
    snprintf(name, sizeof name, "%s.%d", kind, i);
    if (setxattr(path, name, value, sizeof value, 0) < 0) fail("set an attribute");
  }
}

static void make_lower(const char *way, int attributes) {
  make_folder("lower");
  make_folder("lower/a");
  make_folder("lower/a/b");
  write_file("lower/a/file", "");
  const bool is_file = is_way(way, "file") || is_way(way, "unseen");
  const char *kind = is_way(way, "unseen") ? "trusted" : "user";
  set_attributes(is_file ? "lower/a/file" : "lower/a", kind, attributes);
  if (chown("lower/a/file", USER, USER) < 0 && errno != EINVAL) fail("give a file away");
}

static void mount_overlays(int count, const char *others) {
  for (int i = 0; i < count; i++) {
    char name[PATH];
    char options[2 * PATH];
    for (const char *kind = "uwm"; *kind != '\0'; kind++) {
      snprintf(name, sizeof name, "%c%d", *kind, i);
      make_folder(name);
    }
    snprintf(options, sizeof options, "lowerdir=lower,upperdir=u%d,workdir=w%d%s", i, i, others);
    if (mount("overlay", name, "overlay", 0, options) < 0) fail("mount an overlay");
  }
}

static int make_below(const char *root) {
  const int own = open("/", O_PATH | O_CLOEXEC);
  const int folder = open(".", O_PATH | O_CLOEXEC);
  if (own < 0 || folder < 0 || chroot(root) < 0) fail("change the root");
  const int made = mkdir("/new", 0755);
  const int error = errno;
  if (fchdir(own) < 0 || chroot(".") < 0 || fchdir(folder) < 0) fail("come back");
  close(own);
  close(folder);
  errno = error;
  return made;
}

static int change(const char *way, int i) {
  char path[PATH];
  snprintf(path, sizeof path, "m%d/a/b", i);
  if (is_way(way, "root")) return make_below(path);
  if (is_way(way, "bound")) {
    if (mount(path, "lower/a/b", NULL, MS_BIND, NULL) < 0) fail("bind a folder");
    return mkdir("lower/a/b/new", 0755);
  }
  snprintf(path, sizeof path, is_way(way, "folder") ? "m%d/a/new" : "m%d/a/file", i);
  return is_way(way, "folder") ? mkdir(path, 0755) : chown(path, 0, 0);
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  const struct container container = {.socket = argv[1]};
  const int attributes = atoi(argv[3]);
  const int count = atoi(argv[4]);
  const char *way = argv[5];
  const bool is_unseen = is_way(way, "unseen");
  const int agent_fd = connect_agent(container.socket);
  if (is_unseen && unshare(CLONE_NEWNS) < 0) fail("unshare");
  if (!is_unseen) become_user();
  if (!is_unseen) enter_user_namespace(CLONE_NEWNS);
  if (chdir(argv[2]) < 0) fail("enter the folder");
  mount_tmpfs();
  if (chdir(argv[2]) < 0) fail("enter the folder");
  make_lower(way, attributes);
  mount_overlays(count, is_unseen ? "" : ",userxattr");
  if (is_unseen) become_user();
  if (is_unseen) enter_user_namespace(0);
  const long numbers[] = {
      __NR_fchownat,
      __NR_mkdirat,
#ifdef __NR_chown
      __NR_chown,
      __NR_mkdir,
#endif
  };
  const int listener = load_filter(numbers, sizeof numbers / sizeof *numbers, true);
  send_listener(agent_fd, listener, &container);
  close(listener);
  close(agent_fd);
  int done = 0;
  int error = 0;
  for (; done < count && error == 0; done++) {
    if (change(way, done) < 0) error = errno;
    if (error != 0) break;
  }
  printf("%d %s\n", done, answer_name(error));
  fflush(stdout);
  char byte;
  return read(STDIN_FILENO, &byte, 1) < 0;
}
