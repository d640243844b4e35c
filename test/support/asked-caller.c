// SPDX-License-Identifier: Apache-2.0
// A container that makes the calls it is told to on stdin, and says what each gave and how long it
// took: `ANSWER NANOSECONDS`, where the answer is the number that was returned or an errno's name.
//
// usage: asked-caller -s SOCKET [-m METADATA] [-i ID] [-k OCI_BUNDLE] [-u UID]
//   -k  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, as the bundle's profile says
// Lines of stdin:
//   getpgid NUMBER
//   getppid
//   mkdir PATH
//   open PATH      for reading; it returns 0
//   exit
#define _GNU_SOURCE
#include <fcntl.h>

#include "container.h"

enum { LIFE_SECONDS = 100, MOST_BYTES = 8192 };

static long make_call(char *line) {
  char *rest = line;
  const char *name = strsep(&rest, " ");
  if (strcmp(name, "getpgid") == 0) return syscall(__NR_getpgid, atol(rest));
  if (strcmp(name, "getppid") == 0) return syscall(__NR_getppid);
  if (strcmp(name, "mkdir") == 0) return make_directory(rest);
  if (strcmp(name, "open") == 0) {
    const int fd = open(rest, O_RDONLY);
    return fd < 0 ? fd : close(fd);
  }
  exit(strcmp(name, "exit") == 0 ? 0 : 2);
}

int main(int argc, char **argv) {
  struct container container = {0};
  uid_t user = 0;
  for (int letter; (letter = getopt(argc, argv, "s:m:i:k:u:")) != -1;) {
    if (letter == 's')
      container.socket = optarg;
    else if (letter == 'm')
      container.metadata = optarg;
    else if (letter == 'i')
      container.id = optarg;
    else if (letter == 'k')
      container.wait_killable = true, container.bundle = optarg;
    else if (letter == 'u')
      user = (uid_t)atol(optarg);
    else
      return 2;
  }
  if (container.socket == NULL || optind != argc) return 2;
  alarm(LIFE_SECONDS);
  // without rights a filter needs this
  if (user != 0 && (setresuid(user, user, user) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0))
    fail("become the user");
  static const long numbers[] = {MAKE_DIRECTORY_NUMBER, __NR_getpgid, __NR_getppid, __NR_openat};
  close(enter_container(&container, numbers, sizeof numbers / sizeof *numbers));

  static char line[MOST_BYTES];
  while (fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    const uint64_t began_ns = now_ns();
    errno = 0;
    const long result = make_call(line);
    const int error = errno;
    const uint64_t took_ns = now_ns() - began_ns;
    if (result == -1)
      printf("%s %lu\n", answer_name(error), took_ns);
    else
      printf("%ld %lu\n", result, took_ns);
    fflush(stdout);
  }
  return 0;
}
