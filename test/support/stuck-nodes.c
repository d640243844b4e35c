// SPDX-License-Identifier: Apache-2.0
// A container that has device nodes made in a FUSE file system of its own, which is mounted nodev.
// All nodes there are one: it gives its inode whatever name is made, and does not answer who
// changes it, so that nobody can mount anything on it meanwhile, and who tries can't be killed.
//
// usage: stuck-nodes -s SOCKET FOLDER
// FOLDER becomes the file system. For each line of its input that is a number, so many threads make
// a node each, and it prints `ANSWER NANOSECONDS` for each; the line `answer` has the change
// answered, and prints `answered`. It ends with its input.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "container.h"

enum {
  LIFE_SECONDS = 100,
  MOST_REQUEST = 1 << 17,
  NODE = 2,
  FOR_EVER_S = 1 << 20,
  MOST_CALLS = 64
};

static int fuse_fd;
static sem_t is_held;
static _Atomic uint64_t held_unique;

// ---- the file system ----

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
  return (struct fuse_attr){
      .ino = node, .mode = S_IFCHR | 0666, .nlink = 1, .rdev = (uint32_t)makedev(1, 3)};
}

static void answer_entry(uint64_t unique) {
  const struct fuse_entry_out entry = {.nodeid = NODE,
                                       .entry_valid = FOR_EVER_S,
                                       .attr_valid = FOR_EVER_S,
                                       .attr = attributes_of(NODE)};
  answer(unique, 0, &entry, sizeof entry);
}

static void answer_request(const struct fuse_in_header *request) {
  const uint64_t unique = request->unique;
  const struct fuse_attr_out attributes = {.attr_valid = FOR_EVER_S,
                                           .attr = attributes_of(request->nodeid)};
  static const struct fuse_init_out init = {
      .major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096};
  switch (request->opcode) {
    case FUSE_INIT:
      answer(unique, 0, &init, sizeof init);
      break;
    case FUSE_GETATTR:
      answer(unique, 0, &attributes, sizeof attributes);
      break;
    case FUSE_SETATTR:
      atomic_store(&held_unique, unique);
      sem_post(&is_held);
      break;
    case FUSE_LOOKUP:
      if (strcmp((const char *)(request + 1), "held") == 0)
        answer_entry(unique);
      else
        answer(unique, ENOENT, NULL, 0);
      break;
    case FUSE_MKNOD:
      answer_entry(unique);
      break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
      break;
    default:
      answer(unique, ENOSYS, NULL, 0);
  }
}

static void *serve(void *unused) {
  static _Alignas(struct fuse_in_header) char buffer[MOST_REQUEST];
  for (;;) {
    if (read(fuse_fd, buffer, sizeof buffer) >= 0)
      answer_request((const struct fuse_in_header *)buffer);
    else if (errno == ENODEV)
      return unused;
  }
}

static void start(void *(*run)(void *), void *argument, pthread_t *thread) {
  errno = pthread_create(thread, NULL, run, argument);
  if (errno != 0) fail("start a thread");
}

static void prepare(const char *folder) {
  pthread_t server;
  char options[128];
  if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
    fail("make a mount namespace");
  fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fuse_fd < 0) fail("open /dev/fuse");
  snprintf(options, sizeof options, "fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other",
           fuse_fd);
  if (mount("nodes", folder, "fuse", MS_NODEV, options) < 0) fail("mount FUSE");
  start(serve, NULL, &server);
  if (chdir(folder) < 0) fail("enter FUSE");
}

// ---- the calls ----

// In a process of its own: what can't be killed would keep the file system from its end.
static void change_node(void) {
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child > 0) return;
  close(fuse_fd);
  _exit(chmod("held", 0600) < 0);
}

static void *make_node(void *argument) {
  char name[32];
  snprintf(name, sizeof name, "node-%lu", (unsigned long)(uintptr_t)argument);
  const uint64_t began_ns = now_ns();
  const long made = mknodat(AT_FDCWD, name, S_IFCHR | 0666, makedev(1, 3));
  dprintf(STDOUT_FILENO, "%s %lu\n", answer_name(made < 0 ? errno : 0), now_ns() - began_ns);
  return NULL;
}

static void make_nodes(unsigned long count) {
  static uintptr_t number;
  pthread_t threads[MOST_CALLS];
  if (count > MOST_CALLS) return;
  for (unsigned long i = 0; i < count; i++) start(make_node, (void *)number++, &threads[i]);
  for (unsigned long i = 0; i < count; i++) pthread_join(threads[i], NULL);
}

int main(int argc, char **argv) {
  struct container container = {.wait_killable = true};
  for (int letter; (letter = getopt(argc, argv, "s:")) != -1;) {
    if (letter != 's') return 2;
    container.socket = optarg;
  }
  if (container.socket == NULL || optind + 1 != argc) return 2;
  if (prctl(PR_CAPBSET_READ, CAP_MKNOD) != 0) return 2;
  alarm(LIFE_SECONDS);
  prepare(argv[optind]);
  static const long numbers[] = {SYS_mknodat};
  close(enter_container(&container, numbers, 1));
  if (sem_init(&is_held, 0, 0) < 0) fail("make a semaphore");
  change_node();
  while (sem_wait(&is_held) < 0) {
  }
  char line[64];
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (strcmp(line, "answer\n") != 0) {
      make_nodes(strtoul(line, NULL, 10));
      continue;
    }
    const struct fuse_attr_out changed = {.attr_valid = FOR_EVER_S, .attr = attributes_of(NODE)};
    answer(atomic_load(&held_unique), 0, &changed, sizeof changed);
    dprintf(STDOUT_FILENO, "answered\n");
  }
  // threads may hang in the file system, which ends with us
  _exit(0);
}
