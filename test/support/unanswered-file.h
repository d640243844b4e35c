// SPDX-License-Identifier: Apache-2.0
// Functions for programs with a FUSE file system whose only file never answers one kind of request.
#pragma once

#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "container.h"

HELPER void answer_request(int fuse_fd, uint64_t unique, int error, const void *data, size_t size) {
  char bytes[256];
  const struct fuse_out_header header = {
      .len = (uint32_t)(sizeof header + size), .error = -error, .unique = unique};
  memcpy(bytes, &header, sizeof header);
  if (size > 0) memcpy(bytes + sizeof header, data, size);
  // whoever asked may be gone
  if (write(fuse_fd, bytes, header.len) < 0 && errno != ENOENT) fail("answer FUSE");
}

HELPER struct fuse_attr attributes_of(uint64_t node) {
  const bool is_root = node == FUSE_ROOT_ID;
  return (struct fuse_attr){
      .ino = node, .mode = is_root ? S_IFDIR | 0755 : S_IFREG | 0666, .nlink = 1};
}

HELPER void take_request(int fuse_fd, const struct fuse_in_header *request) {
  enum { A_FILE = 2 };
  static const struct fuse_init_out init = {
      .major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096};
  static const struct fuse_open_out opened = {.fh = 1};
  const struct fuse_attr_out attributes = {.attr = attributes_of(request->nodeid)};
  const struct fuse_entry_out entry = {.nodeid = A_FILE, .attr = attributes_of(A_FILE)};
  switch (request->opcode) {
    case FUSE_INIT:
      answer_request(fuse_fd, request->unique, 0, &init, sizeof init);
      break;
    case FUSE_GETATTR:
      answer_request(fuse_fd, request->unique, 0, &attributes, sizeof attributes);
      break;
    case FUSE_LOOKUP:
      answer_request(fuse_fd, request->unique, 0, &entry, sizeof entry);
      break;
    case FUSE_OPEN:
      answer_request(fuse_fd, request->unique, 0, &opened, sizeof opened);
      break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
      break;
    default:
      answer_request(fuse_fd, request->unique, ENOSYS, NULL, 0);
  }
}

// Its end is that of the file system: then nobody waits any more.
_Noreturn HELPER void serve_unanswered(int fuse_fd, uint32_t never, unsigned seconds,
                                       pid_t parent) {
  enum { MAX_REQUEST = 1 << 17 };
  static _Alignas(struct fuse_in_header) char buffer[MAX_REQUEST];
  const struct fuse_in_header *const request = (const struct fuse_in_header *)buffer;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(seconds);
  if (getppid() != parent) _exit(1);
  for (;;) {
    if (read(fuse_fd, buffer, sizeof buffer) < 0) {
      if (errno == ENODEV) _exit(0);
    } else if (request->opcode == never) {
      dprintf(STDOUT_FILENO, "stuck\n");
    } else {
      take_request(fuse_fd, request);
    }
  }
}

// Mounts it in a mount namespace of this process's own, for so long at most; every file in it is
// the same one. Requests with the opcode `never` are not answered: `stuck` is printed for each.
// Gives its server.
HELPER pid_t mount_unanswered(const char *folder, uid_t user, uint32_t never, unsigned seconds) {
  char options[128];
  if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
    fail("make a mount namespace");
  const int fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fuse_fd < 0) fail("open /dev/fuse");
  snprintf(options, sizeof options, "fd=%d,rootmode=40755,user_id=%u,group_id=%u", fuse_fd, user,
           user);
  if (mount("stuck", folder, "fuse", MS_NOSUID | MS_NODEV, options) < 0) fail("mount FUSE");
  const pid_t parent = getpid();
  const pid_t server = fork();
  if (server < 0) fail("fork");
  if (server == 0) serve_unanswered(fuse_fd, never, seconds, parent);
  close(fuse_fd);
  return server;
}
