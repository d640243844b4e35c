// SPDX-License-Identifier: Apache-2.0
// A container that closes what it has opened and goes on with what takes that nobody else has it
// open.
//
// usage: closing-caller [-s SOCKET] [-b BUNDLE] [-k] FOLDER COUNT MODE
//   MODE  exec: a program that was just written; flock: a file that was locked; umount: a file
//         system with a file that was opened; dirfd: one whose directory something was removed in
// Prints how many were refused: ETXTBSY, EWOULDBLOCK, EBUSY.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "container.h"

enum { LIFE_SECONDS = 100, BUSY = 99, OTHER = 98 };

static const long numbers[] = {
#ifdef __x86_64__
    SYS_open,
#endif
    SYS_openat, SYS_unlinkat};

static bool execute_new(void) {
  static const char program[] = "#!/bin/true\n";
  const int file = open("program", O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0755);
  if (file < 0) fail("make a program");
  if (write(file, program, sizeof program - 1) != sizeof program - 1) fail("write a program");
  close(file);
  const pid_t child = vfork();
  if (child == 0) {
    execl("program", "program", NULL);
    _exit(errno == ETXTBSY ? BUSY : OTHER);
  }
  int status;
  if (child < 0 || waitpid(child, &status, 0) < 0) fail("execute a program");
  if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != BUSY))
    fail("execute what was written");
  unlink("program");
  return WEXITSTATUS(status) == BUSY;
}

static bool lock_again(void) {
  const int file = open("locked", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (file < 0) fail("open a file");
  const bool is_refused = flock(file, LOCK_EX | LOCK_NB) < 0;
  if (is_refused && errno != EWOULDBLOCK) fail("lock a file");
  close(file);
  return is_refused;
}

static bool unmount(void) {
  const bool is_refused = umount("mounted") < 0;
  if (!is_refused) return false;
  if (errno != EBUSY || umount2("mounted", MNT_DETACH) < 0) fail("unmount");
  return true;
}

static void mount_anew(void) {
  if (mount("none", "mounted", "tmpfs", 0, "size=64k") < 0) fail("mount");
}

static bool unmount_opened(void) {
  mount_anew();
  const int file = open("mounted/file", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (file < 0) fail("open a file");
  close(file);
  return unmount();
}

static bool unmount_directory(void) {
  mount_anew();
  if (mknod("mounted/file", S_IFREG | 0600, 0) < 0) fail("make a file");
  const int directory = open("mounted", O_RDONLY | O_DIRECTORY);
  if (directory < 0 || unlinkat(directory, "file", 0) < 0) fail("remove a file");
  close(directory);
  return unmount();
}

static const struct {
  const char *name;
  bool (*is_refused)(void);
} modes[] = {
    {"exec", execute_new},
    {"flock", lock_again},
    {"umount", unmount_opened},
    {"dirfd", unmount_directory},
};

static void use_mode(const char *mode, int count) {
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    if (strcmp(modes[i].name, mode) != 0) continue;
    int refused = 0;
    for (int round = 0; round < count; round++) refused += modes[i].is_refused();
    printf("%d\n", refused);
    return;
  }
  exit(2);
}

int main(int argc, char **argv) {
  struct container container = {0};
  for (int letter; (letter = getopt(argc, argv, "s:b:k")) != -1;) {
    if (letter == 's')
      container.socket = optarg;
    else if (letter == 'b')
      container.bundle = optarg;
    else if (letter == 'k')
      container.wait_killable = true;
    else
      return 2;
  }
  if (optind + 3 != argc) return 2;
  alarm(LIFE_SECONDS);
  if (chdir(argv[optind]) < 0) fail("enter the folder");
  if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
    fail("leave the mount namespace");
  if (mkdir("mounted", 0755) < 0 && errno != EEXIST) fail("make a mount point");
  if (container.socket != NULL)
    close(enter_container(&container, numbers, sizeof numbers / sizeof *numbers));
  use_mode(argv[optind + 2], atoi(argv[optind + 1]));
  return 0;
}
