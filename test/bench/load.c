// SPDX-License-Identifier: Apache-2.0
// Times one trapped syscall in a loop, in any number of containers at once, against an agent.
//
// A container is a process with a listener of its own, which it hands to the agent the way a
// runtime does. It warms up, waits for the others, and then calls until -n or -d is reached. All
// containers stay until the last one is through, so that no end of one disturbs another. A quiet
// container (-q) calls beside them, with a pause before each call, and is told apart.
//
// Prints one line of JSON; exit status 3 when a call got another answer than expected, 1 when it
// could not get that far, 2 for a usage error.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../support/container.h"

enum {
  LIFE_SECONDS = 120,
  CONNECT_PATIENCE_MS = 10000,
  CALLS_PER_MS = 2000,  // more than any agent answers: bounds the samples of a timed run
  MAX_WORKERS = 4096,
};

enum syscall_choice { CALL_CHMOD, CALL_GETPGID, CALL_MKDIR, CALL_MOUNT, CALL_OPEN };
static const char *const syscall_choices[] = {"chmod", "getpgid", "mkdir", "mount", "open"};
enum { SYSCALL_CHOICES = sizeof syscall_choices / sizeof *syscall_choices };

struct options {
  const char *socket, *metadata, *bundle;
  const char *first_path;  // NULL: no call differs from the others
  enum syscall_choice call;
  int expected_errno;  // 0: success
  uint64_t calls, duration_ms, warm_up_calls;
  uint64_t quiet_pause_us;  // 0: there is no quiet container
  unsigned long processes, threads;
  bool wait_killable, is_held;
  bool has_own_root;  // a file system of its own, in which each call makes a directory, or opens
};

struct worker {
  uint64_t calls, wrong, end_ns, first_ns, pause_us;
  int wrong_errno;
  uint64_t *latencies_ns;
};

// A point that all workers reach before any goes on. Reaching it is a byte in one pipe; going on
// is the end of the other one, which its last writer, the main process, closes.
struct gate {
  int reached[2], opened[2];
};

// Memory that main shares with the containers: made before the first fork.
struct shared {
  uint64_t start_ns;
  struct gate start, end;
  struct worker workers[];
};

static struct options options = {.metadata = NULL,
                                 .bundle = "/bundle",
                                 .call = CALL_CHMOD,
                                 .expected_errno = EBADMSG,
                                 .calls = 20000,
                                 .warm_up_calls = 2000,
                                 .processes = 1,
                                 .threads = 1};
static struct shared *shared;

// ---- gates ----

static void make_gate(struct gate *gate) {
  if (pipe2(gate->reached, O_CLOEXEC) < 0 || pipe2(gate->opened, O_CLOEXEC) < 0) fail("make pipes");
}

static void pass_gate(const struct gate *gate) {
  char byte = 0;
  if (write(gate->reached[1], &byte, 1) != 1) fail("reach a gate");
  if (read(gate->opened[0], &byte, 1) != 0) fail("pass a gate");
}

static void await_all(const struct gate *gate, size_t count) {
  char bytes[256];
  while (count > 0) {
    const ssize_t got = read(gate->reached[0], bytes, count < sizeof bytes ? count : sizeof bytes);
    if (got <= 0) fail("wait for the containers");
    count -= (size_t)got;
  }
}

// ---- a container ----

static void enter_own_mounts(void) {
  if (unshare(CLONE_NEWNS) < 0) fail("make a mount namespace");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("make mounts private");
}

static const char new_proc[] = "/tmp/proc";
// In a root of its own.
static const char opened_path[] = "/file";

// A proc that hides what runtimes hide; another one is to be mounted beside it.
static void mask_proc(void) {
  static const char *const hidden[] = {
      "/proc/kcore",      "/proc/keys",     "/proc/latency_stats", "/proc/timer_list",
      "/proc/interrupts", "/proc/softirqs", "/proc/kallsyms",      "/proc/modules"};
  static const char *const read_only[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                          "/proc/sysrq-trigger"};
  if (mount("proc", "/proc", "proc", 0, NULL) < 0) fail("mount proc");
  for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
    if (mount("/dev/null", hidden[i], NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
      fail("hide a file of proc");
  for (size_t i = 0; i < sizeof read_only / sizeof *read_only; i++) {
    if (mount(read_only[i], read_only[i], NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
      fail("bind a file of proc");
    if (mount(NULL, read_only[i], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0 &&
        errno != ENOENT)
      fail("make a file of proc read-only");
  }
  if (mount("load", "/tmp", "tmpfs", 0, NULL) < 0) fail("mount a tmpfs");
  if (mkdir(new_proc, 0755) < 0) fail("make a mount point");
}

static void enter_own_root(void) {
  if (mount("load", "/tmp", "tmpfs", 0, NULL) < 0) fail("mount a root");
  // as runtimes do: the root of the mount namespace is another one
  if (chdir("/tmp") < 0 || syscall(__NR_pivot_root, ".", ".") < 0) fail("enter the root");
  if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0) fail("leave the old root");
  const int fd = open(opened_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  if (fd < 0 || close(fd) < 0) fail("make a file");
}

// The agent may be on its way up.
static int connect_starting_agent(void) {
  const uint64_t until_ns = now_ns() + CONNECT_PATIENCE_MS * UINT64_C(1000000);
  int fd;
  while ((fd = try_to_connect_agent(options.socket)) == -ENOENT || fd == -ECONNREFUSED) {
    if (now_ns() > until_ns) break;
    sleep_ns(1000000);
  }
  return fd >= 0 ? fd : connect_agent(options.socket);
}

// arm64 has neither chmod nor mkdir.
static long syscall_number(void) {
  switch (options.call) {
    case CALL_GETPGID:
      return __NR_getpgid;
    case CALL_MOUNT:
      return __NR_mount;
    case CALL_OPEN:
      return __NR_openat;
#ifdef __NR_chmod
    case CALL_CHMOD:
      return __NR_chmod;
    case CALL_MKDIR:
      return __NR_mkdir;
#else
    case CALL_CHMOD:
      return __NR_fchmodat;
    case CALL_MKDIR:
      return __NR_mkdirat;
#endif
  }
  abort();
}

static void hand_over(int agent_fd) {
  const struct container container = {.metadata = options.metadata, .bundle = options.bundle};
  const long number = syscall_number();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail("set no_new_privs");
  const int listener = load_filter(&number, 1, options.wait_killable);
  send_listener(agent_fd, listener, &container);
  close(listener);
  close(agent_fd);
}

// The path of the trapped calls is 64 bytes long with its NUL and lies within a page.
static const char usual_path[] __attribute__((aligned(64))) =
    "/a-path-that-does-not-exist-of-just-sixty-four-bytes-with-a-NUL";
_Static_assert(sizeof usual_path == 64, "a path of another length");

// Where a container has a root of its own: what is asked for, and what has to come of it.
static const char asked_path[] = "/directory";
static const char made_path[] = "/directory-suffix";

static long call_once(const char *path) {
  if (options.call == CALL_GETPGID) return syscall(__NR_getpgid, 0L);
  if (options.call == CALL_MOUNT) return syscall(__NR_mount, "proc", new_proc, "proc", 0L, NULL);
  if (options.call == CALL_OPEN)
    return syscall(__NR_openat, (long)AT_FDCWD, opened_path, (long)(O_RDONLY | O_CLOEXEC));
#ifdef __NR_chmod
  return syscall(syscall_number(), path, 0700L);
#else
  return syscall(syscall_number(), -100L, path, 0700L);
#endif
}

static void call_and_check(struct worker *worker, uint64_t *began_ns, uint64_t *ended_ns) {
  *began_ns = now_ns();
  const long result = call_once(options.has_own_root ? asked_path : usual_path);
  *ended_ns = now_ns();
  int got = result == -1 ? errno : 0;
  if (options.call == CALL_MKDIR && options.has_own_root && rmdir(made_path) < 0) got = errno;
  if (options.call == CALL_OPEN && result >= 0 && close((int)result) < 0) got = errno;
  if (options.call == CALL_MOUNT && got == 0 && umount2(new_proc, MNT_DETACH) < 0) got = errno;
  if (got == options.expected_errno) return;
  worker->wrong++;
  worker->wrong_errno = got;
}

static void call_first(struct worker *worker) {
  const uint64_t began_ns = now_ns();
  call_once(options.first_path);
  worker->first_ns = now_ns() - began_ns;
}

static void *work(void *argument) {
  struct worker *worker = argument;
  uint64_t began_ns, ended_ns;
  for (uint64_t i = 0; i < options.warm_up_calls; i++) call_and_check(worker, &began_ns, &ended_ns);
  pass_gate(&shared->start);
  if (options.first_path != NULL) call_first(worker);
  const uint64_t until_ns = options.duration_ms > 0
                                ? shared->start_ns + options.duration_ms * UINT64_C(1000000)
                                : UINT64_MAX;
  while (worker->calls < options.calls) {
    if (worker->pause_us > 0) sleep_ns(worker->pause_us * 1000);
    call_and_check(worker, &began_ns, &ended_ns);
    worker->latencies_ns[worker->calls++] = ended_ns - began_ns;
    if (ended_ns >= until_ns) break;
  }
  worker->end_ns = now_ns();
  pass_gate(&shared->end);
  return NULL;
}

_Noreturn static void be_container(struct worker *workers, unsigned long threads, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  signal(SIGCHLD, SIG_DFL);
  alarm(LIFE_SECONDS);
  // Only main may hold the ends whose closing means something.
  close(shared->start.opened[1]);
  close(shared->end.opened[1]);
  const int agent_fd = connect_starting_agent();
  if (options.has_own_root || options.call == CALL_MOUNT) enter_own_mounts();
  if (options.has_own_root) enter_own_root();
  if (options.call == CALL_MOUNT) mask_proc();
  // each mount is undone
  if (options.call != CALL_MOUNT) keep_capabilities_of_containers();
  hand_over(agent_fd);
  for (unsigned long i = 1; i < threads; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, &workers[i]) != 0) fail("start a thread");
    pthread_detach(thread);
  }
  work(&workers[0]);
  _exit(0);  // the gate at the end let us through: all threads have finished
}

// ---- the whole ----

static void *shared_memory(size_t bytes, int flags) {
  void *memory =
      mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | flags, -1, 0);
  if (memory == MAP_FAILED) fail("share memory");
  return memory;
}

// A container that ends before the others would leave them waiting at a gate. Ours die with us.
static void give_up(int number) {
  (void)number;
  static const char message[] = "load: a container ended early\n";
  if (write(STDERR_FILENO, message, sizeof message - 1) < 0) _exit(1);
  _exit(1);
}

static int by_size(const void *left, const void *right) {
  const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

// Figures of some workers, as a JSON object; null when they made no call.
static void print_figures(const struct worker *workers, size_t count) {
  uint64_t calls = 0, end_ns = 0, first_ns = 0, least = UINT64_MAX, most = 0;
  for (size_t i = 0; i < count; i++) {
    calls += workers[i].calls;
    if (workers[i].end_ns > end_ns) end_ns = workers[i].end_ns;
    if (workers[i].first_ns > first_ns) first_ns = workers[i].first_ns;
    if (workers[i].calls < least) least = workers[i].calls;
    if (workers[i].calls > most) most = workers[i].calls;
  }
  if (calls == 0) {
    printf("null");
    return;
  }
  uint64_t *sorted_ns = malloc(calls * sizeof *sorted_ns);
  if (sorted_ns == NULL) fail("allocate the latencies");
  size_t filled = 0;
  for (size_t i = 0; i < count; i++) {
    memcpy(sorted_ns + filled, workers[i].latencies_ns, workers[i].calls * sizeof *sorted_ns);
    filled += workers[i].calls;
  }
  qsort(sorted_ns, calls, sizeof *sorted_ns, by_size);
  const double seconds = (double)(end_ns - shared->start_ns) / 1e9;
  printf(
      "{\"calls\":%lu,\"p50Ns\":%lu,\"p90Ns\":%lu,\"p99Ns\":%lu,\"maxNs\":%lu,"
      "\"callsPerSecond\":%.0f,\"least\":%lu,\"most\":%lu,\"durationSeconds\":%.6f,"
      "\"firstNs\":%lu}",
      calls, sorted_ns[(calls - 1) * 50 / 100], sorted_ns[(calls - 1) * 90 / 100],
      sorted_ns[(calls - 1) * 99 / 100], sorted_ns[calls - 1], (double)calls / seconds, least, most,
      seconds, first_ns);
  free(sorted_ns);
}

static void print_summary(size_t loop_count, size_t worker_count) {
  printf("{\"syscall\":\"%s\",\"processes\":%lu,\"threads\":%lu,\"loops\":",
         syscall_choices[options.call], options.processes, options.threads);
  print_figures(shared->workers, loop_count);
  printf(",\"quiet\":");
  print_figures(shared->workers + loop_count, worker_count - loop_count);
  printf("}\n");
  fflush(stdout);
}

_Noreturn static void usage(const char *complaint) {
  fprintf(
      stderr,
      "load: %s\n"
      "usage: load -s SOCKET [options]\n"
      "  -c SYSCALL        chmod, mkdir (with a path of 64 bytes), getpgid, mount or open "
      "(chmod);\n"
      "                    mount is of proc, in containers whose own proc hides what runtimes "
      "hide;\n"
      "                    open goes with -r\n"
      "  -e ERRNO          the answer to expect, as a number, 0 for success (EBADMSG)\n"
      "  -n CALLS          calls per worker (20000); 0 and -w 0: containers that never call\n"
      "  -d MS             time instead of -n\n"
      "  -w CALLS          calls per worker before the timing starts (2000)\n"
      "  -P PROCESSES      containers (1)\n"
      "  -T THREADS        workers in each container (1)\n"
      "  -q US             one container more that calls after a pause each time, in \"quiet\";\n"
      "                    with it -P may be 0\n"
      "  -r                each container has a root of its own, and the calls are open, or mkdir, "
      "which\n"
      "                    have to make a directory with -suffix behind its name\n"
      "  -x PATH           before the timed calls each worker makes one with this path, which\n"
      "                    may be answered by anything and took at most \"firstNs\"\n"
      "  -i                the containers idle after all is printed, until stdin ends\n"
      "  -m METADATA       listenerMetadata, in JSON's escapes (absent without it)\n"
      "  -b DIRECTORY      the OCI bundle of the containers, in JSON's escapes (/bundle)\n"
      "  -k                SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\n",
      complaint);
  exit(2);
}

static uint64_t number_or_usage(const char *text, uint64_t least, uint64_t most) {
  char *end;
  errno = 0;
  const unsigned long number = strtoul(text, &end, 10);
  if (*text == '-' || end == text || *end != '\0' || errno != 0 || number < least || number > most)
    usage("a number is wrong or too large");
  return number;
}

static enum syscall_choice syscall_or_usage(const char *name) {
  for (int i = 0; i < SYSCALL_CHOICES; i++)
    if (strcmp(name, syscall_choices[i]) == 0) return (enum syscall_choice)i;
  usage("unknown syscall");
}

static void parse_options(int argc, char **argv) {
  const uint64_t most_calls = 100000000;
  for (int letter; (letter = getopt(argc, argv, "s:c:e:n:d:w:P:T:q:x:m:b:kir")) != -1;) {
    switch (letter) {
      case 's':
        options.socket = optarg;
        break;
      case 'c':
        options.call = syscall_or_usage(optarg);
        break;
      case 'e':
        options.expected_errno = (int)number_or_usage(optarg, 0, 4095);
        break;
      case 'n':
        options.calls = number_or_usage(optarg, 0, most_calls);
        break;
      case 'd':
        options.duration_ms = number_or_usage(optarg, 1, 60000);
        break;
      case 'w':
        options.warm_up_calls = number_or_usage(optarg, 0, most_calls);
        break;
      case 'P':
        options.processes = number_or_usage(optarg, 0, MAX_WORKERS);
        break;
      case 'T':
        options.threads = number_or_usage(optarg, 1, MAX_WORKERS);
        break;
      case 'q':
        options.quiet_pause_us = number_or_usage(optarg, 1, 1000000);
        break;
      case 'x':
        options.first_path = optarg;
        break;
      case 'm':
        options.metadata = optarg;
        break;
      case 'b':
        options.bundle = optarg;
        break;
      case 'k':
        options.wait_killable = true;
        break;
      case 'r':
        options.has_own_root = true;
        break;
      case 'i':
        options.is_held = true;
        break;
      default:
        usage("bad option");
    }
  }
  if (options.socket == NULL || optind != argc) usage("-s SOCKET is needed, and only options");
  if (strlen(options.socket) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
    usage("the socket's path is too long");
  if (options.metadata != NULL && strlen(options.metadata) > 1024) usage("-m is too long");
  if (strlen(options.bundle) > 1024) usage("-b is too long");
  if (options.processes * options.threads > MAX_WORKERS) usage("too many workers");
  if (options.processes == 0 && options.quiet_pause_us == 0) usage("-P 0 needs -q");
  const bool may_have_root = options.call == CALL_MKDIR || options.call == CALL_OPEN;
  if (options.has_own_root && (!may_have_root || options.threads > 1))
    usage("-r goes with -c mkdir or open and one thread");
  if (options.call == CALL_OPEN && !options.has_own_root) usage("-c open needs -r");
  if (options.duration_ms > 0) options.calls = options.duration_ms * CALLS_PER_MS;
}

static void start_container(struct worker *workers, unsigned long threads, pid_t self) {
  const pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) be_container(workers, threads, self);
}

static void await_end_of_input(void) {
  char bytes[256];
  while (read(STDIN_FILENO, bytes, sizeof bytes) > 0) {
  }
}

static void share_workers(size_t count) {
  shared = shared_memory(sizeof *shared + count * sizeof *shared->workers, 0);
  const size_t bytes = options.calls * sizeof(uint64_t);
  // A run of -n has its pages from the start; those of -d are far more than it fills.
  const int flags = options.duration_ms > 0 ? MAP_NORESERVE : MAP_POPULATE;
  for (size_t i = 0; bytes > 0 && i < count; i++)
    shared->workers[i].latencies_ns = shared_memory(bytes, flags);
}

int main(int argc, char **argv) {
  parse_options(argc, argv);
  alarm(LIFE_SECONDS);
  const size_t loop_count = options.processes * options.threads;
  const size_t worker_count = loop_count + (options.quiet_pause_us > 0 ? 1 : 0);
  share_workers(worker_count);
  make_gate(&shared->start);
  make_gate(&shared->end);

  signal(SIGCHLD, give_up);
  const pid_t self = getpid();
  for (unsigned long i = 0; i < options.processes; i++)
    start_container(&shared->workers[i * options.threads], options.threads, self);
  if (options.quiet_pause_us > 0) {
    shared->workers[loop_count].pause_us = options.quiet_pause_us;
    start_container(&shared->workers[loop_count], 1, self);
  }
  close(shared->start.reached[1]);
  close(shared->end.reached[1]);
  await_all(&shared->start, worker_count);
  shared->start_ns = now_ns();
  close(shared->start.opened[1]);
  await_all(&shared->end, worker_count);
  print_summary(loop_count, worker_count);
  if (options.is_held) await_end_of_input();
  signal(SIGCHLD, SIG_DFL);
  close(shared->end.opened[1]);
  while (wait(NULL) > 0) {
  }
  for (size_t i = 0; i < worker_count; i++) {
    const struct worker *worker = &shared->workers[i];
    if (worker->wrong == 0) continue;
    fprintf(stderr, "load: %lu calls of a worker were answered with errno %d, not %d\n",
            worker->wrong, worker->wrong_errno, options.expected_errno);
    return 3;
  }
  return 0;
}
