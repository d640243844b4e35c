// SPDX-License-Identifier: Apache-2.0
// Containers on one file system that answers each question after some time, however many are asked
// at once: it has none of the names that are looked up.
//
// usage: slow-herd -s SOCKET [-m METADATA] [-t THREADS] [-p PAUSE_US] [-o] CONTAINERS US SECONDS
//                  FOLDER
//   -t THREADS   of each container; absent: one
//   -p PAUSE_US  between the calls of a thread, of which the first one comes at some time within it
//   -o           each container ends after one call, and another one takes its place
// Without -o, each first calls a few times where nothing is slow. Prints `ready` once all have,
// which is when the SECONDS begin, and at the end `ANSWER COUNT` for each answer.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "container.h"

enum { ERRNOS = 4096, MAX_THREADS = 256, MAX_REQUEST = 1 << 17, QUICK_CALLS = 16 };

// ---- the file system ----

struct question {
  uint64_t unique, due_ns;
  struct question *next;
};

static int fuse;
static uint64_t answer_ns;
static struct question *first, **last = &first;
static pthread_mutex_t questions = PTHREAD_MUTEX_INITIALIZER;

static void answer(uint64_t unique, int error, const void *body, size_t size) {
  char bytes[256];
  const struct fuse_out_header header = {
      .len = (uint32_t)(sizeof header + size), .error = -error, .unique = unique};
  memcpy(bytes, &header, sizeof header);
  if (size > 0) memcpy(bytes + sizeof header, body, size);
  // ENOENT: whoever asked is gone
  if (write(fuse, bytes, header.len) < 0 && errno != ENOENT) fail("answer");
}

static struct question *take_due(void) {
  pthread_mutex_lock(&questions);
  struct question *due = first;
  if (due != NULL && due->due_ns > now_ns()) due = NULL;
  if (due != NULL) first = due->next;
  if (first == NULL) last = &first;
  pthread_mutex_unlock(&questions);
  return due;
}

static void *answer_late(void *argument) {
  for (;;) {
    struct question *due = take_due();
    if (due == NULL) {
      sleep_ns(1000000);
      continue;
    }
    answer(due->unique, ENOENT, NULL, 0);
    free(due);
  }
  return argument;
}

static void keep(uint64_t unique) {
  struct question *question = malloc(sizeof *question);
  if (question == NULL) fail("keep a question");
  *question = (struct question){unique, now_ns() + answer_ns, NULL};
  pthread_mutex_lock(&questions);
  *last = question;
  last = &question->next;
  pthread_mutex_unlock(&questions);
}

static void serve_one(const struct fuse_in_header *request) {
  const struct fuse_init_out init = {
      .major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096, .flags = FUSE_PARALLEL_DIROPS};
  const struct fuse_attr_out root = {.attr_valid = 1000,
                                     .attr = {.ino = 1, .mode = S_IFDIR | 0777, .nlink = 1}};
  switch (request->opcode) {
    case FUSE_INIT:
      answer(request->unique, 0, &init, sizeof init);
      break;
    case FUSE_GETATTR:
      answer(request->unique, 0, &root, sizeof root);
      break;
    case FUSE_LOOKUP:
      keep(request->unique);
      break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
      break;
    default:
      answer(request->unique, ENOSYS, NULL, 0);
  }
}

_Noreturn static void serve(void) {
  static _Alignas(struct fuse_in_header) char buffer[MAX_REQUEST];
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pthread_t thread;
  errno = pthread_create(&thread, NULL, answer_late, NULL);
  if (errno != 0) fail("start a thread");
  for (;;) {
    if (read(fuse, buffer, sizeof buffer) >= 0)
      serve_one((const struct fuse_in_header *)buffer);
    else if (errno == ENODEV)
      _exit(0);
  }
}

static pid_t mount_slow(const char *folder) {
  char options[128];
  if (unshare(CLONE_NEWNS) < 0) fail("make a mount namespace");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("make all mounts private");
  fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fuse < 0) fail("open /dev/fuse");
  snprintf(options, sizeof options, "fd=%d,rootmode=40777,user_id=0,group_id=0,allow_other", fuse);
  if (mount("slow", folder, "fuse", 0, options) < 0) fail("mount FUSE");
  const pid_t server = fork();
  if (server < 0) fail("fork");
  if (server == 0) serve();
  close(fuse);
  return server;
}

// ---- the containers ----

static const char *folder;
static uint64_t pause_ns;
static bool calls_once;
// Of all: the time when they end, 0 until all have begun; and how often there was which answer.
static struct {
  atomic_ulong end_ns;
  atomic_long answers[ERRNOS];
} *all;

static bool is_over(void) {
  while (all->end_ns == 0) sleep_ns(1000000);
  return now_ns() >= all->end_ns;
}

static void *call_slowly(void *argument) {
  unsigned seed = (unsigned)getpid() + *(const unsigned *)argument;
  char path[256];
  if (!is_over() && pause_ns > 0) sleep_ns((uint64_t)rand_r(&seed) % pause_ns);
  while (!is_over()) {
    // no name that is known not to be there
    snprintf(path, sizeof path, "%s/%d-%d/x", folder, getpid(), rand_r(&seed));
    atomic_fetch_add(&all->answers[make_directory(path) < 0 ? errno : 0], 1);
    if (calls_once) break;
    sleep_ns(pause_ns);
  }
  return NULL;
}

_Noreturn static void be_container(const struct container *container, unsigned threads, int ready) {
  static const long numbers[] = {MAKE_DIRECTORY_NUMBER};
  pthread_t started[MAX_THREADS];
  unsigned places[MAX_THREADS];
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  close(enter_container(container, numbers, 1));
  for (int call = 0; call < QUICK_CALLS && !calls_once; call++) make_directory("/there/is/none");
  if (!calls_once && write(ready, "", 1) != 1) fail("say that it is ready");
  for (unsigned i = 0; i < threads; i++) {
    places[i] = i;
    errno = pthread_create(&started[i], NULL, call_slowly, &places[i]);
    if (errno != 0) fail("start a thread");
  }
  for (unsigned i = 0; i < threads; i++) pthread_join(started[i], NULL);
  _exit(0);
}

// One after the other.
_Noreturn static void be_containers(const struct container *container, int ready) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (write(ready, "", 1) != 1) fail("say that it is ready");
  while (!is_over()) {
    const pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) be_container(container, 1, ready);
    waitpid(child, NULL, 0);
  }
  _exit(0);
}

int main(int argc, char **argv) {
  struct container container = {0};
  unsigned threads = 1;
  for (int letter; (letter = getopt(argc, argv, "s:m:t:p:o")) != -1;) {
    if (letter == 's')
      container.socket = optarg;
    else if (letter == 'm')
      container.metadata = optarg;
    else if (letter == 't')
      threads = (unsigned)atoi(optarg);
    else if (letter == 'p')
      pause_ns = (uint64_t)atol(optarg) * 1000;
    else if (letter == 'o')
      calls_once = true;
    else
      return 2;
  }
  if (container.socket == NULL || argc - optind != 4 || threads > MAX_THREADS) return 2;
  const int containers = atoi(argv[optind]);
  answer_ns = (uint64_t)atol(argv[optind + 1]) * 1000;
  const uint64_t seconds = (uint64_t)atol(argv[optind + 2]);
  folder = argv[optind + 3];
  all = mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int ready[2];
  if (all == MAP_FAILED || pipe2(ready, O_CLOEXEC) < 0) fail("share memory");
  const pid_t server = mount_slow(folder);
  for (int i = 0; i < containers; i++) {
    const pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0 && calls_once) be_containers(&container, ready[1]);
    if (child == 0) be_container(&container, threads, ready[1]);
    char byte;
    if (read(ready[0], &byte, 1) != 1) fail("wait for a container");
  }
  all->end_ns = now_ns() + seconds * 1000000000u;
  printf("ready\n");
  fflush(stdout);
  for (int i = 0; i < containers; i++) {
    if (wait(NULL) == server) fail("have a file system");
  }
  for (int error = 0; error < ERRNOS; error++) {
    const long count = all->answers[error];
    if (count > 0) printf("%s %ld\n", answer_name(error), count);
  }
  umount2(folder, MNT_DETACH);
  kill(server, SIGKILL);
  return 0;
}
