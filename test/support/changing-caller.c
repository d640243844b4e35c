// SPDX-License-Identifier: Apache-2.0
// A caller beside or inside whom something changes while its calls are handled: mount namespaces,
// user namespaces, ids. It is the user 1000, without any rights.
//
// usage: changing-caller [-s SOCKET] [-k] CHANGE ROUNDS FOLDER
//   CHANGE  one of `changes` below
//   FOLDER  becomes a tmpfs of its own, with directories of the user's (own) and of root's (roots)
// Prints `CALL WHERE ANSWER COUNT` for each kind of answer, `changes COUNT`, and in the end what
// there is in the mount namespace that the caller was in at first: `found PATH` for each directory
// in root's, `mounted PATH`. Without -s there is no agent, and -k is for WAIT_KILLABLE_RECV.
#define _GNU_SOURCE
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "container.h"

enum { LIFE_SECONDS = 150, USER = 1000, MOST_ERRNO = 134, STACK_BYTES = 65536 };

static struct container container;
static int agent_fd = -1;
static long rounds;

// Shared with children, and with those that the change is made by.
static struct tally {
  atomic_long mkdir_own[MOST_ERRNO], mkdir_roots[MOST_ERRNO];
  atomic_long mount_own[MOST_ERRNO], mount_roots[MOST_ERRNO];
  atomic_long changes;
  atomic_bool has_begun, is_over;
} *tally;

static void become_container(void) {
  static const long numbers[] = {MAKE_DIRECTORY_NUMBER, SYS_mount, SYS_umount2};
  if (agent_fd < 0) return;
  const int listener =
      load_filter(numbers, sizeof numbers / sizeof *numbers, container.wait_killable);
  send_listener(agent_fd, listener, &container);
  close(listener);
}

// Of this thread alone, which the library would not do.
static void become_user(void) {
  if (syscall(SYS_setgroups, 0L, NULL) < 0 || syscall(SYS_setresgid, USER, USER, USER) < 0 ||
      syscall(SYS_setresuid, USER, USER, USER) < 0)
    fail("become a user");
}

static int error_of(long result) { return result == -1 ? errno : 0; }

static void count(atomic_long *answers, int error) {
  atomic_fetch_add(&answers[error < MOST_ERRNO ? error : 0], 1);
}

static void mount_at(const char *path, atomic_long *answers) {
  const int error = error_of(mount("none", path, "tmpfs", 0, "mode=755"));
  count(answers, error);
  if (error == 0) umount2(path, MNT_DETACH);
}

static void call_once(long round) {
  char path[64];
  snprintf(path, sizeof path, "own/%d-%ld", gettid(), round);
  count(tally->mkdir_own, error_of(make_directory(path)));
  rmdir(path);
  snprintf(path, sizeof path, "roots/%d-%ld", gettid(), round);
  count(tally->mkdir_roots, error_of(make_directory(path)));
  mount_at("roots", tally->mount_roots);
  mount_at("own", tally->mount_own);
}

// ---- beside it ----

static void *call_as_user(void *unused) {
  (void)unused;
  become_user();
  for (long round = 0; round < rounds; round++) {
    call_once(round);
    tally->has_begun = true;
  }
  tally->is_over = true;
  return NULL;
}

// The caller is a thread that is not the first one; that one goes on changing, and stays root.
static void beside_a_thread(void (*change)(void)) {
  become_container();
  pthread_t caller;
  errno = pthread_create(&caller, NULL, call_as_user, NULL);
  if (errno != 0) fail("start a thread");
  // by then, the container has been seen as it was at first
  while (!tally->has_begun) sched_yield();
  while (!tally->is_over) {
    change();
    tally->changes++;
  }
  pthread_join(caller, NULL);
}

static void change_mounts(void) {
  if (unshare(CLONE_NEWNS) < 0) fail("make a mount namespace");
}

// Of this thread alone: to and fro.
static void change_ids(void) {
  if (syscall(SYS_setresuid, USER, USER, 0L) < 0 || syscall(SYS_setresuid, 0L, 0L, 0L) < 0)
    fail("change ids");
}

static int enter_user_namespace(void *unused) {
  (void)unused;
  return unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0;
}

// A process that shares its memory and its table of descriptors.
static void change_user_namespace(void) {
  static _Alignas(16) char stack[STACK_BYTES];
  int status;
  const int pid =
      clone(enter_user_namespace, stack + sizeof stack, CLONE_VM | CLONE_FILES | SIGCHLD, NULL);
  if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0) fail("make a user namespace");
}

static void beside_mounts(void) { beside_a_thread(change_mounts); }
static void beside_ids(void) { beside_a_thread(change_ids); }
static void beside_user_namespaces(void) { beside_a_thread(change_user_namespace); }

// ---- inside it ----

// In the middle of a call, which goes on afterwards as another one.
static void leave(int signal_number) {
  (void)signal_number;
  const int error = errno;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) tally->changes++;
  errno = error;
}

_Noreturn static void call_until_left(void) {
  become_user();
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) fail("end with the parent");
  alarm(LIFE_SECONDS);
  for (long round = 0; round < 4; round++) call_once(round);
  _exit(0);
}

// Each child does so once, some later than others.
static void inside_by_signals(void) {
  const struct sigaction action = {.sa_handler = leave, .sa_flags = SA_RESTART};
  if (sigaction(SIGUSR1, &action, NULL) < 0) fail("handle a signal");
  become_container();
  for (long round = 0; round < rounds; round++) {
    const pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) call_until_left();
    sleep_ns((uint64_t)(200 + round % 50 * 40) * 1000);
    kill(child, SIGUSR1);
    int status;
    if (waitpid(child, &status, 0) < 0) fail("wait for a child");
  }
}

static const struct {
  const char *name;
  void (*run)(void);
} changes[] = {
    {"mounts-beside", beside_mounts},
    {"ids-beside", beside_ids},
    {"user-namespaces-beside", beside_user_namespaces},
    {"user-namespace-by-signal", inside_by_signals},
};

// ---- what has come of it ----

static void say(const char *what, const atomic_long *answers) {
  for (int error = 0; error < MOST_ERRNO; error++) {
    if (answers[error] > 0) printf("%s %s %ld\n", what, answer_name(error), answers[error]);
  }
}

static int say_found(const char *path, const struct stat *found, int type, struct FTW *where) {
  (void)found;
  (void)type;
  if (where->level > 0) printf("found %s\n", path);
  return 0;
}

static void say_mounts(const char *folder) {
  char line[4096];
  FILE *mounts = fopen("/proc/self/mountinfo", "r");
  if (mounts == NULL) fail("read the mounts");
  while (fgets(line, sizeof line, mounts) != NULL) {
    const char *at = strstr(line, folder);
    if (at != NULL && at[strlen(folder)] == '/') printf("mounted %s", at + strlen(folder));
  }
  fclose(mounts);
}

static void make_stage(const char *folder) {
  tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (tally == MAP_FAILED) fail("share memory");
  if (unshare(CLONE_NEWNS) < 0) fail("make a mount namespace");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("make all mounts private");
  if (mount("tmpfs", folder, "tmpfs", 0, "mode=755") < 0 || chdir(folder) < 0)
    fail("mount a tmpfs");
  if (mkdir("roots", 0755) < 0 || mkdir("own", 0755) < 0 || chown("own", USER, USER) < 0)
    fail("make directories");
}

_Noreturn static void be_changed(const char *change) {
  alarm(LIFE_SECONDS);
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
  if (optind + 3 != argc) return 2;
  char **words = argv + optind;
  rounds = strtol(words[1], NULL, 10);
  alarm(LIFE_SECONDS);
  if (container.socket != NULL) agent_fd = connect_agent(container.socket);
  make_stage(words[2]);
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) be_changed(words[0]);
  int status;
  if (waitpid(child, &status, 0) < 0) fail("wait for the caller");
  if (status != 0) return 1;
  say("mkdir own", tally->mkdir_own);
  say("mkdir roots", tally->mkdir_roots);
  say("mount own", tally->mount_own);
  say("mount roots", tally->mount_roots);
  printf("changes %ld\n", tally->changes);
  if (nftw("roots", say_found, 8, FTW_PHYS) < 0) fail("look at what is there");
  say_mounts(words[2]);
  return 0;
}
