// SPDX-License-Identifier: Apache-2.0
// A container of threads that each make one call that may never come to an end: the other end of a
// FIFO that nobody opens, a FUSE file system that reads all questions and answers none but those
// for one open file, which is asked whenever a copy of its descriptor is closed, a socket that is
// full, an epoll instance to which such a file is just being added.
//
// usage: stuck-caller -s SOCKET [-m METADATA] [-l] [-a US] [-u USER] FOLDER CALL...
//   -l       each call is made again and again, until it is killed
//   -a US    the FUSE file system says after so many microseconds that it has no such file
//   -u USER  who connects, and calls; absent: root
//   CALL     one of `calls` below; several of the same may be given
// FOLDER becomes a tmpfs of its own. It prints `ready` once it is a container, and for each call
// `CALL ANSWER NANOSECONDS`.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "container.h"

enum { LIFE_SECONDS = 110, MOST_CALLS = 256, MOST_REQUEST = 1 << 17, CLINGING_NODE = 2 };
#define CLINGING_NAME "clinging"

static int slow_fd, clinging_fd, full_fd, epoll_fd;
static sem_t is_polled;
static bool has_no_end;
static long answer_us;

// ---- what never ends ----

// Where it has them, the file system says yes to what opens the one file.
static bool answer_opener(int fd, const struct fuse_in_header *request) {
  struct {
    struct fuse_out_header header;
    union {
      struct fuse_entry_out entry;
      struct fuse_open_out open;
    };
  } answer = {.header = {.len = sizeof answer.header, .unique = request->unique}};
  const bool is_lookup =
      request->opcode == FUSE_LOOKUP && strcmp((const char *)(request + 1), CLINGING_NAME) == 0;
  if (is_lookup) {
    answer.entry =
        (struct fuse_entry_out){.nodeid = CLINGING_NODE,
                                .entry_valid = LIFE_SECONDS,
                                .attr_valid = LIFE_SECONDS,
                                .attr = {.ino = CLINGING_NODE, .mode = S_IFREG | 0666, .nlink = 1}};
    answer.header.len += sizeof answer.entry;
  } else if (request->opcode == FUSE_OPEN) {
    answer.header.len += sizeof answer.open;
  } else if (request->opcode == FUSE_POLL) {
    sem_post(&is_polled);
    return false;
  } else if (request->nodeid == CLINGING_NODE && request->opcode != FUSE_FLUSH) {
    answer.header.error = -ENOSYS;
  } else {
    return false;
  }
  if (write(fd, &answer, answer.header.len) != answer.header.len) fail("answer FUSE");
  return true;
}

static void *serve(void *argument) {
  const int fd = *(const int *)argument;
  static _Alignas(struct fuse_in_header) char buffer[MOST_REQUEST];
  const struct fuse_in_header *request = (const struct fuse_in_header *)buffer;
  // so that the file system goes with this thread, whoever still waits for it
  if (unshare(CLONE_FILES) < 0) fail("have descriptors of its own");
  for (;;) {
    if (read(fd, buffer, sizeof buffer) < 0) continue;
    if (answer_opener(fd, request)) continue;
    if (answer_us > 0 && request->opcode == FUSE_LOOKUP) {
      sleep_ns((uint64_t)answer_us * 1000);
      const struct fuse_out_header none = {
          .len = sizeof none, .error = -ENOENT, .unique = request->unique};
      // whoever asked may be gone
      if (write(fd, &none, sizeof none) < 0 && errno != ENOENT) fail("answer FUSE_LOOKUP");
    }
    if (request->opcode != FUSE_INIT) continue;
    struct {
      struct fuse_out_header header;
      struct fuse_init_out init;
    } answer = {.header = {.len = sizeof answer, .unique = request->unique},
                .init = {.major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096}};
    if (write(fd, &answer, sizeof answer) != sizeof answer) fail("answer FUSE_INIT");
  }
}

static void prepare(const char *folder) {
  static int fuse;
  char options[128];
  if (unshare(CLONE_NEWNS) < 0) fail("make a mount namespace");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("make all mounts private");
  if (mount("tmpfs", folder, "tmpfs", 0, "mode=755") < 0 || chdir(folder) < 0)
    fail("mount a tmpfs");
  fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fuse < 0) fail("open /dev/fuse");
  snprintf(options, sizeof options, "fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other", fuse);
  if (mkdir("slow", 0755) < 0 || mount("slow", "slow", "fuse", 0, options) < 0) fail("mount FUSE");
  slow_fd = open("slow", O_PATH | O_CLOEXEC);
  pthread_t server;
  errno = pthread_create(&server, NULL, serve, &fuse);
  if (errno != 0) fail("start a thread");
  clinging_fd = open("slow/" CLINGING_NAME, O_RDWR | O_CLOEXEC);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (clinging_fd < 0 || epoll_fd < 0) fail("open a file in FUSE");
  // it has been answered, so the server has its own
  close(fuse);
  if (mkfifo("full-fifo", 0600) < 0) fail("make a FIFO");
  close(open("file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  const int fifo = open("full-fifo", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  int ends[2];
  if (fifo < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
    fail("make a socket");
  full_fd = ends[0];
  static const char bytes[4096];
  while (write(fifo, bytes, sizeof bytes) > 0) {
  }
  while (send(full_fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
  }
}

// ---- the calls ----

static const char *slow_name(void) {
  static __thread char path[64];
  snprintf(path, sizeof path, "slow/%d", (int)gettid());
  return path;
}

static long open_at(const char *path, int flags) { return openat(AT_FDCWD, path, flags, 0600); }
static long open_full(void) { return open_at("full-fifo", O_WRONLY); }
static long open_slow(void) { return open_at(slow_name(), O_RDONLY); }
static long create_slow(void) { return open_at(slow_name(), O_RDWR | O_CREAT); }
static long name_slow(void) { return symlinkat("x", AT_FDCWD, slow_name()); }
static long move_slow(void) { return renameat(AT_FDCWD, slow_name(), AT_FDCWD, slow_name()); }
static long remove_slow(void) { return unlinkat(AT_FDCWD, slow_name(), 0); }
static long change_slow(void) { return fchmodat(AT_FDCWD, slow_name(), 0600, 0); }
static long own_slow(void) { return fchownat(slow_fd, "", 0, 0, AT_EMPTY_PATH); }
static long change_clinging(void) { return fchmod(clinging_fd, 1); }
static long open_socket(void) {
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", full_fd);
  return open_at(path, O_RDWR);
}
static long change_socket(void) { return fchmod(full_fd, 0600); }

// Asks the file system while it holds a lock that who reads the fdinfo of the descriptor needs.
static void *add_to_epoll(void *argument) {
  struct epoll_event event = {.events = EPOLLIN};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, clinging_fd, &event);
  return argument;
}
static long change_epoll(void) {
  pthread_t thread;
  errno = pthread_create(&thread, NULL, add_to_epoll, NULL);
  if (errno != 0) fail("start a thread");
  while (sem_wait(&is_polled) < 0) {
  }
  // for the next one, whose thread waits for the same lock
  sem_post(&is_polled);
  return fchmod(epoll_fd, 0600);
}

static const struct call {
  const char *name;
  long (*make)(void);
} calls[] = {
    {"fifo-that-is-full", open_full}, {"fuse-open", open_slow},
    {"fuse-create", create_slow},     {"fuse-symlink", name_slow},
    {"fuse-rename", move_slow},       {"fuse-unlink", remove_slow},
    {"fuse-chmod", change_slow},      {"fuse-chown-by-descriptor", own_slow},
    {"socket-open", open_socket},     {"socket-chmod", change_socket},
    {"fuse-fchmod", change_clinging}, {"epoll-fchmod", change_epoll},
};

static void *call_once(void *argument) {
  const struct call *call = argument;
  do {
    const uint64_t began_ns = now_ns();
    const long result = call->make();
    const int error = result == -1 ? errno : 0;
    dprintf(STDOUT_FILENO, "%s %s %lu\n", call->name, answer_name(error), now_ns() - began_ns);
  } while (has_no_end);
  return NULL;
}

static const struct call *call_of(const char *name) {
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    if (strcmp(calls[i].name, name) == 0) return &calls[i];
  }
  errno = EINVAL;
  fail(name);
}

int main(int argc, char **argv) {
  struct container container = {0};
  uid_t user = 0;
  for (int letter; (letter = getopt(argc, argv, "s:m:la:u:")) != -1;) {
    if (letter == 's')
      container.socket = optarg;
    else if (letter == 'm')
      container.metadata = optarg;
    else if (letter == 'l')
      has_no_end = true;
    else if (letter == 'a')
      answer_us = atol(optarg);
    else if (letter == 'u')
      user = (uid_t)atol(optarg);
    else
      return 2;
  }
  const int count = argc - optind - 1;
  if (container.socket == NULL || count < 1 || count > MOST_CALLS) return 2;
  alarm(LIFE_SECONDS);
  prepare(argv[optind]);
  if (user != 0 && (setresuid(user, user, user) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0))
    fail("become the user");
  static const long numbers[] = {SYS_openat,   SYS_symlinkat, SYS_renameat, SYS_renameat2,
                                 SYS_unlinkat, SYS_fchmodat,  SYS_fchownat, SYS_fchmod};
  close(enter_container(&container, numbers, sizeof numbers / sizeof *numbers));
  dprintf(STDOUT_FILENO, "ready\n");
  pthread_t threads[MOST_CALLS];
  for (int i = 0; i < count; i++) {
    errno = pthread_create(&threads[i], NULL, call_once, (void *)call_of(argv[optind + 1 + i]));
    if (errno != 0) fail("start a thread");
  }
  for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
  return 0;
}
