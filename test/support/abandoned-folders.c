// SPDX-License-Identifier: Apache-2.0
// Containers one after the other, each of which fills a tmpfs of its own with long symbolic links
// and ends, while somebody else keeps all these file systems.
//
// usage: abandoned-folders [-lr] SOCKET ROUNDS MOST
//   The agent makes MOST links in each round, unless that fails. -l: the containers live on. -r:
//   root has sent them, not their user.
// Prints `round COUNT OK` or `round COUNT ERRNONAME`, `over`, and waits for the end of its standard
// input.
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "container.h"

enum { USER = 1000, PATH = 64, PAGE = 4000 };

static bool live_on = false;

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "we");
  if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) fail(path);
}

static void enter_namespaces(void) {
  if (setgroups(0, NULL) < 0 || setresgid(USER, USER, USER) < 0 || setresuid(USER, USER, USER) < 0)
    fail("become a user");
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) fail("unshare");
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", "0 1000 1");
  write_file("/proc/self/gid_map", "0 1000 1");
  if (mount("all", "/mnt", "tmpfs", 0, "") < 0) fail("mount a tmpfs");
}

// A process that keeps today's identity, and shares our descriptors: it connects when asked by a
// byte, since the agent closes connections that are silent for long.
static int connector = -1;

static void start_connector(const char *socket_path) {
  int ends[2];
  const pid_t parent = getpid();
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) fail("make a socket pair");
  const long child = syscall(__NR_clone, (long)CLONE_FILES | SIGCHLD, 0L, 0L, 0L, 0L);
  if (child < 0) fail("clone");
  connector = ends[0];
  if (child > 0) return;
  // a signal of a user's process may not reach root's, and the other end of the pair is open here,
  // too
  struct pollfd watched[] = {{.fd = ends[1], .events = POLLIN},
                             {.fd = (int)syscall(__NR_pidfd_open, parent, 0), .events = POLLIN}};
  for (char byte; poll(watched, 2, -1) > 0 && watched[1].revents == 0;) {
    const int fd = read(ends[1], &byte, 1) == 1 ? connect_agent(socket_path) : -1;
    if (write(ends[1], &fd, sizeof fd) != sizeof fd) break;
  }
  _exit(1);
}

static int connect_as_sender(void) {
  int fd = -1;
  if (write(connector, "", 1) != 1 || read(connector, &fd, sizeof fd) != sizeof fd)
    fail("have a connection made");
  return fd;
}

static void fill(int agent_fd, int round, int most) {
  char path[PATH];
  snprintf(path, sizeof path, "/mnt/%d", round);
  if (mkdir(path, 0755) < 0 || mount("one", path, "tmpfs", 0, "nr_inodes=1m") < 0)
    fail("mount a tmpfs");
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child > 0) {
    waitpid(child, NULL, WUNTRACED);
    return;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  char id[PATH];
  snprintf(id, sizeof id, "abandoned-%d", round);
  const struct container container = {.id = id};
  const long number = __NR_symlinkat;
  const int listener = load_filter(&number, 1, true);
  send_listener(agent_fd, listener, &container);
  close(listener);
  if (chdir(path) < 0) fail("enter it");
  char text[PAGE];
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = '\0';
  int made = 0;
  int error = 0;
  for (; made < most && error == 0; made++) {
    snprintf(path, sizeof path, "%d", made);
    if (symlinkat(text, AT_FDCWD, path) < 0) error = errno;
    if (error != 0) break;
  }
  printf("round %d %s\n", made, answer_name(error));
  fflush(stdout);
  if (live_on) raise(SIGSTOP);
  _exit(0);
}

int main(int argc, char **argv) {
  bool by_root = false;
  for (int option; (option = getopt(argc, argv, "lr")) != -1;) {
    if (option == '?') return 2;
    if (option == 'l') live_on = true;
    if (option == 'r') by_root = true;
  }
  if (argc - optind != 3) return 2;
  const char *socket_path = argv[optind];
  const int rounds = atoi(argv[optind + 1]);
  if (by_root) start_connector(socket_path);
  enter_namespaces();
  if (!by_root) start_connector(socket_path);
  for (int round = 0; round < rounds; round++) {
    const int agent_fd = connect_as_sender();
    fill(agent_fd, round, atoi(argv[optind + 2]));
    close(agent_fd);
  }
  puts("over");
  fflush(stdout);
  char byte;
  return read(STDIN_FILENO, &byte, 1) < 0;
}
