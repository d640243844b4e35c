// SPDX-License-Identifier: Apache-2.0
// Connects to a Unix socket as fast as it can, from some threads, and closes each connection at
// once. With a port in place of a path it does the same over TCP, to 127.0.0.1.
//
// usage: connection-flood PATH|PORT THREADS SECONDS; prints how often it has connected.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_THREADS = 64 };

static union {
  struct sockaddr any;
  struct sockaddr_un local;
  struct sockaddr_in internet;
} address;
static socklen_t address_size;
static atomic_bool is_over;
static atomic_long connected;

static void set_address(const char *text) {
  char *end;
  const long port = strtol(text, &end, 10);
  if (*end == '\0') {
    address.internet.sin_family = AF_INET;
    address.internet.sin_port = htons((unsigned short)port);
    address.internet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address_size = sizeof address.internet;
    return;
  }
  address.local.sun_family = AF_UNIX;
  if (strlen(text) >= sizeof address.local.sun_path) exit(2);
  strcpy(address.local.sun_path, text);
  address_size = sizeof address.local;
}

static void *flood(void *argument) {
  (void)argument;
  while (!is_over) {
    const int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    // with a reset, no port is left waiting
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    if (connect(fd, &address.any, address_size) == 0) connected++;
    // whoever is shut out tries again a little later
    else
      usleep(100);
    close(fd);
  }
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  set_address(argv[1]);
  const long threads = strtol(argv[2], NULL, 10);
  const long seconds = strtol(argv[3], NULL, 10);
  if (threads < 1 || threads > MAX_THREADS || seconds < 1) return 2;
  // it ends also if it cannot be told to
  alarm((unsigned)seconds + 5);
  pthread_t started[MAX_THREADS];
  for (long at = 0; at < threads; at++) {
    if (pthread_create(&started[at], NULL, flood, NULL) != 0) return 1;
  }
  sleep((unsigned)seconds);
  is_over = true;
  for (long at = 0; at < threads; at++) pthread_join(started[at], NULL);
  printf("%ld\n", connected);
  return 0;
}
