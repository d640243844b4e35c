// SPDX-License-Identifier: Apache-2.0
// Holds the lock of its own filter, which the kernel takes for whatever is asked of a listener: while a
// caller takes a descriptor that it is given, in a table of descriptors that another thread has begun
// to make larger, and for which that thread gets no processor.
//
// usage: listener-holder [-k OCI_BUNDLE] [-o] [-u] SOCKET METADATA|- BUSY_THREADS
//   -k  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, as the bundle's profile says
//   -o  nobody opens anything while it is held, and a thread makes other calls all the time
//   -u  nobody has the listener before it is held: this program gives itself the descriptor
// It prints `holding` when it begins to, `sent` for -u, and `held NS` when it has ended, which takes some 0.4 s for
// each busy thread.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "container.h"

enum { LIFE_SECONDS = 60, TABLE = 64, LARGER = 4000, OPENERS = 8, OPENED = 100 };

static atomic_bool is_growing, has_grown;
static bool calls_otherwise, is_own_supervisor;
static int listener;

static void stay_on(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  if (sched_setaffinity(0, sizeof set, &set) < 0) fail("stay on a processor");
}

static int last_processor(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) < 0) fail("ask for processors");
  int last = 0;
  for (int processor = 0; processor < CPU_SETSIZE; processor++)
    if (CPU_ISSET(processor, &set)) last = processor;
  return last;
}

static void *be_busy(void *argument) {
  (void)argument;
  stay_on(last_processor());
  while (!atomic_load(&is_growing)) sleep_ns(500000);
  while (!atomic_load(&has_grown)) {
  }
  return NULL;
}

static void *grow(void *argument) {
  (void)argument;
  stay_on(last_processor());
  sleep_ns(200000000);
  const struct sched_param none = {0};
  if (sched_setscheduler(0, SCHED_IDLE, &none) < 0) fail("be idle");
  puts("holding");
  atomic_store(&is_growing, true);
  const uint64_t began = now_ns();
  if (dup2(0, LARGER) < 0) fail("make the table larger");
  atomic_store(&has_grown, true);
  printf("held %llu\n", (unsigned long long)(now_ns() - began));
  return NULL;
}

static void *open_again(void *argument) {
  const uintptr_t number = (uintptr_t)argument;
  stay_on(0);
  while (!atomic_load(&is_growing)) sleep_ns(200000);
  sleep_ns(500000 * number);
  // all that they open has room in a smaller table
  for (int opened = 0; opened < OPENED && !atomic_load(&has_grown);) {
    // -o: the call of the others, which no descriptor answers
    if (calls_otherwise && number > 0) {
      make_directory("/");
      continue;
    }
    syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY | O_DIRECTORY);
    opened++;
  }
  return NULL;
}

// Gives each call a descriptor.
static void *supervise(void *argument) {
  (void)argument;
  for (;;) {
    struct seccomp_notif call = {0};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0) fail("receive a call");
    struct seccomp_notif_addfd given = {.id = call.id, .srcfd = 0};
    given.flags = SECCOMP_ADDFD_FLAG_SEND;
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &given) < 0) fail("give a descriptor");
  }
}

// Once the listener is held. All that this takes is open before.
static void *send_held(void *argument) {
  const struct container *container = argument;
  const int agent = connect_agent(container->socket);
  while (!atomic_load(&is_growing)) sleep_ns(500000);
  sleep_ns(700000000);
  send_listener(agent, listener, container);
  puts("sent");
  return NULL;
}

int main(int argc, char **argv) {
  struct container container = {0};
  for (int option; (option = getopt(argc, argv, "k:ou")) != -1;) {
    if (option == 'k') {
      container.wait_killable = true;
      container.bundle = optarg;
    }
    if (option == 'o') calls_otherwise = true;
    if (option == 'u') is_own_supervisor = true;
    if (option == '?') return 2;
  }
  if (argc - optind != 3) return 2;
  container.socket = argv[optind];
  container.metadata = strcmp(argv[optind + 1], "-") == 0 ? NULL : argv[optind + 1];
  const int busy = atoi(argv[optind + 2]);
  alarm(LIFE_SECONDS);
  signal(SIGCHLD, SIG_IGN);
  setvbuf(stdout, NULL, _IOLBF, 0);
  const struct rlimit table = {.rlim_cur = 2 * LARGER, .rlim_max = 2 * LARGER};
  if (setrlimit(RLIMIT_NOFILE, &table) < 0) fail("have a table");
  const long numbers[] = {__NR_openat, MAKE_DIRECTORY_NUMBER};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail("set no_new_privs");
  pthread_t thread;
  if (is_own_supervisor) {
    listener = load_filter(numbers, 1, false);
    pthread_create(&thread, NULL, supervise, NULL);
    pthread_create(&thread, NULL, send_held, &container);
  } else {
    close(enter_container(&container, numbers, 2));
  }
  sleep_ns(100000000);
  while (dup(1) < TABLE - 1) {
  }
  for (uintptr_t i = 0; i < OPENERS; i++)
    pthread_create(&thread, NULL, open_again, (void *)i);
  for (int i = 0; i < busy; i++) pthread_create(&thread, NULL, be_busy, NULL);
  pthread_create(&thread, NULL, grow, NULL);
  pthread_join(thread, NULL);
  _exit(0);
}
