// SPDX-License-Identifier: Apache-2.0
// Makes many calls in a container, from any number of threads, and tells what they gave and how
// long they took.
//
// usage: timed-calls -s SOCKET [options] CALL
//   CALL          getpgid:NUMBER, or mkdir:PREFIX, each under a name of its own:
//   PREFIX-THREAD-INDEX -m METADATA   listenerMetadata -i ID         container id -k
//   SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV -t THREADS    (1) -n CALLS      of each thread (1); 0:
//   until stdin ends -p US         pause before each call but the first -S US         a signal to
//   each thread so often; its handler asks for restarts -e            it does not: the program
//   makes a call again that gave EINTR, and counts these as `repeats` -v            prints each
//   call: `call ANSWER NANOSECONDS` -w            waits for a byte on stdin before the first call
// It prints `ready` once all threads are there.
// At the end it prints `answer ANSWER COUNT` for each answer, `p50 NS`, `p99 NS`, `max NS`,
// `calls COUNT`, `took NS` (of all) and `signals COUNT`.
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "container.h"

enum { LIFE_SECONDS = 100, MOST_THREADS = 4096, STACK_BYTES = 65536, ERRNOS = 4096 };

struct call {
  int error;
  uint64_t took_ns;
};

struct thread {
  pthread_t handle;
  unsigned index;
  struct call *calls;
  size_t count, capacity;
};

static unsigned long thread_count = 1, calls_each = 1, pause_us, signal_us;
static const char *prefix;  // of mkdir; NULL: getpgid
static long number;
static struct thread threads[MOST_THREADS];
static atomic_bool is_over;
static atomic_ulong signals, repeats;
static bool repeats_itself;
static pthread_barrier_t start;

static void note_signal(int signal) {
  (void)signal;
  atomic_fetch_add(&signals, 1);
}

static void start_timer(void) {
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
  event._sigev_un._tid = (pid_t)syscall(__NR_gettid);
  timer_t timer;
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0) fail("make a timer");
  const struct timespec interval = {(time_t)(signal_us / 1000000),
                                    (long)(signal_us % 1000000) * 1000};
  const struct itimerspec each = {interval, interval};
  if (timer_settime(timer, 0, &each, NULL) < 0) fail("start a timer");
}

// `again`: as the programs of many languages do it, with the path at another address.
static long make_call(const struct thread *thread, bool again) {
  if (prefix == NULL) return syscall(__NR_getpgid, number);
  char paths[2][4096];
  char *path = paths[again];
  snprintf(path, sizeof *paths, "%s-%u-%zu", prefix, thread->index, thread->count);
  return make_directory(path);
}

static void *run(void *argument) {
  struct thread *thread = argument;
  pthread_barrier_wait(&start);
  if (signal_us > 0) start_timer();
  while (calls_each == 0 ? !atomic_load(&is_over) : thread->count < calls_each) {
    if (pause_us > 0 && thread->count > 0) sleep_ns(pause_us * UINT64_C(1000));
    if (thread->count == thread->capacity) {
      thread->capacity = thread->capacity == 0 ? 64 : 2 * thread->capacity;
      thread->calls = realloc(thread->calls, thread->capacity * sizeof *thread->calls);
      if (thread->calls == NULL) fail("allocate");
    }
    struct call *call = &thread->calls[thread->count];
    const uint64_t began_ns = now_ns();
    long result = make_call(thread, false);
    while (repeats_itself && result == -1 && errno == EINTR) {
      atomic_fetch_add(&repeats, 1);
      result = make_call(thread, true);
    }
    call->error = result == -1 ? errno : 0;
    call->took_ns = now_ns() - began_ns;
    thread->count++;
  }
  return NULL;
}

static int by_size(const void *left, const void *right) {
  const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

static void print_summary(uint64_t took_ns, bool is_verbose) {
  static size_t answers[ERRNOS];
  size_t count = 0;
  for (size_t i = 0; i < thread_count; i++) count += threads[i].count;
  uint64_t *sorted_ns = malloc((count + 1) * sizeof *sorted_ns);
  if (sorted_ns == NULL) fail("allocate");
  size_t filled = 0;
  for (size_t i = 0; i < thread_count; i++) {
    for (size_t k = 0; k < threads[i].count; k++) {
      const struct call *call = &threads[i].calls[k];
      if (is_verbose) printf("call %s %lu\n", answer_name(call->error), call->took_ns);
      answers[call->error]++;
      sorted_ns[filled++] = call->took_ns;
    }
  }
  qsort(sorted_ns, count, sizeof *sorted_ns, by_size);
  for (int error = 0; error < ERRNOS; error++) {
    if (answers[error] > 0) printf("answer %s %zu\n", answer_name(error), answers[error]);
  }
  if (count > 0)
    printf("p50 %lu\np99 %lu\nmax %lu\n", sorted_ns[(count - 1) / 2],
           sorted_ns[(count - 1) * 99 / 100], sorted_ns[count - 1]);
  printf("calls %zu\ntook %lu\nsignals %lu\nrepeats %lu\n", count, took_ns, signals, repeats);
  fflush(stdout);
}

// Whether there is one.
static bool await_byte(void) {
  char byte;
  ssize_t got;
  do {
    got = read(STDIN_FILENO, &byte, 1);
  } while (got < 0 && errno == EINTR);
  return got > 0;
}

static unsigned long number_or_usage(const char *text) {
  char *end;
  const unsigned long value = strtoul(text, &end, 10);
  if (*text == '\0' || *end != '\0') exit(2);
  return value;
}

int main(int argc, char **argv) {
  struct container container = {0};
  bool is_verbose = false, waits = false;
  for (int letter; (letter = getopt(argc, argv, "s:m:i:kt:n:p:S:evw")) != -1;) {
    switch (letter) {
      case 's':
        container.socket = optarg;
        break;
      case 'm':
        container.metadata = optarg;
        break;
      case 'i':
        container.id = optarg;
        break;
      case 'k':
        container.wait_killable = true;
        break;
      case 't':
        thread_count = number_or_usage(optarg);
        break;
      case 'n':
        calls_each = number_or_usage(optarg);
        break;
      case 'p':
        pause_us = number_or_usage(optarg);
        break;
      case 'S':
        signal_us = number_or_usage(optarg);
        break;
      case 'e':
        repeats_itself = true;
        break;
      case 'v':
        is_verbose = true;
        break;
      case 'w':
        waits = true;
        break;
      default:
        return 2;
    }
  }
  if (container.socket == NULL || optind + 1 != argc) return 2;
  if (thread_count == 0 || thread_count > MOST_THREADS) return 2;
  if (strncmp(argv[optind], "mkdir:", 6) == 0)
    prefix = argv[optind] + 6;
  else if (strncmp(argv[optind], "getpgid:", 8) == 0)
    number = atol(argv[optind] + 8);
  else
    return 2;

  alarm(LIFE_SECONDS);
  const struct sigaction action = {.sa_handler = note_signal,
                                   .sa_flags = repeats_itself ? 0 : SA_RESTART};
  if (sigaction(SIGUSR1, &action, NULL) < 0) fail("handle the signal");
  static const long numbers[] = {MAKE_DIRECTORY_NUMBER, __NR_getpgid};
  close(enter_container(&container, numbers, sizeof numbers / sizeof *numbers));

  if (pthread_barrier_init(&start, NULL, (unsigned)thread_count + 1) != 0) fail("make a barrier");
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  for (unsigned i = 0; i < thread_count; i++) {
    threads[i].index = i;
    if (pthread_create(&threads[i].handle, &attributes, run, &threads[i]) != 0)
      fail("start a thread");
  }
  printf("ready\n");
  fflush(stdout);
  if (waits) await_byte();
  const uint64_t began_ns = now_ns();
  pthread_barrier_wait(&start);
  if (calls_each == 0) {
    while (await_byte()) {
    }
    atomic_store(&is_over, true);
  }
  for (size_t i = 0; i < thread_count; i++) pthread_join(threads[i].handle, NULL);
  print_summary(now_ns() - began_ns, is_verbose);
  return 0;
}
