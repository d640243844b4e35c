// SPDX-License-Identifier: Apache-2.0
// Sends a TCP socket to a Unix socket so that whoever closes it last waits: it lingers, and what it
// has to send is never read. Then it stays until it is killed.
//
// usage: lingering-socket PATH COUNT: so often in one message. COUNT 0: connects to PATH again and
// again, and sends one each time, without waiting for anybody to read it.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LIFE_SECONDS = 150, LINGER_SECONDS = 100, MAX_COUNT = 253 };

_Noreturn static void fail(const char *what) {
  perror(what);
  exit(1);
}

// Its other end is open as long as we are, and nobody reads there.
static int make_lingering(int server) {
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  if (getsockname(server, (struct sockaddr *)&address, &size) < 0) fail("getsockname");
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int small = 4096;
  setsockopt(client, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  if (connect(client, (struct sockaddr *)&address, size) < 0) fail("connect over TCP");
  if (accept(server, NULL, NULL) < 0) fail("accept");
  static const char bytes[65536];
  while (send(client, bytes, sizeof bytes, MSG_DONTWAIT) > 0) continue;
  const struct linger linger = {.l_onoff = 1, .l_linger = LINGER_SECONDS};
  if (setsockopt(client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) < 0) fail("linger");
  return client;
}

static bool send_it(const struct sockaddr_un *address, int fd, size_t count) {
  const int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(connection, (const struct sockaddr *)address, sizeof *address) < 0) {
    close(connection);
    return false;
  }
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(MAX_COUNT * sizeof(int))];
  } control = {.header = {.cmsg_len = CMSG_LEN(count * sizeof fd),
                          .cmsg_level = SOL_SOCKET,
                          .cmsg_type = SCM_RIGHTS}};
  for (size_t at = 0; at < count; at++)
    memcpy(CMSG_DATA(&control.header) + at * sizeof fd, &fd, sizeof fd);
  static char text[] = "{\"fds\":[\"seccompFd\"],\"pid\":1,\"state\":{\"id\":\"c\"}}";
  struct iovec data = {text, sizeof text - 1};
  const struct msghdr message = {.msg_iov = &data,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = CMSG_SPACE(count * sizeof fd)};
  const bool is_sent = sendmsg(connection, &message, MSG_NOSIGNAL) > 0;
  close(connection);
  return is_sent;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  alarm(LIFE_SECONDS);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(argv[1]) >= sizeof address.sun_path) return 2;
  strcpy(address.sun_path, argv[1]);
  const long count = strtol(argv[2], NULL, 10);
  if (count < 0 || count > MAX_COUNT) return 2;
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listen(server, 4096) < 0) fail("listen");
  do {
    const int client = make_lingering(server);
    const bool is_sent = send_it(&address, client, count == 0 ? 1 : (size_t)count);
    close(client);
    if (!is_sent && count > 0) fail("send");
    if (!is_sent) usleep(1000);
  } while (count == 0);
  puts("sent");
  fflush(stdout);
  for (;;) pause();
}
