// SPDX-License-Identifier: Apache-2.0
// A container whose processes are killed in the middle of calls that the agent looks at: whoever
// holds the memory of one at that moment ends it, which waits for its asynchronous I/O, here an
// fsync(2) of a FUSE file that is never answered. Many groups make the looks long. It ends with its
// input, or after LIFE_SECONDS.
//
// usage: memory-ender SOCKET METADATA ID TRIES FOLDER
// FOLDER becomes the file system. It prints `over` after so many processes.
#define _GNU_SOURCE
#include <grp.h>
#include <linux/aio_abi.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "container.h"
#include "unanswered-file.h"

enum { LIFE_SECONDS = 90, GROUPS = 2400, GROUP_BEGIN = 1000000000 };

static void submit_sync(int file) {
  aio_context_t context = 0;
  struct iocb sync = {.aio_lio_opcode = IOCB_CMD_FSYNC, .aio_fildes = (uint32_t)file};
  struct iocb *all[] = {&sync};
  if (syscall(SYS_io_setup, 1, &context) < 0) fail("make a context of asynchronous I/O");
  if (syscall(SYS_io_submit, context, 1, all) != 1) fail("submit an fsync");
}

_Noreturn static void call_on_and_on(int file, volatile int *is_ready) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  submit_sync(file);
  // who submits must have come as far as to wait
  sleep_ns(20 * 1000 * 1000);
  *is_ready = 1;
  for (;;) make_directory("/tmp");
}

int main(int argc, char **argv) {
  static gid_t groups[GROUPS];
  if (argc != 6) return 2;
  alarm(LIFE_SECONDS);
  const int tries = atoi(argv[4]);
  for (int i = 0; i < GROUPS; i++) groups[i] = (gid_t)(GROUP_BEGIN + i);
  if (setgroups(GROUPS, groups) < 0) fail("set groups");
  const pid_t server = mount_unanswered(argv[5], 0, FUSE_FSYNC, LIFE_SECONDS);
  char path[256];
  snprintf(path, sizeof path, "%s/file", argv[5]);
  const int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) fail("open the file");
  volatile int *const is_ready =
      mmap(NULL, sizeof *is_ready, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (is_ready == MAP_FAILED) fail("map memory");
  const struct container container = {
      .socket = argv[1], .metadata = argv[2], .id = argv[3], .wait_killable = false};
  static const long numbers[] = {MAKE_DIRECTORY_NUMBER};
  close(enter_container(&container, numbers, 1));
  srand((unsigned)getpid());
  for (int i = 0; i < tries; i++) {
    *is_ready = 0;
    const pid_t caller = fork();
    if (caller < 0) fail("fork");
    if (caller == 0) call_on_and_on(file, is_ready);
    while (!*is_ready) sleep_ns(100 * 1000);
    sleep_ns((uint64_t)(rand() % 2000) * 1000);
    kill(caller, SIGKILL);
  }
  printf("over\n");
  fflush(stdout);
  // until then no fsync is answered, and nobody who ends such memory goes on
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  kill(server, SIGKILL);
  return 0;
}
