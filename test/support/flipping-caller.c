// SPDX-License-Identifier: Apache-2.0
// Makes a directory again and again while another thread changes its name, one byte of it, without
// a pause: from `a` to `f` and back.
//
// usage: flipping-caller -s SOCKET [-m METADATA] [-n CALLS] [-f] FOLDER
//   -n   and more, until both names came in a hundredth of these: a thread that is off its processor
//        leaves one of them for many calls
//   -f   each call is made by a child of vfork(2), which shares our memory
// Prints `answer ANSWER COUNT` for each answer and `forbidden COUNT`: how often a directory was
// there whose name begins with f.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "container.h"

enum { LIFE_SECONDS = 150, ERRNOS = 4096 };

static char path[4096];
static char *volatile initial;
static atomic_bool is_over;

static void *flip(void *unused) {
  (void)unused;
  while (!atomic_load(&is_over)) {
    for (int i = 0; i < 1000; i++) {
      *(volatile char *)initial = 'f';
      *(volatile char *)initial = 'a';
    }
  }
  return NULL;
}

static int call(void) { return make_directory(path) < 0 ? errno : 0; }

static int call_in_child(void) {
  volatile int error = 0;
  const pid_t child = vfork();
  if (child < 0) fail("vfork");
  if (child == 0) {
    error = call();
    _exit(0);
  }
  if (waitpid(child, NULL, 0) < 0) fail("wait for the child");
  return error;
}

int main(int argc, char **argv) {
  struct container container = {0};
  unsigned long calls = 1000;
  bool in_child = false;
  for (int letter; (letter = getopt(argc, argv, "s:m:n:f")) != -1;) {
    if (letter == 's')
      container.socket = optarg;
    else if (letter == 'm')
      container.metadata = optarg;
    else if (letter == 'n')
      calls = strtoul(optarg, NULL, 10);
    else if (letter == 'f')
      in_child = true;
    else
      return 2;
  }
  if (container.socket == NULL || optind + 1 != argc) return 2;
  alarm(LIFE_SECONDS);
  const char *folder = argv[optind];
  char allowed[4096], forbidden[4096];
  snprintf(allowed, sizeof allowed, "%s/a-name", folder);
  snprintf(forbidden, sizeof forbidden, "%s/f-name", folder);
  strcpy(path, allowed);
  initial = path + strlen(folder) + 1;
  static const long numbers[] = {MAKE_DIRECTORY_NUMBER};
  close(enter_container(&container, numbers, 1));

  pthread_t flipper;
  if (pthread_create(&flipper, NULL, flip, NULL) != 0) fail("start a thread");
  static unsigned long answers[ERRNOS];
  unsigned long forbidden_count = 0;
  const unsigned long least = calls / 100;
  for (unsigned long i = 0; i < calls || answers[0] < least || answers[EACCES] < least; i++) {
    answers[in_child ? call_in_child() : call()]++;
    rmdir(allowed);
    forbidden_count += rmdir(forbidden) == 0;
  }
  atomic_store(&is_over, true);
  pthread_join(flipper, NULL);
  for (int error = 0; error < ERRNOS; error++) {
    if (answers[error] > 0) printf("answer %s %lu\n", answer_name(error), answers[error]);
  }
  printf("forbidden %lu\n", forbidden_count);
  return 0;
}
