// SPDX-License-Identifier: Apache-2.0
// sharing-caller -s SOCKET [-m METADATA] [-i ID] SECONDS
//
// A container that keeps a copy of its listener and receives from it as well, which an agent that was
// told of a call finds gone then. It calls only when another thread has received what came before,
// and after a pause that is shorter or longer than the agent's patience.
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/ioctl.h>

#include "container.h"

static int listener;

static void *receive(void *unused) {
  for (;;) {
    struct seccomp_notif call = {0};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0) continue;
    struct seccomp_notif_resp answer = {.id = call.id, .error = -EBADF};
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }
  return unused;
}

int main(int argc, char **argv) {
  struct container container = {0};
  for (int letter; (letter = getopt(argc, argv, "s:m:i:")) != -1;) {
    if (letter == 's') container.socket = optarg;
    if (letter == 'm') container.metadata = optarg;
    if (letter == 'i') container.id = optarg;
  }
  if (optind + 1 != argc) {
    errno = EINVAL;
    fail("be told for how long");
  }
  const uint64_t end = now_ns() + strtoull(argv[optind], NULL, 10) * 1000000000u;
  const long number = __NR_getpgid;
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const int agent = connect_agent(container.socket);
  listener = load_filter(&number, 1, false);
  send_listener(agent, listener, &container);
  close(agent);
  sleep_ns(200000000u);
  pthread_t thread;
  if ((errno = pthread_create(&thread, NULL, receive, NULL)) != 0) fail("start a thread");
  unsigned long calls = 0;
  for (; now_ns() < end; ++calls) {
    syscall(__NR_getpgid, 1);
    sleep_ns(calls % 4 == 0 ? 20000000u : 2000000u);
  }
  printf("%lu calls\n", calls);
  return 0;
}
