// SPDX-License-Identifier: Apache-2.0
// Executes a command with the Linux capabilities of a container, some of whose system calls an agent
// answers.
//
// usage: enter [-t openat|chown] SOCKET OCI_BUNDLE|- COMMAND [ARGUMENT...]
//   -t openat  openat(2) alone, as when -t is absent
//   -t chown   all that change owners: programs differ in which they use
//   -          a filter without WAIT_KILLABLE_RECV
#define _GNU_SOURCE
#include "../support/container.h"

static const long openat_numbers[] = {__NR_openat};
static const long chown_numbers[] = {
#ifdef __NR_chown
    __NR_chown, __NR_lchown,
#endif
    __NR_fchown, __NR_fchownat};

static const struct trapped {
  const char *name;
  const long *numbers;
  size_t count;
} known[] = {
    {"openat", openat_numbers, sizeof openat_numbers / sizeof *openat_numbers},
    {"chown", chown_numbers, sizeof chown_numbers / sizeof *chown_numbers},
};

static const struct trapped *find_trapped(const char *name) {
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strcmp(known[i].name, name) == 0) return &known[i];
  }
  return NULL;
}

int main(int argc, char **argv) {
  const struct trapped *trapped = find_trapped("openat");
  // +: what begins with - behind the command is the command's
  for (int letter; (letter = getopt(argc, argv, "+t:")) != -1;) {
    trapped = letter == 't' ? find_trapped(optarg) : NULL;
    if (trapped == NULL) return 2;
  }
  argv += optind;
  if (argc - optind < 3) return 2;
  const bool is_killable = strcmp(argv[1], "-") != 0;
  const struct container container = {.socket = argv[0],
                                      .bundle = is_killable ? argv[1] : NULL,
                                      .wait_killable = is_killable};
  keep_capabilities_of_containers();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail("set no_new_privs");
  close(enter_container(&container, trapped->numbers, trapped->count));
  execvp(argv[2], argv + 2);
  fail("execute the command");
}
