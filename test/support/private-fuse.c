// SPDX-License-Identifier: Apache-2.0
// Runs a command beside a file system of root's own: FUSE without allow_other, where everybody may
// do everything by its modes, but only root gets that far. Every directory in it can be made, and
// nothing is ever found there.
//
// usage: private-fuse FOLDER COMMAND ARGS...
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_REQUEST = 1 << 17, ROOT_NODE = 1, MADE_NODE = 2 };

_Noreturn static void fail(const char *what) {
  fprintf(stderr, "private-fuse: cannot %s: %s\n", what, strerror(errno));
  exit(1);
}

static void answer(int fd, const struct fuse_in_header *request, int error, const void *body,
                   size_t size) {
  struct {
    struct fuse_out_header header;
    char body[512];
  } message = {.header = {.len = (uint32_t)(sizeof message.header + size),
                          .error = -error,
                          .unique = request->unique}};
  if (size > 0) memcpy(message.body, body, size);
  // ENOENT: the question was taken back
  if (write(fd, &message, message.header.len) < 0 && errno != ENOENT) fail("answer");
}

static struct fuse_attr attributes_of(uint64_t node) {
  return (struct fuse_attr){.ino = node, .mode = S_IFDIR | 0777, .nlink = 2};
}

static void serve_one(int fd, const struct fuse_in_header *request) {
  const struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096};
  const struct fuse_statfs_out statistics = {.st = {.bsize = 4096, .namelen = 255}};
  const struct fuse_attr_out attributes = {.attr = attributes_of(request->nodeid)};
  const struct fuse_entry_out made = {.nodeid = MADE_NODE, .attr = attributes_of(MADE_NODE)};
  switch (request->opcode) {
    case FUSE_INIT:
      answer(fd, request, 0, &init, sizeof init);
      break;
    case FUSE_STATFS:
      answer(fd, request, 0, &statistics, sizeof statistics);
      break;
    case FUSE_GETATTR:
      answer(fd, request, 0, &attributes, sizeof attributes);
      break;
    case FUSE_MKDIR:
      answer(fd, request, 0, &made, sizeof made);
      break;
    case FUSE_LOOKUP:
      answer(fd, request, ENOENT, NULL, 0);
      break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
      break;
    default:
      answer(fd, request, ENOSYS, NULL, 0);
  }
}

_Noreturn static void serve(int fd) {
  static _Alignas(struct fuse_in_header) char buffer[MOST_REQUEST];
  for (;;) {
    if (read(fd, buffer, sizeof buffer) >= 0) {
      serve_one(fd, (const struct fuse_in_header *)buffer);
    } else if (errno != ENOENT && errno != EINTR) {
      // it is mounted no more
      _exit(0);
    }
  }
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  if (unshare(CLONE_NEWNS) < 0) fail("make a mount namespace");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("make all mounts private");
  const int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fd < 0) fail("open /dev/fuse");
  char options[128];
  snprintf(options, sizeof options, "fd=%d,rootmode=40777,user_id=0,group_id=0", fd);
  if (mount("private", argv[1], "fuse", MS_NOSUID | MS_NODEV, options) < 0) fail("mount FUSE");
  const pid_t server = fork();
  if (server < 0) fail("fork");
  if (server == 0) serve(fd);
  close(fd);
  // no parent's death signal: a command that has become another user could not send it
  const pid_t command = fork();
  if (command < 0) fail("fork");
  if (command == 0) {
    execvp(argv[2], argv + 2);
    fail(argv[2]);
  }
  int status = 0;
  if (waitpid(command, &status, 0) < 0) fail("wait");
  kill(server, SIGKILL);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
