// SPDX-License-Identifier: Apache-2.0
// A client of the agent socket that says whatever it's told: any bytes, any fds, any pace.
//
// Prints one line and exits 0:
//   closed MS sent BYTES   the agent closed the connection MS milliseconds after it was made
//   open MS sent BYTES     it was still open at the end of -w
//   left MS sent BYTES     we closed it (-e), all being sent
// An agent that closes, or that reads nothing for as long as -w, ends the sending. Exit status
// 1: it could not get that far; 2: usage.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
  LIFE_SECONDS = 150,
  MAX_FDS = 253,  // SCM_MAX_FD of the kernel
};

struct options {
  const char *socket;
  const char *file;  // NULL: stdin
  size_t fd_count;
  size_t chunk_bytes;  // 0: all at once
  long delay_ms, wait_ms, keep_ms;
  bool listeners, leave, nothing;
};

struct text {
  char *bytes;
  size_t length;
};

_Noreturn static void fail(const char *what) {
  fprintf(stderr, "send-state: cannot %s: %s\n", what, strerror(errno));
  exit(1);
}

_Noreturn static void usage(const char *complaint) {
  fprintf(stderr,
          "send-state: %s\n"
          "usage: send-state -s SOCKET [options]\n"
          "  -f FILE    the bytes to send (stdin)\n"
          "  -z         send nothing at all, not even fds\n"
          "  -n COUNT   fds that go with the first chunk, 0 to 253 (1)\n"
          "  -l         they are a seccomp listener of a sleeping child, instead of /dev/null\n"
          "  -c BYTES   size of a chunk (all at once)\n"
          "  -d MS      pause before each chunk but the first\n"
          "  -e         close when all is sent, instead of waiting for the agent to close\n"
          "  -w MS      how long to wait for that, since connecting (10000)\n"
          "  -k MS      how long the child lives on (0)\n",
          complaint);
  exit(2);
}

static long number_or_usage(const char *text, long most) {
  char *end;
  errno = 0;
  const long number = strtol(text, &end, 10);
  if (end == text || *end != '\0' || errno != 0 || number < 0 || number > most)
    usage("a number is wrong or too large");
  return number;
}

static struct options parse_options(int argc, char **argv) {
  struct options options = {.fd_count = 1, .wait_ms = 10000};
  for (int letter; (letter = getopt(argc, argv, "s:f:zn:lc:d:ew:k:")) != -1;) {
    switch (letter) {
      case 's':
        options.socket = optarg;
        break;
      case 'f':
        options.file = optarg;
        break;
      case 'z':
        options.nothing = true;
        break;
      case 'n':
        options.fd_count = (size_t)number_or_usage(optarg, MAX_FDS);
        break;
      case 'l':
        options.listeners = true;
        break;
      case 'c':
        options.chunk_bytes = (size_t)number_or_usage(optarg, INT32_MAX);
        break;
      case 'd':
        options.delay_ms = number_or_usage(optarg, LIFE_SECONDS * 1000L);
        break;
      case 'e':
        options.leave = true;
        break;
      case 'w':
        options.wait_ms = number_or_usage(optarg, LIFE_SECONDS * 1000L);
        break;
      case 'k':
        options.keep_ms = number_or_usage(optarg, LIFE_SECONDS * 1000L);
        break;
      default:
        usage("bad option");
    }
  }
  if (options.socket == NULL || optind != argc) usage("-s SOCKET is needed, and only options");
  return options;
}

static long now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static struct text read_text(const struct options *options) {
  struct text text = {NULL, 0};
  if (options->nothing) return text;
  FILE *in = options->file == NULL ? stdin : fopen(options->file, "re");
  if (in == NULL) fail("open the file");
  FILE *out = open_memstream(&text.bytes, &text.length);
  if (out == NULL) fail("allocate");
  char block[65536];
  for (size_t got; (got = fread(block, 1, sizeof block, in)) > 0;) fwrite(block, 1, got, out);
  if (ferror(in) || fclose(out) != 0) fail("read the bytes");
  if (in != stdin) fclose(in);
  return text;
}

// Starts a child that sleeps under a filter with a listener, and takes that listener from it.
static int listener_of_child(pid_t *child) {
  int ready[2], taken[2];
  if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(taken, O_CLOEXEC) < 0) fail("make pipes");
  const pid_t parent = getpid();
  *child = fork();
  if (*child < 0) fail("fork");
  if (*child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    alarm(LIFE_SECONDS);
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_getpgid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const int listener = (int)syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER,
                                      SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    if (listener < 0) fail("load the child's filter");
    char byte;
    if (write(ready[1], &listener, sizeof listener) != sizeof listener) _exit(1);
    close(taken[1]);
    if (read(taken[0], &byte, 1) != 0) _exit(1);
    close(listener);
    for (;;) pause();
  }
  close(ready[1]);
  close(taken[0]);
  int number;
  if (read(ready[0], &number, sizeof number) != sizeof number) exit(1);
  close(ready[0]);
  const int pid_fd = (int)syscall(__NR_pidfd_open, *child, 0);
  if (pid_fd < 0) fail("open the child's pidfd");
  const int listener = (int)syscall(__NR_pidfd_getfd, pid_fd, number, 0);
  if (listener < 0) fail("take the child's listener");
  close(pid_fd);
  close(taken[1]);
  return listener;
}

static int connect_agent(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) usage("the socket's path is too long");
  strcpy(address.sun_path, path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("make a socket");
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
    fail("connect to the agent socket");
  return fd;
}

// Sends up to a chunk: the bytes sent, 0 when the agent doesn't read, -1 when it has closed.
static ssize_t send_chunk(int agent_fd, const char *bytes, size_t length, int fd, size_t fd_count) {
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
  } control = {.header = {.cmsg_len = CMSG_LEN(fd_count * sizeof(int)),
                          .cmsg_level = SOL_SOCKET,
                          .cmsg_type = SCM_RIGHTS}};
  for (size_t i = 0; i < fd_count; i++)
    memcpy(CMSG_DATA(&control.header) + i * sizeof fd, &fd, sizeof fd);
  struct iovec data = {(char *)bytes, length};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
  if (fd_count > 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
  }
  const ssize_t sent = sendmsg(agent_fd, &message, MSG_NOSIGNAL);
  if (sent >= 0) return sent;
  if (errno == EAGAIN) return 0;
  if (errno == EPIPE || errno == ECONNRESET) return -1;
  fail("send");
}

// Waits until the agent closes, or a moment on now_ms()'s clock: true when it has closed.
static bool closed_before(int agent_fd, long until_ms) {
  for (;;) {
    const long left_ms = until_ms - now_ms();
    struct pollfd poll_fd = {.fd = agent_fd, .events = POLLIN};
    const int ready = poll(&poll_fd, 1, left_ms > 0 ? (int)left_ms : 0);
    if (ready < 0 && errno != EINTR) fail("poll");
    if (ready == 0) return false;
    char answer[4096];  // nothing is to be said by the agent, and nothing of it matters
    const ssize_t got = ready > 0 ? recv(agent_fd, answer, sizeof answer, 0) : 1;
    if (got == 0 || (got < 0 && errno == ECONNRESET)) return true;
    if (got < 0 && errno != EINTR) fail("receive");
  }
}

int main(int argc, char **argv) {
  alarm(LIFE_SECONDS + 5);
  const struct options options = parse_options(argc, argv);
  const struct text text = read_text(&options);
  pid_t child = -1;
  int fd = -1;
  if (options.fd_count > 0 && !options.nothing) {
    fd = options.listeners ? listener_of_child(&child) : open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0) fail("open /dev/null");
  }

  const int agent_fd = connect_agent(options.socket);
  const long start_ms = now_ms();
  const long end_of_wait_ms = start_ms + options.wait_ms;
  const struct timeval send_timeout = {options.wait_ms / 1000, options.wait_ms % 1000 * 1000};
  if (setsockopt(agent_fd, SOL_SOCKET, SO_SNDTIMEO, &send_timeout, sizeof send_timeout) < 0)
    fail("bound the sending");
  size_t sent = 0;
  bool closed = false;
  while (sent < text.length && now_ms() < end_of_wait_ms) {
    const size_t left = text.length - sent;
    const size_t length =
        options.chunk_bytes > 0 && options.chunk_bytes < left ? options.chunk_bytes : left;
    if (sent > 0 && options.delay_ms > 0)
      closed = closed_before(agent_fd, now_ms() + options.delay_ms);
    if (closed) break;
    const size_t fd_count = sent == 0 ? options.fd_count : 0;
    const ssize_t got = send_chunk(agent_fd, text.bytes + sent, length, fd, fd_count);
    closed = got < 0;
    if (got <= 0) break;
    sent += (size_t)got;
  }
  if (fd >= 0) close(fd);  // from here on only the agent holds it
  if (!closed && !options.leave) closed = closed_before(agent_fd, end_of_wait_ms);
  const long end_ms = now_ms();
  close(agent_fd);

  const char *end = closed ? "closed" : options.leave ? "left" : "open";
  printf("%s %ld sent %zu\n", end, end_ms - start_ms, sent);
  fflush(stdout);
  usleep((useconds_t)options.keep_ms * 1000);
  if (child > 0) kill(child, SIGKILL);
  return 0;
}
