// SPDX-License-Identifier: Apache-2.0
// mount(2) and nothing else; busybox's mount asks for a loop device before it mounts a file.
//
// usage: mount-call TYPE SOURCE TARGET
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  if (mount(argv[2], argv[3], argv[1], MS_RDONLY, NULL) == 0) return 0;
  printf("mount-call: %s\n", strerror(errno));
  return 1;
}
