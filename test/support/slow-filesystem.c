// SPDX-License-Identifier: Apache-2.0
// A container on a file system that never answers: each of its threads makes one directory there,
// or mounts a tmpfs or makes a device node there.
// The file system is FUSE, and it says no more than that it is there; where nodes are made, it
// makes them, too, and says nothing of them. It is mounted in a mount namespace of this process's
// own, so it is gone with the process.
//
// usage: slow-filesystem -s SOCKET [-m METADATA] [-i ID] [-t THREADS] [-u] [-v] [-M | -n] FOLDER
//   -u      it does not even read what it is asked: then whoever waits for it can be killed
//   -v      says `unanswered` when it has read such a question: who asked can't be killed then
//   -M      mounts in place of directories
//   -n      nodes of the device null in place of directories
//   FOLDER  a tmpfs there becomes the container's root; its /make is the slow file system
// It prints `ready` once it is a container, for each call a line `ANSWER NANOSECONDS`, and in the
// end `asked COUNT`: how many questions the file system has read and left without an answer.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "container.h"

enum { LIFE_SECONDS = 150, MOST_THREADS = 64, MOST_REQUEST = 1 << 17 };

static bool reads_all = true;
static bool is_verbose = false;
static bool mounts = false;
static bool makes_nodes = false;
static atomic_ulong asked;

// Gives the file system's end of it.
static int mount_slow_filesystem(const char *folder) {
  if (unshare(CLONE_NEWNS) < 0) fail("make a mount namespace");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("make all mounts private");
  // so that the mount point need not be removed from the folder
  if (mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=64k") < 0)
    fail("mount a tmpfs");
  if (chdir(folder) < 0) fail("enter the tmpfs");
  if (mkdir("make", 0755) < 0) fail("make the mount point");
  const int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fd < 0) fail("open /dev/fuse");
  char options[128];
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd);
  if (mount("slow", "make", "fuse", MS_NOSUID | MS_NODEV, options) < 0) fail("mount FUSE");
  return fd;
}

static void answer(int fd, const struct fuse_in_header *request, int error, const void *body,
                   size_t size) {
  struct {
    struct fuse_out_header header;
    char body[256];
  } message = {.header = {.len = (uint32_t)(sizeof message.header + size),
                          .error = -error,
                          .unique = request->unique}};
  if (size > sizeof message.body) abort();
  if (size > 0) memcpy(message.body, body, size);
  // ENOENT: the question was taken back
  if (write(fd, &message, message.header.len) < 0 && errno != ENOENT) fail("answer FUSE");
}

static void answer_init(int fd, const struct fuse_in_header *request) {
  const struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096};
  answer(fd, request, 0, &init, sizeof init);
}

// The attributes are not valid for any time: whoever wants them has to ask.
static void answer_mknod(int fd, const struct fuse_in_header *request) {
  static uint64_t last_node = FUSE_ROOT_ID;
  const struct fuse_mknod_in *asked_for = (const struct fuse_mknod_in *)(request + 1);
  const uint64_t node = ++last_node;
  const struct fuse_entry_out made = {
      .nodeid = node,
      .entry_valid = LIFE_SECONDS,
      .attr = {.ino = node, .mode = asked_for->mode, .nlink = 1, .rdev = asked_for->rdev}};
  answer(fd, request, 0, &made, sizeof made);
}

// Whether it was one of the questions up to the making of a node.
static bool answer_of_nodes(int fd, const struct fuse_in_header *request) {
  const struct fuse_statfs_out statistics = {.st = {.bsize = 4096, .namelen = 255}};
  if (!makes_nodes || request->nodeid != FUSE_ROOT_ID) return false;
  switch (request->opcode) {
    case FUSE_STATFS:
      answer(fd, request, 0, &statistics, sizeof statistics);
      return true;
    case FUSE_LOOKUP:
      answer(fd, request, ENOENT, NULL, 0);
      return true;
    case FUSE_MKNOD:
      answer_mknod(fd, request);
      return true;
    default:
      return false;
  }
}

static void *serve(void *argument) {
  const int fd = *(const int *)argument;
  static _Alignas(struct fuse_in_header) char buffer[MOST_REQUEST];
  const struct fuse_in_header *request = (const struct fuse_in_header *)buffer;
  do {
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got < 0) {
      // the question was taken back
      if (errno == ENOENT || errno == EINTR) continue;
      fail("read from /dev/fuse");
    }
    switch (request->opcode) {
      case FUSE_INIT:
        answer_init(fd, request);
        break;
      case FUSE_INTERRUPT:
      case FUSE_FORGET:
      case FUSE_BATCH_FORGET:
        break;
      default:
        if (answer_of_nodes(fd, request)) break;
        atomic_fetch_add(&asked, 1);
        if (is_verbose) dprintf(STDOUT_FILENO, "unanswered\n");
    }
  } while (reads_all);
  return NULL;
}

static long call_number(void) {
  if (mounts) return __NR_mount;
  return makes_nodes ? __NR_mknodat : MAKE_DIRECTORY_NUMBER;
}

static long call(const char *path) {
  if (mounts) return mount("none", path, "tmpfs", 0, NULL);
  if (makes_nodes) return syscall(__NR_mknodat, AT_FDCWD, path, S_IFCHR | 0666, makedev(1, 3));
  return make_directory(path);
}

static void *call_once(void *argument) {
  char path[64];
  // a folder of its own: in the same one they would wait for each other, which can't be killed
  snprintf(path, sizeof path, makes_nodes ? "/make/%d-%ld" : "/make/%d-%ld/made", getpid(),
           (long)argument);
  const uint64_t began_ns = now_ns();
  const long result = call(path);
  const int error = result == -1 ? errno : 0;
  dprintf(STDOUT_FILENO, "%s %lu\n", answer_name(error), now_ns() - began_ns);
  return NULL;
}

static pthread_t started(void *(*run)(void *), void *argument) {
  pthread_t thread;
  errno = pthread_create(&thread, NULL, run, argument);
  if (errno != 0) fail("start a thread");
  return thread;
}

int main(int argc, char **argv) {
  struct container container = {0};
  long count = 1;
  for (int letter; (letter = getopt(argc, argv, "s:m:i:t:uvMn")) != -1;) {
    if (letter == 's')
      container.socket = optarg;
    else if (letter == 'm')
      container.metadata = optarg;
    else if (letter == 'i')
      container.id = optarg;
    else if (letter == 't')
      count = atol(optarg);
    else if (letter == 'u')
      reads_all = false;
    else if (letter == 'v')
      is_verbose = true;
    else if (letter == 'M')
      mounts = true;
    else if (letter == 'n')
      makes_nodes = true;
    else
      return 2;
  }
  if (container.socket == NULL || optind + 1 != argc) return 2;
  if (count < 1 || count > MOST_THREADS) return 2;
  alarm(LIFE_SECONDS);
  int fuse_fd = mount_slow_filesystem(argv[optind]);
  started(serve, &fuse_fd);

  // as enter_container, which can't connect from the new root
  const int agent_fd = connect_agent(container.socket);
  if (chroot(".") < 0 || chdir("/") < 0) fail("change the root");
  const long number = call_number();
  const int listener = load_filter(&number, 1, container.wait_killable);
  send_listener(agent_fd, listener, &container);
  close(agent_fd);
  close(listener);
  dprintf(STDOUT_FILENO, "ready\n");

  pthread_t threads[MOST_THREADS];
  for (long i = 0; i < count; i++) threads[i] = started(call_once, (void *)i);
  for (long i = 0; i < count; i++) pthread_join(threads[i], NULL);
  dprintf(STDOUT_FILENO, "asked %lu\n", asked);
  return 0;
}
