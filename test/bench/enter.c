// SPDX-License-Identifier: Apache-2.0
// Executes a command as a container whose openat(2) an agent answers.
//
// usage: enter SOCKET OCI_BUNDLE|- COMMAND [ARGUMENT...]
//   -  a filter without WAIT_KILLABLE_RECV
#define _GNU_SOURCE
#include "../support/container.h"

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  const bool is_killable = strcmp(argv[2], "-") != 0;
  const struct container container = {.socket = argv[1],
                                      .bundle = is_killable ? argv[2] : NULL,
                                      .wait_killable = is_killable};
  const long numbers[] = {__NR_openat};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail("set no_new_privs");
  close(enter_container(&container, numbers, sizeof numbers / sizeof *numbers));
  execvp(argv[3], argv + 3);
  fail("execute the command");
}
