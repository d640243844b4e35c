// SPDX-License-Identifier: Apache-2.0
// Makes calls in a container that is trapped already, and prints `CALL ANSWER` for each.
//
// usage: container-calls overlay FOLDER...
//        container-calls list FOLDER...
//        container-calls chown FOLDER UID GID
//        container-calls sysinfo
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/xattr.h>
#include <unistd.h>

static void say(const char *what, long result) {
  if (result < 0)
    printf("%s %s\n", what, strerrorname_np(errno));
  else
    printf("%s %ld\n", what, result);
}

static void say_value(const char *what, long length, const char *value) {
  say(what, length);
  if (length > 0) printf("%s is %.*s\n", what, (int)length, value);
}

static void say_names(const char *names, long length) {
  say("listxattr", length < 0 ? -1 : 0);
  for (const char *name = names; name < names + length; name += strlen(name) + 1)
    printf("listed %s\n", name);
}

static void mark(const char *folder) {
  const char *const name = "trusted.overlay.opaque";
  char value[256] = "";
  const int fd = open(folder, O_RDONLY | O_DIRECTORY);
  say("setxattr", setxattr(folder, name, "y", 1, XATTR_CREATE));
  say("setxattr again", setxattr(folder, name, "y", 1, XATTR_CREATE));
  say("fsetxattr", fsetxattr(fd, "trusted.overlay.redirect", "/a", 2, 0));
  say("setxattr other", setxattr(folder, "trusted.other", "y", 1, 0));
  say_value("getxattr", getxattr(folder, name, value, sizeof value), value);
  say("getxattr size", fgetxattr(fd, "trusted.overlay.redirect", NULL, 0));
  say("getxattr short", getxattr(folder, "trusted.overlay.redirect", value, 1));
  say("getxattr other", getxattr(folder, "trusted.other", value, sizeof value));
  say_names(value, listxattr(folder, value, sizeof value));
  say("removexattr", removexattr(folder, name));
  say("getxattr removed", getxattr(folder, name, value, sizeof value));
  close(fd);
}

static void say_owner(const char *path) {
  struct stat status;
  if (lstat(path, &status) < 0)
    say(path, -1);
  else
    printf("%s is of %u:%u\n", path, status.st_uid, status.st_gid);
}

// Of what is open, and nothing else has a name for it.
static void change_open_owners(uid_t uid, gid_t gid) {
  const int file = open("file", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  const int other = open("other", O_RDONLY | O_CLOEXEC);
  if (file < 0 || other < 0 || chroot(".") < 0) say("a root of our own", -1);
  say("fchown", fchown(file, uid, gid));
  say("fchown ours", fchown(file, getuid(), getgid()));
  say("fchown other", fchown(other, uid, gid));
  say("fchown path", fchown(open("file", O_PATH | O_CLOEXEC), uid, gid));
  say("fchown directory", fchown(AT_FDCWD, uid, gid));
  say("fchown closed", fchown(-1, uid, gid));
  say("chown by proc", chown("/proc/self/fd/3", uid, gid));
  say_owner("file");
  say_owner("other");
}

// In a folder that is ours.
static void change_owners(uid_t uid, gid_t gid) {
  const int file = open("file", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (symlink("nothing", "link") < 0) say("symlink", -1);
  say("chown", chown("file", uid, gid));
  say("lchown", lchown("link", uid, gid));
  say("fchownat", fchownat(AT_FDCWD, "link", uid, gid, AT_SYMLINK_NOFOLLOW));
  say("fchown", fchown(file, uid, gid));
  say("fchown closed", fchown(file + 1, uid, gid));
  say("fchownat empty", fchownat(file, "", uid, gid, AT_EMPTY_PATH));
  say("fchownat flags", fchownat(AT_FDCWD, "file", uid, gid, 0x10));
  say("chown nothing", chown("nothing", uid, gid));
  say("chown link to nothing", chown("link", uid, gid));
  say_owner("file");
  say_owner("link");
  close(file);
}

static int show_machine(void) {
  struct sysinfo info;
  memset(&info, 0x5a, sizeof info);
  if (sysinfo(&info) < 0) {
    say("sysinfo", -1);
    return 1;
  }
  printf("sysinfo: up %ld s, %u processes, %llu of %llu bytes free, swap %llu of %llu\n",
         info.uptime, info.procs, (unsigned long long)info.freeram * info.mem_unit,
         (unsigned long long)info.totalram * info.mem_unit,
         (unsigned long long)info.freeswap * info.mem_unit,
         (unsigned long long)info.totalswap * info.mem_unit);
  return 0;
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  const char *const mode = argc > 1 ? argv[1] : "";
  if (strcmp(mode, "overlay") == 0) {
    for (int i = 2; i < argc; i++) mark(argv[i]);
    return 0;
  }
  if (strcmp(mode, "list") == 0) {
    char names[4096] = "";
    for (int i = 2; i < argc; i++) say_names(names, listxattr(argv[i], names, sizeof names));
    return 0;
  }
  if ((strcmp(mode, "chown") == 0 || strcmp(mode, "fchown") == 0) && argc == 5) {
    if (chdir(argv[2]) < 0) return 1;
    const bool is_open = strcmp(mode, "fchown") == 0;
    (is_open ? change_open_owners : change_owners)((uid_t)atoi(argv[3]), (gid_t)atoi(argv[4]));
    return 0;
  }
  if (strcmp(mode, "sysinfo") == 0) return show_machine();
  return 2;
}
