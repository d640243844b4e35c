// SPDX-License-Identifier: Apache-2.0
// A container whose process executes a program for as long as it likes: the kernel closes a file
// for that which is in a FUSE file system of its own, where nobody answers. Whoever looks at the
// process by files of procfs meanwhile waits, and can't be killed. It ends with this program's
// input, or after LIFE_SECONDS.
//
// usage: stuck-executor -s SOCKET [-m METADATA] [-i ID] [-u UID] [-f PID] [-l] FOLDER
//   -u  who the container is, and connects
//   -f  the first process that its state says; absent: its own process, 0: none
//   -l  its message is completed later
// FOLDER becomes the file system. It prints the pid of the container's process, and answers each
// line of its input:
//   execute   the process executes a program: prints `stuck` once it waits
//   finish    completes the message: prints `sent`
//   call      another process of the container makes a directory: prints the answer
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "container.h"
#include "unanswered-file.h"

enum { LIFE_SECONDS = 90 };

// ---- the container ----

struct options {
  const char *socket, *metadata, *id, *folder;
  uid_t user;
  int first;
  bool is_late;
};

// Ends of pipes by which the container's processes are told to go on.
struct words {
  int execute[2], call[2];
};

static void send_state(const struct options *options, int agent_fd, int listener) {
  char state[1024];
  const int pid = pid_outside();
  const int length = snprintf(
      state, sizeof state,
      "{\"ociVersion\":\"1.2.0\",\"fds\":[\"seccompFd\"],\"pid\":%d,\"metadata\":\"%s\","
      "\"state\":{\"ociVersion\":\"1.2.0\",\"id\":\"%s\",\"status\":\"creating\",\"pid\":%d,"
      "\"bundle\":\"/bundle\",\"annotations\":{}}}",
      pid, options->metadata, options->id, options->first < 0 ? pid : options->first);
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
                          .cmsg_level = SOL_SOCKET,
                          .cmsg_type = SCM_RIGHTS}};
  memcpy(CMSG_DATA(&control.header), &listener, sizeof listener);
  struct iovec data = {state, (size_t)length - (options->is_late ? 1 : 0)};
  const struct msghdr message = {.msg_iov = &data,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = sizeof control.bytes};
  if (sendmsg(agent_fd, &message, MSG_NOSIGNAL) != (ssize_t)data.iov_len) fail("send the state");
}

static void await_word(const int pipe_fds[2]) {
  char byte;
  close(pipe_fds[1]);
  if (read(pipe_fds[0], &byte, 1) != 1) _exit(0);
}

_Noreturn static void call(const struct words *words) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  close(words->execute[1]);
  await_word(words->call);
  const long made = make_directory("/trap");
  dprintf(STDOUT_FILENO, "%s\n", answer_name(made < 0 ? errno : 0));
  for (;;) pause();
}

_Noreturn static void contain(const struct options *options, const struct words *words,
                              int agent_fd, const struct sockaddr_un *address) {
  char file[256];
  if (setresgid(options->user, options->user, options->user) < 0 ||
      setresuid(options->user, options->user, options->user) < 0)
    fail("become the user");
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  alarm(LIFE_SECONDS);
  if (connect(agent_fd, (const struct sockaddr *)address, sizeof *address) < 0)
    fail("connect to the agent socket");
  static const long numbers[] = {MAKE_DIRECTORY_NUMBER};
  const int listener = load_filter(numbers, 1, false);
  send_state(options, agent_fd, listener);
  close(listener);
  close(agent_fd);
  const pid_t caller = fork();
  if (caller < 0) fail("fork");
  if (caller == 0) call(words);
  dprintf(STDOUT_FILENO, "%d\n", pid_outside());
  close(words->call[1]);
  await_word(words->execute);
  snprintf(file, sizeof file, "%s/file", options->folder);
  if (open(file, O_RDONLY | O_CLOEXEC) < 0) fail("open the file");
  execlp("sleep", "sleep", "100", NULL);
  fail("execute a program");
}

static struct options parse_options(int argc, char **argv) {
  struct options options = {.metadata = "", .id = "stuck", .first = -1};
  for (int letter; (letter = getopt(argc, argv, "s:m:i:u:f:l")) != -1;) {
    if (letter == 's')
      options.socket = optarg;
    else if (letter == 'm')
      options.metadata = optarg;
    else if (letter == 'i')
      options.id = optarg;
    else if (letter == 'u')
      options.user = (uid_t)strtoul(optarg, NULL, 10);
    else if (letter == 'l')
      options.is_late = true;
    else if (letter == 'f')
      options.first = atoi(optarg);
    else
      exit(2);
  }
  if (options.socket == NULL || optind + 1 != argc) exit(2);
  options.folder = argv[optind];
  return options;
}

static void do_line(const char *line, const struct words *words, int agent_fd) {
  if (strcmp(line, "execute\n") == 0 && write(words->execute[1], "", 1) != 1) fail("let execute");
  if (strcmp(line, "call\n") == 0 && write(words->call[1], "", 1) != 1) fail("let call");
  if (strcmp(line, "finish\n") == 0) {
    if (send(agent_fd, "}", 1, MSG_NOSIGNAL) != 1) fail("complete the state");
    dprintf(STDOUT_FILENO, "sent\n");
  }
}

int main(int argc, char **argv) {
  const struct options options = parse_options(argc, argv);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct words words;
  alarm(LIFE_SECONDS);
  if (strlen(options.socket) >= sizeof address.sun_path) return 2;
  strcpy(address.sun_path, options.socket);
  if (pipe2(words.execute, O_CLOEXEC) < 0 || pipe2(words.call, O_CLOEXEC) < 0) fail("make pipes");
  const pid_t server = mount_unanswered(options.folder, options.user, FUSE_FLUSH, LIFE_SECONDS);
  // who connects is who the kernel says to the agent
  const int agent_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (agent_fd < 0) fail("make a socket");
  const pid_t container = fork();
  if (container < 0) fail("fork");
  if (container == 0) contain(&options, &words, agent_fd, &address);
  char line[64];
  while (fgets(line, sizeof line, stdin) != NULL) do_line(line, &words, agent_fd);
  kill(server, SIGKILL);
  waitpid(server, NULL, 0);
  kill(container, SIGKILL);
  waitpid(container, NULL, 0);
  return 0;
}
