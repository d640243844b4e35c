// SPDX-License-Identifier: Apache-2.0
// Changes files by paths whose folder another thread exchanges for a symbolic link to a folder that
// is to be kept, all the time.
//
// usage: path-racer RACES KEPT FREE
//   KEPT   holds the file `file`; a link to it is put in place of a folder of FREE
// Prints `done COUNT`, `refused COUNT` (EROFS) and `other ERRNO COUNT` of all calls.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ERRNOS = 4096 };

static atomic_bool is_over;
static unsigned long answers[ERRNOS];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void count(long result) { ++answers[result == -1 ? errno : 0]; }

static void *flip(void *unused) {
  (void)unused;
  while (!atomic_load(&is_over))
    if (syscall(SYS_renameat2, AT_FDCWD, "way", AT_FDCWD, "other", 2 /* RENAME_EXCHANGE */) == -1)
      fail("renameat2");
  return NULL;
}

static void open_new(const char *path, int flags) {
  const int fd = open(path, flags | O_CLOEXEC, 0666);
  count(fd);
  if (fd == -1) return;
  if ((flags & O_ACCMODE) != O_RDONLY) (void)!write(fd, "new", 3);
  if ((flags & O_ACCMODE) == O_RDONLY) count(fchmod(fd, 0666));
  close(fd);
}

static void race(unsigned long number) {
  char name[64];
  snprintf(name, sizeof name, "way/new-%lu", number);
  switch (number % 12) {
    case 0: count(chmod("way/file", 0666)); break;
    case 1: count(truncate("way/file", 1)); break;
    case 2: count(mkdir(name, 0777)); break;
    case 3: count(symlink("nowhere", name)); break;
    case 4: count(link("free-file", name)); break;
    case 5: count(link("way/file", "linked")); unlink("linked"); break;
    case 6: open_new(name, O_CREAT | O_WRONLY); break;
    case 7: open_new("way/file", O_WRONLY | O_APPEND); break;
    case 8: open_new("way/file", O_RDONLY); break;
    case 9: open_new("way/same", O_CREAT | O_WRONLY | O_TRUNC); break;
    case 10: count(unlink("way/spare")); break;
    default: open_new(name, O_CREAT | O_EXCL | O_WRONLY); break;
  }
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  const unsigned long races = strtoul(argv[1], NULL, 10);
  if (chdir(argv[3]) == -1 || mkdir("way", 0755) == -1 || symlink(argv[2], "other") == -1)
    fail("set up");
  const int file = open("way/file", O_CREAT | O_WRONLY, 0644);
  if (file == -1 || close(file) == -1) fail("file");
  const int free_file = open("free-file", O_CREAT | O_WRONLY, 0644);
  if (free_file == -1 || close(free_file) == -1) fail("free-file");
  pthread_t flipper;
  if (pthread_create(&flipper, NULL, flip, NULL) != 0) fail("thread");
  for (unsigned long number = 0; number < races; ++number) race(number);
  atomic_store(&is_over, true);
  pthread_join(flipper, NULL);
  printf("done %lu\nrefused %lu\n", answers[0], answers[EROFS]);
  for (int error = 1; error < ERRNOS; ++error)
    if (error != EROFS && answers[error] > 0) printf("other %d %lu\n", error, answers[error]);
  return 0;
}
