// SPDX-License-Identifier: Apache-2.0
// Makes the directory argv[1] by io_uring, else by mkdir(2): prints "ring ERRNO", or "setup ERRNO"
// and "mkdir ERRNO".
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *map(int ring, size_t size, off_t offset) {
  return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, offset);
}

static uint32_t *at(void *start, uint32_t offset) {
  return (uint32_t *)((char *)start + offset);
}

// The errno of the operation; 0: it is done.
static int make_by_ring(int ring, const struct io_uring_params *params, const char *path) {
  char *queue = map(ring, params->sq_off.array + params->sq_entries * sizeof(uint32_t),
                    IORING_OFF_SQ_RING);
  char *done = map(ring, params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe),
                   IORING_OFF_CQ_RING);
  struct io_uring_sqe *entry = map(ring, params->sq_entries * sizeof *entry, IORING_OFF_SQES);
  if (queue == MAP_FAILED || done == MAP_FAILED || entry == MAP_FAILED) return errno;
  memset(entry, 0, sizeof *entry);
  entry->opcode = IORING_OP_MKDIRAT;
  entry->fd = AT_FDCWD;
  entry->addr = (uint64_t)(uintptr_t)path;
  entry->len = 0755;
  *at(queue, params->sq_off.array) = 0;
  __atomic_store_n(at(queue, params->sq_off.tail), 1, __ATOMIC_RELEASE);
  if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1) return errno;
  const struct io_uring_cqe *result = (const struct io_uring_cqe *)(done + params->cq_off.cqes);
  return -result->res;
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  struct io_uring_params params = {0};
  const int ring = (int)syscall(SYS_io_uring_setup, 1, &params);
  if (ring >= 0) {
    printf("ring %d\n", make_by_ring(ring, &params, argv[1]));
    return 0;
  }
  printf("setup %d\n", errno);
  printf("mkdir %d\n", mkdir(argv[1], 0755) == 0 ? 0 : errno);
  return 0;
}
