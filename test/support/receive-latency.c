// SPDX-License-Identifier: Apache-2.0
// Measures how soon the agent receives calls: from the start of a call until it is taken.
//
// usage: receive-latency {-s SOCKET [-m METADATA] | -w} [-n SAMPLES] [-p US]
// It keeps a second descriptor of its listener. That one polls as writable while a call has been
// received and is not answered yet. A thread waits for it while another one makes the calls, US
// microseconds apart; a call that has been answered by then was received, too. Both threads run at
// a real-time priority, so that what is measured is the agent and not us.
// With -w there is no agent: it measures how soon an ordinary thread of ours runs once it has been
// woken, which is what the machine leaves to every agent.
// Prints the nanoseconds of each call, one in a line.
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#include "container.h"

enum { LIFE_SECONDS = 150, MOST_SAMPLES = 100000 };

static int listener;
static atomic_ulong began_ns, received_ns;
static atomic_bool is_over;

// Makes the start of a call, and whoever takes it first says so.
static void note_received(void) {
  unsigned long none = 0;
  atomic_compare_exchange_strong(&received_ns, &none, now_ns());
}

static void become_real_time(void) {
  const struct sched_param parameters = {.sched_priority = 10};
  if (sched_setscheduler(0, SCHED_FIFO, &parameters) < 0) fail("get a real-time priority");
}

static void *watch(void *unused) {
  (void)unused;
  become_real_time();
  while (!atomic_load(&is_over)) {
    struct pollfd poll_fd = {.fd = listener, .events = POLLOUT};
    const int ready = poll(&poll_fd, 1, 1000);
    if (ready < 0 && errno != EINTR) fail("poll the listener");
    if (ready > 0 && (poll_fd.revents & POLLOUT) != 0 && atomic_load(&began_ns) != 0)
      note_received();
    // until it is answered the descriptor stays writable: leave the processor to the agent
    if (ready > 0) sleep_ns(200000);
  }
  return NULL;
}

static int to_sleeper, from_sleeper;

static void *sleep_until_woken(void *unused) {
  (void)unused;
  for (eventfd_t count; eventfd_read(to_sleeper, &count) == 0;) {
    const unsigned long woken_ns = now_ns();
    if (eventfd_write(from_sleeper, woken_ns) < 0) fail("answer");
  }
  return NULL;
}

static void measure_wake_ups(unsigned long samples, unsigned long pause_us) {
  to_sleeper = eventfd(0, EFD_CLOEXEC);
  from_sleeper = eventfd(0, EFD_CLOEXEC);
  if (to_sleeper < 0 || from_sleeper < 0) fail("make event descriptors");
  pthread_t sleeper;
  if (pthread_create(&sleeper, NULL, sleep_until_woken, NULL) != 0) fail("start a thread");
  become_real_time();
  for (unsigned long i = 0; i < samples; i++) {
    sleep_ns(pause_us * UINT64_C(1000));
    const unsigned long start_ns = now_ns();
    eventfd_t woken_ns;
    if (eventfd_write(to_sleeper, 1) < 0 || eventfd_read(from_sleeper, &woken_ns) < 0)
      fail("wake the thread");
    printf("%lu\n", woken_ns - start_ns);
  }
}

int main(int argc, char **argv) {
  struct container container = {0};
  unsigned long samples = 200, pause_us = 5000;
  bool without_agent = false;
  for (int letter; (letter = getopt(argc, argv, "s:m:n:p:w")) != -1;) {
    if (letter == 's')
      container.socket = optarg;
    else if (letter == 'm')
      container.metadata = optarg;
    else if (letter == 'n')
      samples = strtoul(optarg, NULL, 10);
    else if (letter == 'p')
      pause_us = strtoul(optarg, NULL, 10);
    else if (letter == 'w')
      without_agent = true;
    else
      return 2;
  }
  if ((container.socket == NULL) != without_agent || optind != argc || samples > MOST_SAMPLES)
    return 2;
  alarm(LIFE_SECONDS);
  if (without_agent) {
    measure_wake_ups(samples, pause_us);
    return 0;
  }
  static const long numbers[] = {__NR_getpgid};
  listener = enter_container(&container, numbers, 1);
  pthread_t watcher;
  if (pthread_create(&watcher, NULL, watch, NULL) != 0) fail("start a thread");
  become_real_time();

  // the first one also waits until the agent has taken the listener
  syscall(__NR_getpgid, 0L);
  for (unsigned long i = 0; i < samples; i++) {
    sleep_ns(pause_us * UINT64_C(1000));
    atomic_store(&received_ns, 0);
    const unsigned long start_ns = now_ns();
    atomic_store(&began_ns, start_ns);
    syscall(__NR_getpgid, 0L);
    note_received();
    atomic_store(&began_ns, 0);
    printf("%lu\n", atomic_load(&received_ns) - start_ns);
  }
  atomic_store(&is_over, true);
  pthread_join(watcher, NULL);
  return 0;
}
