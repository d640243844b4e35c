// SPDX-License-Identifier: Apache-2.0
// Callers whose memory others may not look at: not dumpable, set-uid, of a program that nobody may
// read. Each makes a directory and asks for sysinfo(2), and prints what that came to.
//
// usage: guarded-caller -s SOCKET [-b BUNDLE] WAY FOLDER
// where WAY is plain, undumpable, set-uid or unreadable. The caller is the user 1000, and with
// set-uid its effective user is root.
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>

#include "container.h"

enum { LIFE_SECONDS = 150, SOMEBODY = 1000 };

static void call(const char *folder) {
  char path[512];
  snprintf(path, sizeof path, "%s/made", folder);
  const long made = make_directory(path);
  printf("mkdir %s\n", answer_name(made == -1 ? errno : 0));
  static unsigned char info[sizeof(struct sysinfo)];
  const long asked = syscall(SYS_sysinfo, info);
  const char *answer = answer_name(asked == -1 ? errno : 0);
  printf("sysinfo %s, dumpable %d, uid %d\n", answer, prctl(PR_GET_DUMPABLE), geteuid());
  printf("result %s\n", info[0] == 0x5a && info[sizeof info - 1] == 0x5a ? "whole" : "not there");
  fflush(stdout);
}

_Noreturn static void execute_copy(const char *folder) {
  char path[512];
  snprintf(path, sizeof path, "%s/program", folder);
  char *const argv[] = {path, "called", (char *)folder, NULL};
  char *const none[] = {NULL};
  execve(path, argv, none);
  fail("execute the copy");
}

static void copy_program(const char *folder, mode_t mode) {
  char path[512], bytes[65536];
  snprintf(path, sizeof path, "%s/program", folder);
  const int from = open("/proc/self/exe", O_RDONLY);
  const int into = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0700);
  for (ssize_t got; (got = read(from, bytes, sizeof bytes)) > 0;) {
    if (write(into, bytes, (size_t)got) != got) fail("copy the program");
  }
  if (fchmod(into, mode) < 0) fail("set the mode");
  close(from);
  close(into);
}

int main(int argc, char **argv) {
  alarm(LIFE_SECONDS);
  if (argc == 3 && strcmp(argv[1], "called") == 0) {
    call(argv[2]);
    return 0;
  }
  struct container container = {.wait_killable = true};
  for (int letter; (letter = getopt(argc, argv, "s:b:")) != -1;) {
    if (letter == 's')
      container.socket = optarg;
    else if (letter == 'b')
      container.bundle = optarg;
    else
      return 2;
  }
  if (optind + 2 != argc || container.socket == NULL) return 2;
  const char *way = argv[optind], *folder = argv[optind + 1];
  const bool is_set_uid = strcmp(way, "set-uid") == 0;
  const bool is_executed = is_set_uid || strcmp(way, "unreadable") == 0;
  const mode_t mode = is_set_uid ? 04755 : 0111;
  if (is_executed) copy_program(folder, mode);
  static const long numbers[] = {MAKE_DIRECTORY_NUMBER, SYS_sysinfo};
  close(enter_container(&container, numbers, 2));
  if (setgroups(0, NULL) < 0 || setresgid(SOMEBODY, SOMEBODY, SOMEBODY) < 0 ||
      setresuid(SOMEBODY, SOMEBODY, SOMEBODY) < 0)
    fail("become somebody");
  if (is_executed) execute_copy(folder);
  if (prctl(PR_SET_DUMPABLE, strcmp(way, "undumpable") != 0) < 0) fail("be dumpable or not");
  call(folder);
  return 0;
}
