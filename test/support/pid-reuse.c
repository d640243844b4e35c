// SPDX-License-Identifier: Apache-2.0
// Kills a container in the middle of its mkdir, and makes a new process under the very same pid,
// with another root and another working directory.
//
// usage: pid-reuse -s SOCKET [-m METADATA] -o ROOT -r ROOT [-n ROUNDS] [-d US] [-w MS]
//   -o   the containers have their root and working directory there
//   -r   the new processes have theirs there
//   -d   how long after the call's start the container is killed; the delay of each round is a
//        random one up to this with -n of more than 1
//   -w   how long each new process lives (0)
// Prints `reused COUNT`: how many new processes had the pid.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "container.h"

enum { LIFE_SECONDS = 150 };

static struct container container;

static void enter_root(const char *root) {
  if (chdir(root) < 0 || chroot(".") < 0) fail("change the root");
}

// The container: makes directories of names that nobody else uses, relative and absolute.
_Noreturn static void be_container(const char *root, int ready) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  static const long numbers[] = {MAKE_DIRECTORY_NUMBER};
  close(enter_container(&container, numbers, 1));
  enter_root(root);
  if (write(ready, "", 1) != 1) fail("say that the container is ready");
  for (unsigned i = 0;; i++)
    make_directory(i % 2 == 0 ? "seccompagent-reused" : "/seccompagent-reused");
}

static pid_t clone_with_pid(pid_t pid) {
  struct clone_args arguments = {.exit_signal = SIGCHLD,
                                 .set_tid = pid > 0 ? (uintptr_t)&pid : 0,
                                 .set_tid_size = pid > 0 ? 1 : 0};
  return (pid_t)syscall(__NR_clone3, &arguments, sizeof arguments);
}

static bool run_round(const char *own_root, const char *root, uint64_t delay_ns, uint64_t life_ns) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) < 0) fail("make a pipe");
  const pid_t first = clone_with_pid(0);
  if (first < 0) fail("start the container");
  if (first == 0) be_container(own_root, ready[1]);
  close(ready[1]);
  char byte;
  if (read(ready[0], &byte, 1) != 1) fail("hear that the container is ready");
  close(ready[0]);
  sleep_ns(delay_ns);
  kill(first, SIGKILL);
  if (waitpid(first, NULL, 0) != first) fail("wait for the container");

  const pid_t second = clone_with_pid(first);
  if (second < 0) return false;
  if (second == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    enter_root(root);
    sleep_ns(life_ns);
    _exit(0);
  }
  if (waitpid(second, NULL, 0) != second) fail("wait for the new process");
  return second == first;
}

int main(int argc, char **argv) {
  const char *own_root = NULL, *root = NULL;
  unsigned long rounds = 1, delay_us = 0, life_ms = 0;
  for (int letter; (letter = getopt(argc, argv, "s:m:o:r:n:d:w:")) != -1;) {
    if (letter == 's')
      container.socket = optarg;
    else if (letter == 'm')
      container.metadata = optarg;
    else if (letter == 'o')
      own_root = optarg;
    else if (letter == 'r')
      root = optarg;
    else if (letter == 'n')
      rounds = strtoul(optarg, NULL, 10);
    else if (letter == 'd')
      delay_us = strtoul(optarg, NULL, 10);
    else if (letter == 'w')
      life_ms = strtoul(optarg, NULL, 10);
    else
      return 2;
  }
  if (container.socket == NULL || own_root == NULL || root == NULL || optind != argc) return 2;
  alarm(LIFE_SECONDS);
  unsigned long reused = 0;
  for (unsigned long i = 0; i < rounds; i++) {
    const unsigned long delay = rounds == 1 ? delay_us : (unsigned long)random() % (delay_us + 1);
    reused += run_round(own_root, root, delay * UINT64_C(1000), life_ms * UINT64_C(1000000));
  }
  printf("reused %lu\n", reused);
  return 0;
}
