// SPDX-License-Identifier: Apache-2.0
// A container that has device nodes made in a FUSE file system of its own, which is mounted nodev.
// All nodes there are one: it gives its inode whatever name is made, and does not answer who
// changes it, so that nobody can mount anything on it meanwhile, and who tries can't be killed.
// There is a file, too, and who closes it is not answered either.
//
// usage: stuck-nodes -s SOCKET [-o] FOLDER
//   -o  the calls open the file, and make no nodes
// FOLDER becomes the file system. For each line of its input that is a number, so many threads make
// a call each, and it prints `ANSWER NANOSECONDS` for each; the line `answer` has all answered,
// from now on, and prints `answered`. It ends with its input.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "container.h"

enum {
  LIFE_SECONDS = 100,
  MOST_REQUEST = 1 << 17,
  NODE = 2,
  A_FILE = 3,
  FOR_EVER_S = 1 << 20,
  MOST_CALLS = 64,
  MOST_HELD = 256,
  PAUSE_NS = 5000000
};

// Of both processes.
struct shared {
  sem_t is_held;
  sem_t is_answered;
};
static struct shared *shared;

// ---- the file system, a process that ends with the container ----

static int fuse_fd;
static pid_t container_pid;
static volatile sig_atomic_t answers_all;

// Requests that are not answered yet.
static struct fuse_in_header held[MOST_HELD];
static size_t held_count;

static void answer(uint64_t unique, int error, const void *data, size_t size) {
  char bytes[256];
  const struct fuse_out_header header = {
      .len = (uint32_t)(sizeof header + size), .error = -error, .unique = unique};
  memcpy(bytes, &header, sizeof header);
  if (size > 0) memcpy(bytes + sizeof header, data, size);
  // whoever asked may be gone
  if (write(fuse_fd, bytes, header.len) < 0 && errno != ENOENT) fail("answer FUSE");
}

static struct fuse_attr attributes_of(uint64_t node) {
  if (node == FUSE_ROOT_ID)
    return (struct fuse_attr){.ino = node, .mode = S_IFDIR | 0755, .nlink = 2};
  if (node == A_FILE) return (struct fuse_attr){.ino = node, .mode = S_IFREG | 0666, .nlink = 1};
  return (struct fuse_attr){
      .ino = node, .mode = S_IFCHR | 0666, .nlink = 1, .rdev = (uint32_t)makedev(1, 3)};
}

static void answer_entry(uint64_t unique, uint64_t node) {
  const struct fuse_entry_out entry = {.nodeid = node,
                                       .entry_valid = FOR_EVER_S,
                                       .attr_valid = FOR_EVER_S,
                                       .attr = attributes_of(node)};
  answer(unique, 0, &entry, sizeof entry);
}

static void answer_attributes(const struct fuse_in_header *request) {
  const struct fuse_attr_out attributes = {.attr_valid = FOR_EVER_S,
                                           .attr = attributes_of(request->nodeid)};
  answer(request->unique, 0, &attributes, sizeof attributes);
}

static void answer_held(const struct fuse_in_header *request) {
  if (request->opcode == FUSE_FLUSH)
    answer(request->unique, 0, NULL, 0);
  else
    answer_attributes(request);
}

static void hold(const struct fuse_in_header *request) {
  if (answers_all)
    answer_held(request);
  else if (held_count < MOST_HELD)
    held[held_count++] = *request;
}

static void answer_all(void) {
  for (size_t i = 0; i < held_count; i++) answer_held(&held[i]);
  held_count = 0;
  sem_post(&shared->is_answered);
}

// The container's own threads are answered, or it could not end.
static bool is_of_container(uint32_t tid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task/%u", container_pid, tid);
  return access(path, F_OK) == 0;
}

static void answer_request(const struct fuse_in_header *request) {
  const uint64_t unique = request->unique;
  static const struct fuse_open_out opened = {.fh = 1};
  const char *name = (const char *)(request + 1);
  static const struct fuse_init_out init = {
      .major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096};
  switch (request->opcode) {
    case FUSE_INIT:
      answer(unique, 0, &init, sizeof init);
      break;
    case FUSE_GETATTR:
      answer_attributes(request);
      break;
    case FUSE_OPEN:
      answer(unique, 0, &opened, sizeof opened);
      break;
    case FUSE_FLUSH:
      if (is_of_container(request->pid))
        answer_held(request);
      else
        hold(request);
      break;
    case FUSE_SETATTR:
      hold(request);
      sem_post(&shared->is_held);
      break;
    case FUSE_LOOKUP:
      if (strcmp(name, "held") == 0)
        answer_entry(unique, NODE);
      else if (strcmp(name, "file") == 0)
        answer_entry(unique, A_FILE);
      else
        answer(unique, ENOENT, NULL, 0);
      break;
    case FUSE_MKNOD:
      answer_entry(unique, NODE);
      break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
      break;
    default:
      answer(unique, ENOSYS, NULL, 0);
  }
}

static void note_answer(int signal) {
  (void)signal;
  answers_all = true;
}

_Noreturn static void serve(void) {
  static _Alignas(struct fuse_in_header) char buffer[MOST_REQUEST];
  const struct sigaction action = {.sa_handler = note_answer};
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != container_pid || sigaction(SIGUSR1, &action, NULL) < 0) _exit(1);
  bool has_answered = false;
  for (;;) {
    if (read(fuse_fd, buffer, sizeof buffer) >= 0)
      answer_request((const struct fuse_in_header *)buffer);
    else if (errno == ENODEV)
      _exit(0);
    if (answers_all && !has_answered) {
      has_answered = true;
      answer_all();
    }
  }
}

static pid_t prepare(const char *folder) {
  char options[128];
  if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
    fail("make a mount namespace");
  fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fuse_fd < 0) fail("open /dev/fuse");
  snprintf(options, sizeof options, "fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other",
           fuse_fd);
  if (mount("nodes", folder, "fuse", MS_NODEV, options) < 0) fail("mount FUSE");
  container_pid = getpid();
  const pid_t server = fork();
  if (server < 0) fail("fork");
  if (server == 0) serve();
  close(fuse_fd);
  if (chdir(folder) < 0) fail("enter FUSE");
  return server;
}

// ---- the calls ----

// In a process of its own: what can't be killed would keep the container from its end.
static void change_node(void) {
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child > 0) return;
  _exit(chmod("held", 0600) < 0);
}

static bool opens_file;

static long call(uintptr_t number) {
  if (opens_file) return openat(AT_FDCWD, "file", O_RDONLY | O_CLOEXEC);
  char name[32];
  snprintf(name, sizeof name, "node-%lu", (unsigned long)number);
  return mknodat(AT_FDCWD, name, S_IFCHR | 0666, makedev(1, 3));
}

static void *make_call(void *argument) {
  const uint64_t began_ns = now_ns();
  const long result = call((uintptr_t)argument);
  dprintf(STDOUT_FILENO, "%s %lu\n", answer_name(result < 0 ? errno : 0), now_ns() - began_ns);
  return NULL;
}

static void make_calls(unsigned long count) {
  static uintptr_t number;
  pthread_t threads[MOST_CALLS];
  if (count > MOST_CALLS) return;
  for (unsigned long i = 0; i < count; i++) {
    errno = pthread_create(&threads[i], NULL, make_call, (void *)number++);
    if (errno != 0) fail("start a thread");
  }
  for (unsigned long i = 0; i < count; i++) pthread_join(threads[i], NULL);
}

int main(int argc, char **argv) {
  struct container container = {.wait_killable = true};
  for (int letter; (letter = getopt(argc, argv, "s:o")) != -1;) {
    if (letter == 's')
      container.socket = optarg;
    else if (letter == 'o')
      opens_file = true;
    else
      return 2;
  }
  if (container.socket == NULL || optind + 1 != argc) return 2;
  if (!opens_file && prctl(PR_CAPBSET_READ, CAP_MKNOD) != 0) return 2;
  alarm(LIFE_SECONDS);
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED || sem_init(&shared->is_held, 1, 0) < 0 ||
      sem_init(&shared->is_answered, 1, 0) < 0)
    fail("share memory");
  const pid_t server = prepare(argv[optind]);
  static const long numbers[] = {SYS_mknodat, SYS_openat};
  close(enter_container(&container, numbers + (opens_file ? 1 : 0), 1));
  if (!opens_file) {
    change_node();
    while (sem_wait(&shared->is_held) < 0) {
    }
  }
  char line[64];
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (strcmp(line, "answer\n") != 0) {
      make_calls(strtoul(line, NULL, 10));
      continue;
    }
    // one that comes before it reads wakes it from nothing
    do {
      kill(server, SIGUSR1);
      sleep_ns(PAUSE_NS);
    } while (sem_trywait(&shared->is_answered) < 0);
    dprintf(STDOUT_FILENO, "answered\n");
  }
  // threads may hang in the file system, which ends with us
  _exit(0);
}
