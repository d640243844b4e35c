// SPDX-License-Identifier: Apache-2.0
// Mounts an image that is in its root, as a user without any rights, and reads a file of it.
//
// usage: image-caller -s SOCKET ROOT SOURCE TARGET TYPE FILE
//   ROOT    becomes its root, in a mount namespace of its own; the others are paths in there
// Prints `mount ANSWER`, and if it is OK `read TEXT` and the line of mountinfo behind its root.
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>

#include "container.h"

enum { LIFE_SECONDS = 150, USER = 1000 };

static void become_user(void) {
  if (setgroups(0, NULL) < 0 || setresgid(USER, USER, USER) < 0 || setresuid(USER, USER, USER) < 0)
    fail("become a user");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0)
    fail("give up rights");
}

static void say_mount(const char *target) {
  char line[4096];
  FILE *mounts = fopen("/proc/self/mountinfo", "r");
  if (mounts == NULL) fail("read the mounts");
  while (fgets(line, sizeof line, mounts) != NULL) {
    char *at = strstr(line, target);
    if (at != NULL && at[-1] == ' ' && at[strlen(target)] == ' ') printf("%s", at);
  }
  fclose(mounts);
}

int main(int argc, char **argv) {
  struct container container = {0};
  for (int letter; (letter = getopt(argc, argv, "s:")) != -1;) {
    if (letter != 's') return 2;
    container.socket = optarg;
  }
  if (container.socket == NULL || optind + 5 != argc) return 2;
  char **words = argv + optind;
  alarm(LIFE_SECONDS);
  const int agent_fd = connect_agent(container.socket);
  if (unshare(CLONE_NEWNS) < 0) fail("make a mount namespace");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("make all mounts private");
  if (mount(words[0], words[0], NULL, MS_BIND, NULL) < 0) fail("mount the root");
  if (chdir(words[0]) < 0 || mount("proc", "proc", "proc", 0, NULL) < 0) fail("mount proc");
  if (chroot(".") < 0) fail("change the root");
  static const long numbers[] = {SYS_mount};
  const int listener = load_filter(numbers, 1, false);
  send_listener(agent_fd, listener, &container);
  close(listener);
  close(agent_fd);
  become_user();
  const long result = mount(words[1], words[2], words[3], MS_RDONLY, NULL);
  printf("mount %s\n", answer_name(result == -1 ? errno : 0));
  if (result == -1) return 0;
  char text[256] = "";
  const int fd = open(words[4], O_RDONLY | O_CLOEXEC);
  if (fd < 0 || read(fd, text, sizeof text - 1) < 0) fail("read the file");
  printf("read %s\n", text);
  say_mount(words[2]);
  return 0;
}
