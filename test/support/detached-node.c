// SPDX-License-Identifier: Apache-2.0
// Makes a device node where nobody can mount anything: in a nodev file system that is not mounted
// any more, but is still the working directory.
//
// usage: detached-node -s SOCKET FOLDER
// Prints `ANSWER` of the call and whether there is something with the name: `left` or `none`. It
// must not have CAP_MKNOD.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "container.h"

enum { LIFE_SECONDS = 150 };

int main(int argc, char **argv) {
  struct container container = {.wait_killable = true};
  for (int letter; (letter = getopt(argc, argv, "s:")) != -1;) {
    if (letter != 's') return 2;
    container.socket = optarg;
  }
  if (container.socket == NULL || optind + 1 != argc) return 2;
  if (prctl(PR_CAPBSET_READ, CAP_MKNOD) != 0) return 2;
  alarm(LIFE_SECONDS);
  const char *folder = argv[optind];
  if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
      mount("none", folder, "tmpfs", MS_NODEV, NULL) < 0 || chdir(folder) < 0 ||
      umount2(folder, MNT_DETACH) < 0)
    fail("mount a file system");
  static const long numbers[] = {SYS_mknodat};
  close(enter_container(&container, numbers, 1));
  const long made = mknodat(AT_FDCWD, "node", S_IFCHR | 0666, makedev(1, 3));
  const char *const answer = answer_name(made < 0 ? errno : 0);
  struct stat found;
  const int missing = fstatat(AT_FDCWD, "node", &found, AT_SYMLINK_NOFOLLOW);
  printf("%s %s\n", answer, missing == 0 ? "left" : "none");
  return 0;
}
