// SPDX-License-Identifier: Apache-2.0
// Changes lengths and times of files, one call after the other, and prints `CALL ANSWER` for each.
//
// usage: cutter CALL...
//   truncate:PATH:LENGTH   utimensat:PATH:SECONDS (both times; now: UTIME_NOW)   limit:RLIMIT_FSIZE
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int set_times(const char *path, const char *seconds) {
  struct timespec time = {.tv_sec = atol(seconds)};
  if (strcmp(seconds, "now") == 0) time.tv_nsec = UTIME_NOW;
  const struct timespec times[] = {time, time};
  return utimensat(AT_FDCWD, path, times, 0);
}

static int limit_size(const char *bytes) {
  const rlim_t limit = strtoul(bytes, NULL, 10);
  return setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit, limit});
}

static int make_call(char *text) {
  const char *const name = strsep(&text, ":");
  const char *const first = strsep(&text, ":");
  if (first == NULL) exit(2);
  if (strcmp(name, "limit") == 0) return limit_size(first);
  if (text == NULL) exit(2);
  if (strcmp(name, "truncate") == 0) return truncate(first, atol(text));
  if (strcmp(name, "utimensat") == 0) return set_times(first, text);
  exit(2);
}

int main(int argc, char **argv) {
  signal(SIGXFSZ, SIG_IGN);
  for (int i = 1; i < argc; i++) {
    char *const text = strdup(argv[i]);
    const int result = make_call(text);
    printf("%s %s\n", argv[i], result == 0 ? "OK" : strerrorname_np(errno));
    free(text);
  }
  return 0;
}
