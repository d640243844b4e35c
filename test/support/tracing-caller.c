// SPDX-License-Identifier: Apache-2.0
// A container with all Linux capabilities that mounts proc again and again, and one thread of it
// that tries to take over whatever process is not its own, and looks at what that has.
//
// usage: tracing-caller -s SOCKET [-n] [-t] [-r ROUNDS] FOLDER
//   -n   the caller is in a pid namespace below, and in a user namespace
//   -t   all processes have dropped CAP_SYS_PTRACE, and only the tracing thread keeps it
// It prints `reached WHAT` for each thing that it gets; in the end `mount ANSWER` of the last mount
// and `met`, if there was somebody.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "container.h"

enum { LIFE_SECONDS = 50, AHEAD = 4 };

static struct shared {
  atomic_bool can_begin, is_tracing, is_over;
  atomic_int answer, met;
} *shared;

static bool is_nested, is_thread;

// The first process of a pid namespace gets no signal that it does not handle.
static void give_up(int number) { _exit(128 + number); }

static int own_proc;

// Of this thread only.
static void drop_ptrace(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) < 0) fail("look at Linux capabilities");
  data[0].effective = data[0].permitted &= ~(1u << CAP_SYS_PTRACE);
  data[0].inheritable &= ~(1u << CAP_SYS_PTRACE);
  if (prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE, 0, 0, 0) < 0) fail("bound Linux capabilities");
  if (syscall(SYS_capset, &header, data) < 0) fail("drop a Linux capability");
}

static void write_own(const char *path, const char *text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) fail(path);
  close(fd);
}

static int open_of(pid_t pid, const char *name, int flags) {
  char path[64];
  snprintf(path, sizeof path, "%d/%s", pid, name);
  return openat(own_proc, path, flags | O_CLOEXEC);
}

static void reached(const char *what, const char *more) {
  printf("reached %s %s\n", what, more);
  fflush(stdout);
}

// The pidfd of the process itself, and what it is there for.
static void look_at_descriptors(pid_t pid) {
  const int fd = open_of(pid, "fd", O_RDONLY | O_DIRECTORY);
  DIR *folder = fd < 0 ? NULL : fdopendir(fd);
  if (folder == NULL) return;
  for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    char text[256] = "";
    if (entry->d_name[0] == '.') continue;
    if (readlinkat(fd, entry->d_name, text, sizeof text - 1) < 0) continue;
    if (strstr(text, "pidfd") == NULL && strstr(text, "fscontext") == NULL)
      reached("descriptor", text);
  }
  closedir(folder);
}

static void look_at_root(pid_t pid) {
  static const char *const names[] = {"root", "root/..", "cwd", "cwd/.."};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const int fd = open_of(pid, names[i], O_RDONLY | O_DIRECTORY);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (folder == NULL) continue;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
      if (entry->d_name[0] != '.') reached(names[i], entry->d_name);
    }
    if (faccessat(fd, ".", W_OK, 0) == 0) reached(names[i], "for writing");
    closedir(folder);
  }
}

// Its program, which all can read, a stack and a name.
static void look_at_memory(pid_t pid) {
  char line[512];
  const int fd = open_of(pid, "maps", O_RDONLY);
  FILE *maps = fd < 0 ? NULL : fdopen(fd, "r");
  int writable = 0;
  while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
    atomic_store(&shared->met, 1);
    if (strstr(line, " rw") != NULL) writable++;
    if (strstr(line, "[heap]") != NULL || strstr(line, "[stack]") != NULL)
      reached("memory", strchr(line, '['));
  }
  if (writable > 1) reached("memory", "of more than a stack");
  if (maps != NULL) fclose(maps);
}

static void look_at_power(pid_t pid) {
  char line[512];
  const int fd = open_of(pid, "status", O_RDONLY);
  FILE *status = fd < 0 ? NULL : fdopen(fd, "r");
  while (status != NULL && fgets(line, sizeof line, status) != NULL) {
    unsigned long long set = 0;
    if (sscanf(line, "CapPrm: %llx", &set) == 1 && (set & ~(1ull << CAP_SYS_ADMIN)) != 0)
      reached("power", line);
  }
  if (status != NULL) fclose(status);
}

static void try_to_take(pid_t pid) {
  char byte;
  struct iovec here = {&byte, 1}, there = {(void *)1, 1};
  if (process_vm_readv(pid, &here, 1, &there, 1, 0) < 0 && errno == EFAULT) {
    if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0) reached("seize", "");
    // it is there for a short time only
    static unsigned turn;
    static void (*const looks[])(pid_t) = {look_at_memory, look_at_descriptors, look_at_root,
                                           look_at_power};
    for (unsigned i = 0; i < 4; i++) looks[(turn + i) % 4](pid);
    turn++;
  }
}

static pid_t last_pid(pid_t before) {
  char text[64] = "";
  const int fd = openat(own_proc, "loadavg", O_RDONLY | O_CLOEXEC);
  const ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  return length > 0 ? atoi(strrchr(text, ' ') + 1) : before;
}

// Nobody of us starts anybody any more.
static void *trace(void *unused) {
  (void)unused;
  while (!atomic_load(&shared->can_begin) && !atomic_load(&shared->is_over)) sched_yield();
  const pid_t own = last_pid(0);
  atomic_store(&shared->is_tracing, true);
  for (pid_t last = own; !atomic_load(&shared->is_over); last = last_pid(last)) {
    for (int ahead = 0; ahead < AHEAD; ahead++) {
      if (last + ahead > own) try_to_take(last + ahead);
    }
  }
  return NULL;
}

static void call(unsigned rounds) {
  for (unsigned round = 0; round < rounds; round++) {
    char place[32];
    snprintf(place, sizeof place, "place%u", round);
    if (mkdir(place, 0755) < 0) fail("make a directory");
    // with an option, each one is made anew
    const int answer = mount("proc", place, "proc", 0, "hidepid=0") == 0 ? 0 : errno;
    atomic_store(&shared->answer, answer);
    if (answer != 0) break;
  }
}

static void run_caller(unsigned rounds) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (is_nested) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0) fail("make namespaces");
    write_own("/proc/self/uid_map", "0 0 1");
  }
  const pid_t caller = is_nested ? fork() : 0;
  if (caller != 0) {
    waitpid(caller, NULL, 0);
    _exit(0);
  }
  atomic_store(&shared->can_begin, true);
  while (!atomic_load(&shared->is_tracing)) sched_yield();
  call(rounds);
  atomic_store(&shared->is_over, true);
  _exit(0);
}

int main(int argc, char **argv) {
  struct container container = {0};
  unsigned rounds = 200;
  for (int letter; (letter = getopt(argc, argv, "s:ntr:")) != -1;) {
    if (letter == 's')
      container.socket = optarg;
    else if (letter == 'n')
      is_nested = true;
    else if (letter == 't')
      is_thread = true;
    else if (letter == 'r')
      rounds = (unsigned)atoi(optarg);
    else
      return 2;
  }
  if (container.socket == NULL || optind + 1 != argc) return 2;
  signal(SIGALRM, give_up);
  alarm(LIFE_SECONDS);
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) fail("share memory");
  static const long trapped[] = {SYS_mount};
  const int agent_fd = connect_agent(container.socket);
  if (mount("tmpfs", argv[optind], "tmpfs", 0, NULL) < 0 || chdir(argv[optind]) < 0)
    fail("mount a tmpfs");
  // the other one shows the machine's processes
  if (mkdir("proc", 0755) < 0 || mount("proc", "proc", "proc", 0, NULL) < 0) fail("mount proc");
  own_proc = open("proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  const int listener = load_filter(trapped, 1, false);
  send_listener(agent_fd, listener, &container);
  close(listener);
  close(agent_fd);
  pthread_t tracer;
  if (pthread_create(&tracer, NULL, trace, NULL) != 0) fail("start a thread");
  if (is_thread) drop_ptrace();
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) run_caller(rounds);
  waitpid(child, NULL, 0);
  atomic_store(&shared->is_over, true);
  pthread_join(tracer, NULL);
  printf("mount %s\n%s", answer_name(atomic_load(&shared->answer)),
         atomic_load(&shared->met) == 0 ? "" : "met\n");
  return 0;
}
