// SPDX-License-Identifier: Apache-2.0
// Opens FIFOs in a directory of its own, in each way that may wait, and prints what came of it.
//
// usage: fifo-caller signals|crowd COUNT|turns COUNT
//   signals  a caller that gets signals while it waits, with handlers of each kind
//   crowd    COUNT processes that wait at FIFOs of their own; then each gets a writer, and another
//            caller opens a file
//   turns    COUNT times a FIFO whose other end comes at the same moment, then calls of other kinds
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIFE_SECONDS = 100, MOST = 256 };

static const char fifo[] = "fifo";
static volatile sig_atomic_t handled;

static void count_it(int number) {
  (void)number;
  handled++;
}

static void handle(int flags) {
  const struct sigaction action = {.sa_handler = count_it, .sa_flags = flags};
  sigaction(SIGUSR1, &action, NULL);
  handled = 0;
}

static void after(unsigned ms, pid_t target, int number) {
  if (fork() != 0) return;
  usleep(ms * 1000);
  _exit(kill(target, number));
}

static void write_after(unsigned ms) {
  if (fork() != 0) return;
  usleep(ms * 1000);
  const int fd = open(fifo, O_WRONLY);
  _exit(write(fd, "x", 1) == 1 ? 0 : 1);
}

static void open_and_tell(const char *what) {
  const int fd = open(fifo, O_RDONLY);
  printf("%s: %s, %d handled\n", what, fd < 0 ? strerrorname_np(errno) : "open", (int)handled);
  if (fd >= 0) close(fd);
  while (wait(NULL) > 0);
}

static void *sleep_on(void *nothing) {
  pause();
  return nothing;
}

static void *open_in_thread(void *nothing) {
  open_and_tell("signal of a thread, restarted");
  return nothing;
}

static void make(const char *path) {
  if (mkfifo(path, 0666) < 0) exit(1);
}

static int get_signals(void) {
  const pid_t self = getpid();
  make(fifo);
  handle(0);
  after(200, self, SIGUSR1);
  open_and_tell("interrupted");
  handle(SA_RESTART);
  after(200, self, SIGUSR1);
  after(400, self, SIGUSR1);
  write_after(700);
  open_and_tell("restarted");
  signal(SIGUSR1, SIG_IGN);
  after(200, self, SIGUSR1);
  write_after(500);
  open_and_tell("ignored");
  handle(0);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  after(200, self, SIGUSR1);
  write_after(500);
  open_and_tell("blocked");
  sigprocmask(SIG_UNBLOCK, &blocked, NULL);
  after(200, self, SIGSTOP);
  after(400, self, SIGCONT);
  write_after(700);
  open_and_tell("stopped and continued");
  const pid_t killed = fork();
  if (killed == 0) _exit(open(fifo, O_RDONLY));
  usleep(200 * 1000);
  kill(killed, SIGKILL);
  waitpid(killed, NULL, 0);
  // nobody reads any more, once whoever opened it for the killed one has ended
  usleep(300 * 1000);
  printf("killed: %s\n", open(fifo, O_WRONLY | O_NONBLOCK) < 0 ? strerrorname_np(errno) : "open");
  pthread_t thread;
  pthread_create(&thread, NULL, sleep_on, NULL);
  handle(SA_RESTART);
  after(200, self, SIGUSR1);
  write_after(500);
  open_and_tell("first of two threads, restarted");
  handle(SA_RESTART);
  write_after(500);
  pthread_create(&thread, NULL, open_in_thread, NULL);
  usleep(200 * 1000);
  pthread_kill(thread, SIGUSR1);
  pthread_join(thread, NULL);
  return 0;
}

static int wait_in_crowd(int count) {
  static pid_t waiting[MOST];
  char path[32];
  if (count > MOST) return 2;
  for (int i = 0; i < count; i++) {
    snprintf(path, sizeof path, "fifo-%d", i);
    make(path);
    waiting[i] = fork();
    if (waiting[i] == 0) _exit(open(path, O_RDONLY) < 0 ? errno : 0);
  }
  sleep(2);
  int refused = 0, error = 0, opened = 0;
  for (int i = 0, status; i < count; i++) {
    if (waitpid(waiting[i], &status, WNOHANG) <= 0) continue;
    refused++;
    error = WEXITSTATUS(status);
    waiting[i] = 0;
  }
  printf("refused %d %s\n", refused, refused == 0 ? "-" : strerrorname_np(error));
  printf("beside %s\n", open("/etc/passwd", O_RDONLY) < 0 ? strerrorname_np(errno) : "open");
  for (int i = 0, status; i < count; i++) {
    if (waiting[i] == 0) continue;
    snprintf(path, sizeof path, "fifo-%d", i);
    const int fd = open(path, O_WRONLY);
    waitpid(waiting[i], &status, 0);
    if (fd >= 0 && WEXITSTATUS(status) == 0) opened++;
    close(fd);
  }
  printf("opened %d\n", opened);
  return 0;
}

static int take_turns(int count) {
  char byte = 0;
  int turn[2];
  make(fifo);
  if (pipe(turn) < 0) return 1;
  const pid_t writer = fork();
  if (writer == 0) {
    for (int i = 0; i < count && read(turn[0], &byte, 1) == 1; i++) {
      const int fd = open(fifo, O_WRONLY);
      if (fd < 0 || close(fd) < 0) _exit(1);
    }
    _exit(0);
  }
  int wrong = 0;
  for (int i = 0; i < count; i++) {
    if (write(turn[1], &byte, 1) != 1) return 1;
    const int fd = open(fifo, O_RDONLY);
    if (fd < 0) wrong++;
    if (mkdir("made", 0755) < 0) wrong++;
    if (rename("made", "moved") < 0) wrong++;
    const int file = open("moved", O_RDONLY | O_DIRECTORY);
    if (file < 0 || close(file) < 0) wrong++;
    if (rmdir("moved") < 0) wrong++;
    if (open("moved", O_RDONLY) >= 0 || errno != ENOENT) wrong++;
    if (read(fd, &byte, 1) != 0 || close(fd) < 0) wrong++;
  }
  int status = 0;
  waitpid(writer, &status, 0);
  printf("wrong %d, writer %d\n", wrong, status);
  return 0;
}

int main(int argc, char **argv) {
  alarm(LIFE_SECONDS);
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (argc == 2 && strcmp(argv[1], "signals") == 0) return get_signals();
  if (argc == 3 && strcmp(argv[1], "crowd") == 0) return wait_in_crowd(atoi(argv[2]));
  if (argc == 3 && strcmp(argv[1], "turns") == 0) return take_turns(atoi(argv[2]));
  return 2;
}
