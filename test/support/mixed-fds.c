// SPDX-License-Identifier: Apache-2.0
// A runtime that sends its listener among other descriptors, then makes a trapped call.
//
// usage: mixed-fds SOCKET COUNT INDEX
// Sends COUNT descriptors at once, all of /dev/null but the one at INDEX, which is the listener and
// is named seccompFd. Then prints what getpgid(2) returned: `getpgid RESULT ERRNONAME`.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { WAIT_SECONDS = 20, MAX_FDS = 253 };  // SCM_MAX_FD of the kernel

static void fail(const char *what) {
  fprintf(stderr, "mixed-fds: cannot %s: %s\n", what, strerror(errno));
  exit(1);
}

static int connect_agent(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
    fail("connect to the agent socket");
  return fd;
}

static int load_filter(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_getpgid, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
  const long listener = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER,
                                SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  if (listener < 0) fail("load the filter");
  return (int)listener;
}

static void send_state(int agent_fd, const int *fds, size_t count, size_t index) {
  char *text;
  size_t length;
  FILE *out = open_memstream(&text, &length);
  if (out == NULL) fail("allocate the state");
  fprintf(out, "{\"ociVersion\":\"1.2.0\",\"fds\":[");
  for (size_t i = 0; i < count; i++) {
    if (i == index)
      fprintf(out, "%s\"seccompFd\"", i == 0 ? "" : ",");
    else
      fprintf(out, "%s\"other%zu\"", i == 0 ? "" : ",", i);
  }
  fprintf(out, "],\"pid\":%d,\"state\":{\"id\":\"mixed\",\"pid\":%d}}", getpid(), getpid());
  if (fclose(out) != 0) fail("allocate the state");
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
  } control = {.header = {.cmsg_len = CMSG_LEN(count * sizeof(int)),
                          .cmsg_level = SOL_SOCKET,
                          .cmsg_type = SCM_RIGHTS}};
  memcpy(CMSG_DATA(&control.header), fds, count * sizeof *fds);
  struct iovec data = {text, length};
  const struct msghdr message = {.msg_iov = &data,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = CMSG_SPACE(count * sizeof(int))};
  if (sendmsg(agent_fd, &message, MSG_NOSIGNAL) != (ssize_t)length) fail("send the state");
  free(text);
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  alarm(WAIT_SECONDS);
  const size_t count = strtoul(argv[2], NULL, 10);
  const size_t index = strtoul(argv[3], NULL, 10);
  if (count > MAX_FDS || index >= count) return 2;
  const int agent_fd = connect_agent(argv[1]);
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const int listener = load_filter();
  int fds[MAX_FDS];
  for (size_t i = 0; i < count; i++) fds[i] = i == index ? listener : null;
  send_state(agent_fd, fds, count, index);
  close(listener);
  close(agent_fd);
  errno = 0;
  const long result = syscall(__NR_getpgid, 0L);
  printf("getpgid %ld %s\n", result, result == -1 ? strerrorname_np(errno) : "OK");
  return 0;
}
