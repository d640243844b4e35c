// SPDX-License-Identifier: Apache-2.0
// Sends files to itself that it does not receive: they count as in flight for its user, whose
// processes without Linux capabilities send none any more where these are more than they may open.
//
// usage: files-in-flight COUNT: says `N in flight`, and keeps them until its stdin ends
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LIFE_SECONDS = 150, MOST_IN_MESSAGE = 253, FILES_SIZE = MOST_IN_MESSAGE * sizeof(int) };

static int send_files(int socket, int file) {
  char byte = 0;
  struct iovec data = {.iov_base = &byte, .iov_len = 1};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(FILES_SIZE)];
  } control;
  memset(&control, 0, sizeof control);
  control.header.cmsg_len = CMSG_LEN(FILES_SIZE);
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  for (int i = 0; i < MOST_IN_MESSAGE; i++)
    memcpy(CMSG_DATA(&control.header) + i * sizeof file, &file, sizeof file);
  const struct msghdr message = {.msg_iov = &data,
                                 .msg_iovlen = 1,
                                 .msg_control = control.space,
                                 .msg_controllen = sizeof control.space};
  return sendmsg(socket, &message, MSG_DONTWAIT) == 1 ? MOST_IN_MESSAGE : 0;
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  alarm(LIFE_SECONDS);
  struct rlimit most;
  if (getrlimit(RLIMIT_NOFILE, &most) < 0) return 1;
  most.rlim_cur = most.rlim_max;
  setrlimit(RLIMIT_NOFILE, &most);
  const int file = open("/", O_RDONLY);
  int total = 0, ends[2];
  while (total < atoi(argv[1])) {
    // each takes a few only
    if (file < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0) return 1;
    int before = total;
    for (int sent; (sent = send_files(ends[0], file)) > 0;) total += sent;
    if (total == before) return 1;
  }
  printf("%d in flight\n", total);
  fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return 0;
}
