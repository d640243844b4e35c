// SPDX-License-Identifier: Apache-2.0
// A container whose administrator stops being one while its mounts are handled. It is root of a
// user namespace that the host's root has made, and mounts what the kernel lets nobody mount in
// there.
//
// usage: changing-admin -s SOCKET [-k] CHANGE ROUNDS FOLDER
//   CHANGE  one of `changes` below
//   FOLDER  becomes a tmpfs of its own
// Prints `WHO ANSWER COUNT`, where WHO has made the call as `admin`, as `other`, or was `changed`
// during it, and ANSWER is OK, the errno's name, or `refused` where nobody can tell; then `flips
// COUNT`: how often who the caller is has changed; and `astray COUNT`: how many mounts somebody
// else has got than an administrator. -k is for WAIT_KILLABLE_RECV.
#define _GNU_SOURCE
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "container.h"
#include "user-namespace.h"

enum { LIFE_SECONDS = 150, MOST_ERRNO = 134, STACK_BYTES = 65536, MOST_PAUSE_US = 3000 };
enum who { ADMIN, OTHER, CHANGED, KINDS };

static const char *const names[KINDS] = {"admin", "other", "changed"};

static struct container container;
static long rounds;

// Shared with children.
static struct tally {
  atomic_long answers[KINDS][MOST_ERRNO];
  atomic_long refused, flips, astray, copied;
  atomic_bool is_over;
} *tally;

// Of the caller; what it passes says who it is, and the handler of its signals changes both.
static volatile sig_atomic_t own_flips;
static volatile enum who self = ADMIN;
static char source[8] = "admin";

static void become(enum who who) {
  self = who;
  memcpy(source, names[who], strlen(names[who]) + 1);
  own_flips++;
  tally->flips++;
}

static int mount_here(void) { return mount(source, "place", "hugetlbfs", 0, NULL); }

static void call_once(void) {
  const sig_atomic_t before = own_flips;
  const enum who who = self;
  const int error = mount_here() == 0 ? 0 : errno;
  const enum who as = own_flips == before ? who : CHANGED;
  atomic_fetch_add(&tally->answers[as][error < MOST_ERRNO ? error : 0], 1);
}

// How many mounts there are with such a source in the mount namespace that we are in.
static long mounts_of(const char *text) {
  char line[4096], wanted[32];
  long count = 0;
  snprintf(wanted, sizeof wanted, " - hugetlbfs %s ", text);
  FILE *mounts = fopen("/proc/thread-self/mountinfo", "re");
  if (mounts == NULL) fail("read the mounts");
  while (fgets(line, sizeof line, mounts) != NULL) count += strstr(line, wanted) != NULL;
  fclose(mounts);
  return count;
}

static void clear_place(void) {
  while (umount2("place", MNT_DETACH) == 0) {
  }
}

static void handle(void (*handler)(int)) {
  const struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  if (sigaction(SIGUSR1, &action, NULL) < 0) fail("handle a signal");
}

static pid_t fork_bounded(void) {
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child > 0) return child;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) fail("end with the parent");
  alarm(LIFE_SECONDS);
  return 0;
}

static void pause_somewhat(void) { sleep_ns((uint64_t)(random() % MOST_PAUSE_US) * 1000); }

static void await(pid_t child) {
  int status;
  if (waitpid(child, &status, 0) < 0 || status != 0) fail("wait for a child");
}

// ---- the changes ----

static void set_admin(bool is_admin) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  const uint32_t admin = 1u << CAP_SYS_ADMIN;
  if (syscall(SYS_capget, &header, data) < 0) _exit(1);
  data[0].effective = is_admin ? data[0].effective | admin : data[0].effective & ~admin;
  if (syscall(SYS_capset, &header, data) < 0) _exit(1);
}

static void drop_or_raise(int signal_number) {
  (void)signal_number;
  const int error = errno;
  const bool is_admin = self == ADMIN;
  // never says that it is one while it is none
  if (is_admin) become(OTHER);
  set_admin(!is_admin);
  if (!is_admin) become(ADMIN);
  errno = error;
}

static void by_capability(void) {
  const pid_t caller = fork_bounded();
  if (caller == 0) {
    handle(drop_or_raise);
    for (long round = 0; round < rounds; round++) call_once();
    tally->is_over = true;
    _exit(0);
  }
  sleep_ns(20 * 1000 * 1000);
  while (!tally->is_over) {
    kill(caller, SIGUSR1);
    pause_somewhat();
  }
  await(caller);
  tally->astray += mounts_of(names[OTHER]);
}

static void leave(int signal_number) {
  (void)signal_number;
  const int error = errno;
  if (self == ADMIN && unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) become(OTHER);
  errno = error;
}

// Each child once; those that it got as an administrator it has copies of.
static void by_user_namespace(void) {
  handle(leave);
  for (long round = 0; round < rounds; round++) {
    const pid_t caller = fork_bounded();
    if (caller == 0) {
      while (self == ADMIN) call_once();
      call_once();
      tally->copied = mounts_of(names[ADMIN]);
      tally->astray += mounts_of(names[OTHER]);
      _exit(0);
    }
    pause_somewhat();
    kill(caller, SIGUSR1);
    await(caller);
    const long made = mounts_of(names[ADMIN]);
    if (tally->copied > made) tally->astray += tally->copied - made;
    tally->astray += mounts_of(names[OTHER]);
    clear_place();
  }
}

// Whoever shares all memory shares errno.
static int call_from_beside(void *unused) {
  (void)unused;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) return 1;
  tally->flips++;
  while (!tally->is_over) {
    if (mount_here() == 0)
      tally->astray++;
    else
      tally->refused++;
  }
  return 0;
}

static void beside(void) {
  static _Alignas(16) char stack[STACK_BYTES];
  const pid_t other =
      clone(call_from_beside, stack + sizeof stack, CLONE_VM | CLONE_FILES | SIGCHLD, NULL);
  if (other < 0) fail("start a process that shares the memory");
  while (tally->refused == 0 && tally->astray == 0) sleep_ns(1000 * 1000);
  for (long round = 0; round < rounds; round++) {
    const int result = mount_here();
    if (result == 0) umount2("place", MNT_DETACH);
    atomic_fetch_add(&tally->answers[ADMIN][result == 0 ? 0 : EPERM], 1);
  }
  tally->is_over = true;
  await(other);
}

static const struct {
  const char *name;
  void (*run)(void);
} changes[] = {
    {"capability", by_capability},
    {"user-namespace", by_user_namespace},
    {"user-namespace-beside", beside},
};

// ---- the container ----

static void make_stage(const char *folder) {
  tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (tally == MAP_FAILED) fail("share memory");
  enter_user_namespace();
  if (unshare(CLONE_NEWNS | CLONE_NEWPID) < 0) fail("make namespaces");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("make all mounts private");
  if (mount("tmpfs", folder, "tmpfs", 0, "mode=755") < 0 || chdir(folder) < 0)
    fail("mount a tmpfs");
  if (mkdir("place", 0755) < 0) fail("make a directory");
}

_Noreturn static void be_changed(const char *change, int agent_fd) {
  static const long numbers[] = {SYS_mount};
  const int listener = load_filter(numbers, 1, container.wait_killable);
  send_listener(agent_fd, listener, &container);
  close(listener);
  close(agent_fd);
  srandom((unsigned)rounds);
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
    if (strcmp(changes[i].name, change) != 0) continue;
    changes[i].run();
    _exit(0);
  }
  _exit(2);
}

int main(int argc, char **argv) {
  for (int letter; (letter = getopt(argc, argv, "s:k")) != -1;) {
    if (letter == 's')
      container.socket = optarg;
    else if (letter == 'k')
      container.wait_killable = true;
    else
      return 2;
  }
  if (optind + 3 != argc || container.socket == NULL) return 2;
  char **words = argv + optind;
  rounds = strtol(words[1], NULL, 10);
  alarm(LIFE_SECONDS);
  const int agent_fd = connect_agent(container.socket);
  make_stage(words[2]);
  const pid_t first = fork_bounded();
  if (first == 0) be_changed(words[0], agent_fd);
  close(agent_fd);
  await(first);
  for (enum who who = ADMIN; who < KINDS; who++) {
    for (int error = 0; error < MOST_ERRNO; error++) {
      const long count = tally->answers[who][error];
      if (count > 0) printf("%s %s %ld\n", names[who], answer_name(error), count);
    }
  }
  if (tally->refused > 0) printf("other refused %ld\n", tally->refused);
  printf("flips %ld\nastray %ld\n", tally->flips, tally->astray);
  return 0;
}
