// SPDX-License-Identifier: Apache-2.0
// Tells who executes files: each line is `below PATH` or `other PATH`, for processes that are
// descendants of PID and for all others. It says `watching` first, and ends with its stdin.
//
// usage: exec-watcher PID FILE...
// An execution waits until it was looked at, see FAN_OPEN_EXEC_PERM in fanotify_mark(2), so whoever
// executes is still there; only the files that are named have such a mark.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fanotify.h>
#include <unistd.h>

static pid_t parent_of(pid_t pid) {
  char path[64];
  pid_t parent = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  FILE *stat = fopen(path, "re");
  if (stat == NULL) return 0;
  // names of programs hold no parentheses here
  if (fscanf(stat, "%*d (%*[^)]) %*c %d", &parent) != 1) parent = 0;
  fclose(stat);
  return parent;
}

static bool is_below(pid_t pid, pid_t ancestor) {
  for (; pid > 1; pid = parent_of(pid))
    if (pid == ancestor) return true;
  return false;
}

static void tell(const struct fanotify_event_metadata *event, pid_t ancestor) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", event->fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  path[length < 0 ? 0 : length] = '\0';
  printf("%s %s\n", is_below(event->pid, ancestor) ? "below" : "other", path);
  fflush(stdout);
}

static int answer_all(int watch, pid_t ancestor) {
  _Alignas(struct fanotify_event_metadata) char events[4096];
  const ssize_t size = read(watch, events, sizeof events);
  if (size < 0) return errno == EINTR || errno == EAGAIN ? 0 : -1;
  const struct fanotify_event_metadata *event = (const void *)events;
  for (ssize_t left = size; FAN_EVENT_OK(event, left); event = FAN_EVENT_NEXT(event, left)) {
    tell(event, ancestor);
    const struct fanotify_response allow = {.fd = event->fd, .response = FAN_ALLOW};
    if (write(watch, &allow, sizeof allow) != sizeof allow) return -1;
    close(event->fd);
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  const pid_t ancestor = (pid_t)strtol(argv[1], NULL, 10);
  // whoever waits for us goes on when we end
  alarm(120);
  const int watch = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY);
  if (watch == -1) return perror("fanotify_init"), 1;
  for (int i = 2; i < argc; i++) {
    if (fanotify_mark(watch, FAN_MARK_ADD, FAN_OPEN_EXEC_PERM, AT_FDCWD, argv[i]) == -1)
      return perror(argv[i]), 1;
  }
  printf("watching\n");
  fflush(stdout);
  for (;;) {
    struct pollfd waits[] = {{.fd = watch, .events = POLLIN}, {.fd = STDIN_FILENO}};
    if (poll(waits, 2, -1) == -1 && errno != EINTR) return perror("poll"), 1;
    if (waits[0].revents != 0 && answer_all(watch, ancestor) == -1) return perror("fanotify"), 1;
    if (waits[0].revents == 0 && waits[1].revents != 0) return 0;
  }
}
