// SPDX-License-Identifier: Apache-2.0
// Makes and removes directories all the time, and with "waits" waits for the other end of a FIFO
// meanwhile:
//
//   paused-caller FOLDER [waits]
//
// runs until there is FOLDER/stop; then it opens the other end. Its last line is "done"; a line
// before that says what has failed.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAKERS = 2 };

static void expect(int is_right, const char* what) {
  if (!is_right) printf("%s: %s\n", what, strerror(errno));
}

static void* make(void* name) {
  while (access("stop", F_OK) < 0) {
    expect(mkdir(name, 0755) == 0, "mkdir");
    expect(rmdir(name) == 0, "rmdir");
  }
  return NULL;
}

static void* wait_for_writer(void* unused) {
  (void)unused;
  const int fifo = open("fifo", O_RDONLY);
  expect(fifo >= 0, "open for reading");
  char word = 0;
  expect(read(fifo, &word, 1) == 1 && word == 'w', "read");
  return NULL;
}

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IONBF, 0);
  if (argc < 2 || chdir(argv[1]) < 0 || mkfifo("fifo", 0600) < 0) return 2;
  static char names[MAKERS][2] = {"a", "b"};
  pthread_t makers[MAKERS];
  pthread_t reader;
  const int waits = argc > 2;
  if (waits) pthread_create(&reader, NULL, wait_for_writer, NULL);
  for (int at = 0; at < MAKERS; at++) pthread_create(&makers[at], NULL, make, names[at]);
  for (int at = 0; at < MAKERS; at++) pthread_join(makers[at], NULL);
  if (waits) {
    const int fifo = open("fifo", O_WRONLY);
    expect(fifo >= 0 && write(fifo, "w", 1) == 1, "write");
    pthread_join(reader, NULL);
  }
  puts("done");
  return 0;
}
