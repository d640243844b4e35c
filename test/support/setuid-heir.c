// SPDX-License-Identifier: Apache-2.0
// A container in which a user has its own open taken back by a signal, and then executes a
// set-user-ID program of root's that makes the same call: the same number, arguments and address.
//
// usage: setuid-heir -s SOCKET [-m METADATA] PROGRAM USERS-FOLDER ROOTS-FOLDER TRIES
// PROGRAM is this one, set-user-ID root. Both folders have a file `q.conf`. It prints how many
// executions there were, and how many of them read the user's file.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "container.h"

enum { USER = 1000, CALLS = 2000, HEIRS = 42, NOT_INTERRUPTED = 8 };

static const char *program;
static const char *roots_folder;

// Program that both roles call; the path leads elsewhere in each of them.
__attribute__((noinline)) static long open_file(void) {
  static const char path[] = "q.conf";
  long result;
  register long mode __asm__("r10") = 0;
  register long fifth __asm__("r8") = 0;
  register long sixth __asm__("r9") = 0;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"((long)__NR_openat), "D"((long)AT_FDCWD), "S"(path),
                     "d"((long)O_RDONLY | O_CLOEXEC), "r"(mode), "r"(fifth), "r"(sixth)
                   : "rcx", "r11", "memory");
  return result;
}

static _Noreturn void be_heir(const char *folder) {
  char text[8] = "";
  if (chdir(folder) < 0) fail("go to root's folder");
  const long fd = open_file();
  if (fd >= 0 && read((int)fd, text, sizeof text - 1) < 0) fail("read");
  exit(strncmp(text, "user", 4) == 0 ? HEIRS : 0);
}

static void take_back(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)info;
  const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  const uintptr_t from = (uintptr_t)open_file;
  const uintptr_t at = (uintptr_t)registers[REG_RIP];
  if (registers[REG_RAX] != -EINTR || at < from || at > from + 64) return;
  const struct itimerval none = {0};
  setitimer(ITIMER_REAL, &none, NULL);
  char *const arguments[] = {(char *)"heir", (char *)roots_folder, NULL};
  execv(program, arguments);
  _exit(1);
}

static _Noreturn void be_user(const char *folder, long delay_us) {
  if (setgid(USER) < 0 || setuid(USER) < 0 || chdir(folder) < 0) fail("become a user");
  const struct sigaction action = {.sa_sigaction = take_back, .sa_flags = SA_SIGINFO};
  sigaction(SIGALRM, &action, NULL);
  const struct itimerval timer = {.it_value = {.tv_usec = delay_us}};
  setitimer(ITIMER_REAL, &timer, NULL);
  for (int call = 0; call < CALLS; call++) close((int)open_file());
  exit(NOT_INTERRUPTED);
}

int main(int argc, char **argv) {
  if (strcmp(argv[0], "heir") == 0) be_heir(argv[1]);
  struct container container = {0};
  for (int letter; (letter = getopt(argc, argv, "s:m:")) != -1;) {
    if (letter == 's')
      container.socket = optarg;
    else if (letter == 'm')
      container.metadata = optarg;
    else
      return 2;
  }
  if (argc - optind != 4) return 2;
  program = argv[optind];
  const char *const users_folder = argv[optind + 1];
  roots_folder = argv[optind + 2];
  const long tries = atol(argv[optind + 3]);
  const long numbers[] = {__NR_openat};
  close(enter_container(&container, numbers, 1));
  int executed = 0;
  int wrong = 0;
  for (long attempt = 0; attempt < tries; attempt++) {
    const pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid == 0) be_user(users_folder, 40 + attempt * 7 % 300);
    int status = 0;
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) fail("wait");
    if (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == HEIRS) executed++;
    if (WEXITSTATUS(status) == HEIRS) wrong++;
  }
  printf("%d executed, %d wrong\n", executed, wrong);
  return 0;
}
