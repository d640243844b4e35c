// SPDX-License-Identifier: Apache-2.0
// A container that tries to get at whoever acts for it: while one process makes calls that the
// agent does, another one looks for the agent and its helpers in /proc, and tries all that one
// process can do to another.
//
// usage: prying-caller -s SOCKET -a AGENT_PID [-n CALLS] [-m] [-p] [-u] FOLDER
//   -m   the calls are mounts and unmounts; else they are of files
//   -p   in a pid namespace of its own; else it shares the agent's, and sees it
//   -u   as root of a user namespace of its own; else as root with the Linux capabilities that
//        containers commonly have, of which CAP_SYS_PTRACE is none
// It prints `reached WHAT PID` for each success, and in the end `calls COUNT`, `failed COUNT`,
// `agents COUNT`, `helpers COUNT` and `children COUNT`, those of helpers: how often one was there
// to be tried.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "container.h"
#include "user-namespace.h"

enum { LIFE_SECONDS = 150, HELPERS = 8, HELPER_FDS = 12, IDENTITIES = 40, CALLS_OF_IDENTITY = 50 };

// File that both processes look at.
static struct shared {
  atomic_bool is_over;
  // the ones that were found last; 0: none
  atomic_int helpers_found[HELPERS];
  // where the next one is put
  atomic_uint next;
  atomic_ulong calls, failed, reached, agents, helpers, children;
} *shared;

static pid_t agent_pid;
static bool has_pid_namespace, has_user_namespace, mounts;

static void reached(const char *what, pid_t pid) {
  atomic_fetch_add(&shared->reached, 1);
  dprintf(STDOUT_FILENO, "reached %s %d\n", what, pid);
}

// ---- trying ----

static void try_open(pid_t pid, const char *name, int flags) {
  char path[96];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  const int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return;
  char byte;
  // some are opened by everybody, and give nothing
  const bool is_for_reading = (flags & (O_PATH | O_DIRECTORY)) == 0;
  if (!is_for_reading || pread(fd, &byte, 1, 0) == 1) reached(name, pid);
  close(fd);
}

static void try_link(pid_t pid, const char *name) {
  char path[96], text[256];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  if (readlink(path, text, sizeof text) >= 0) reached(name, pid);
}

// Its numbers are for everybody who may read every directory; what is behind them is not.
static void try_entries(pid_t pid, const char *name) {
  char path[96], text[256];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  DIR *folder = opendir(path);
  if (folder == NULL) return;
  for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    const int fd = openat(dirfd(folder), entry->d_name, O_PATH | O_CLOEXEC);
    if (fd >= 0 || readlinkat(dirfd(folder), entry->d_name, text, sizeof text) >= 0)
      reached(name, pid);
    if (fd >= 0) close(fd);
  }
  closedir(folder);
}

static void try_files(pid_t pid) {
  static const char *const links[] = {"exe", "cwd", "root", "ns/user", "ns/mnt"};
  for (size_t i = 0; i < sizeof links / sizeof *links; i++) try_link(pid, links[i]);
  static const char *const files[] = {"exe", "mem", "maps", "environ", "auxv", "stack", "syscall"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) try_open(pid, files[i], O_RDONLY);
  try_open(pid, "mem", O_RDWR);
  static const char *const paths[] = {"root", "exe", "cwd", "root/etc", "fd/3"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) try_open(pid, paths[i], O_PATH);
  try_entries(pid, "fd");
  try_entries(pid, "map_files");
}

static void try_process(pid_t pid) {
  if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0) {
    reached("seize", pid);
    ptrace(PTRACE_DETACH, pid, 0, 0);
  }
  char byte;
  struct iovec here = {&byte, 1}, there = {(void *)0x400000, 1};
  if (process_vm_readv(pid, &here, 1, &there, 1, 0) == 1) reached("memory", pid);
  // a zombie says ESRCH, who may look at its memory gets EFAULT
  else if (errno == EFAULT)
    reached("memory, somewhere else", pid);
  const int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (pidfd < 0) return;
  for (int fd = 0; fd < HELPER_FDS; fd++) {
    if (syscall(SYS_pidfd_getfd, pidfd, fd, 0) >= 0) reached("descriptor", pid);
  }
  if (setns(pidfd, CLONE_NEWNS) == 0) reached("namespace", pid);
  close(pidfd);
}

// ---- finding ----

static pid_t parent_of(pid_t pid) {
  char path[48], text[512] = "";
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  const ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  const char *behind = length > 0 ? strrchr(text, ')') : NULL;
  int parent = -1;
  if (behind == NULL || sscanf(behind + 1, " %*c %d", &parent) != 1) return -1;
  return parent;
}

static void try_one(pid_t pid, atomic_ulong *count) {
  atomic_fetch_add(count, 1);
  try_files(pid);
  try_process(pid);
}

static void try_threads_of_agent(void) {
  char path[48];
  snprintf(path, sizeof path, "/proc/%d/task", agent_pid);
  DIR *threads = opendir(path);
  if (threads == NULL) return;
  for (const struct dirent *entry; (entry = readdir(threads)) != NULL;) {
    const pid_t pid = atoi(entry->d_name);
    if (pid > 0) try_files(pid);
  }
  closedir(threads);
}

// Those that live are as many as there are identities and containers; pids begin anew at some time,
// so that the highest one is not the newest.
static void note_helper(pid_t pid) {
  for (int i = 0; i < HELPERS; i++) {
    if (atomic_load(&shared->helpers_found[i]) == pid) return;
  }
  atomic_store(&shared->helpers_found[atomic_fetch_add(&shared->next, 1) % HELPERS], pid);
}

static void look_around(pid_t own_child) {
  DIR *processes = opendir("/proc");
  if (processes == NULL) fail("open /proc");
  for (const struct dirent *entry; (entry = readdir(processes)) != NULL;) {
    const pid_t pid = atoi(entry->d_name);
    if (pid <= 0 || pid == getpid() || pid == own_child) continue;
    // nobody else is to be in our own
    if (has_pid_namespace) {
      reached("a process that is not ours", pid);
      continue;
    }
    if (pid == agent_pid) {
      try_one(pid, &shared->agents);
    } else if (parent_of(pid) == agent_pid) {
      note_helper(pid);
      try_one(pid, &shared->helpers);
    }
  }
  closedir(processes);
  if (!has_pid_namespace) try_threads_of_agent();
}

// They are where the container is, and for a short time only.
static void look_for_children(pid_t helper) {
  char path[64], text[256];
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", helper, helper);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  const ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  text[length > 0 ? length : 0] = '\0';
  char *rest = text;
  for (const char *name; (name = strsep(&rest, " ")) != NULL;) {
    const pid_t child = atoi(name);
    if (child > 0 && parent_of(child) == helper) try_one(child, &shared->children);
  }
}

// A helper that starts is new for a short time only: it is tried again and again.
static void look_closer(pid_t pid) {
  if (pid <= 0 || has_pid_namespace) return;
  if (mounts) look_for_children(pid);
  for (int ahead = 1; ahead < 4; ahead++) {
    // whoever comes next
    if (parent_of(pid + ahead) == agent_pid) try_one(pid + ahead, &shared->helpers);
  }
}

// ---- calling ----

static void check(bool is_as_expected, const char *what) {
  if (is_as_expected) return;
  atomic_fetch_add(&shared->failed, 1);
  dprintf(STDOUT_FILENO, "failed %s %s\n", what, answer_name(errno));
}

// The agent opens for us only the requested file.
static void open_own(void) {
  const int fd = open("file", O_CREAT | O_RDWR | O_CLOEXEC, 0666);
  check(fd >= 0, "open");
  if (fd < 0) return;
  struct stat opened, found;
  const bool is_same = fstat(fd, &opened) == 0 && stat("file", &found) == 0 &&
                       opened.st_ino == found.st_ino && opened.st_dev == found.st_dev;
  if (!is_same) reached("another file", 0);
  close(fd);
}

// The helper itself, by its own hands.
static void open_helper(void) {
  static int start = -1;
  if (start < 0) start = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  static const char *const names[] = {"exe",    "mem",  "fd/3",       "root",           "cwd",
                                      "ns/mnt", "maps", "task/1/mem", "root/etc/passwd"};
  const unsigned next = atomic_load(&shared->next);
  const pid_t pid = atomic_load(&shared->helpers_found[(next + HELPERS - 1) % HELPERS]);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char path[64];
    static const char *const who[] = {"self", "thread-self"};
    for (int which = 0; which < 4; which++) {
      if (which < 2)
        snprintf(path, sizeof path, "/proc/./%s/%s", who[which], names[i]);
      else
        snprintf(path, sizeof path, "/proc/%d/%s", pid, names[i]);
      char folder[32];
      snprintf(folder, sizeof folder, "/proc/%d", pid);
      // from there, nothing says whose it is
      if (which == 3 && chdir(folder) < 0) continue;
      const int fd = open(which == 3 ? names[i] : path, O_RDONLY | O_CLOEXEC);
      if (which == 3 && fchdir(start) < 0) fail("go back");
      if (fd < 0) continue;
      // what is its own, it may have
      struct stat opened, own;
      const bool is_own = which < 2 && fstat(fd, &opened) == 0 && stat(path, &own) == 0 &&
                          opened.st_ino == own.st_ino && opened.st_dev == own.st_dev;
      if (!is_own) reached(path, pid);
      close(fd);
    }
  }
}

static void mount_at(const char *place, const char *type) {
  struct stat inside, outside;
  check(mount("none", place, type, 0, NULL) == 0, type);
  if (stat(place, &inside) < 0 || stat(".", &outside) < 0) fail("look at a mount");
  if (inside.st_dev == outside.st_dev) reached("another place", 0);
}

// A proc may hide something and stays; it is put into the container in another way than others.
static void call_mounts(unsigned long calls) {
  if (mkdir("made", 0777) < 0) fail("make a directory");
  for (unsigned long i = 0; i < calls; i += 4) {
    mount_at("made", "tmpfs");
    check(umount2("made", MNT_DETACH) == 0, "umount2");
    mount_at("made", "mqueue");
    check(umount2("made", MNT_DETACH) == 0, "umount2");
    // nothing goes over another one
    char proc[32];
    snprintf(proc, sizeof proc, "proc%lu", i);
    if (i % 16 == 0 && mkdir(proc, 0777) < 0) fail("make a directory");
    if (i % 16 == 0) mount_at(proc, "proc");
    atomic_fetch_add(&shared->calls, 4);
  }
}

static void call(unsigned long calls) {
  for (unsigned long i = 0; i < calls; i += 2) {
    // another identity: another helper
    if (i % CALLS_OF_IDENTITY == 0) setfsgid((gid_t)(i / CALLS_OF_IDENTITY % IDENTITIES));
    open_own();
    check(make_directory("made") == 0, "mkdir");
    rmdir("made");
    if (i % (CALLS_OF_IDENTITY * 4) == 0) open_helper();
    atomic_fetch_add(&shared->calls, 2);
  }
}

// ---- becoming a container ----

static void enter_namespaces(const char *folder) {
  if (has_user_namespace) enter_user_namespace();
  if (unshare(CLONE_NEWNS | (has_pid_namespace ? CLONE_NEWPID : 0)) < 0) fail("make namespaces");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("make all mounts private");
  if (mount("tmpfs", folder, "tmpfs", 0, "mode=777") < 0 || chdir(folder) < 0)
    fail("mount a tmpfs");
}

static void drop_capabilities(void) {
  if (has_user_namespace) return;
  const uint32_t kept = 1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_FOWNER |
                        1u << CAP_FSETID | 1u << CAP_KILL | 1u << CAP_SETGID | 1u << CAP_SETUID |
                        1u << CAP_SETPCAP | 1u << CAP_NET_BIND_SERVICE | 1u << CAP_NET_RAW |
                        1u << CAP_SYS_CHROOT | 1u << CAP_MKNOD | 1u << CAP_AUDIT_WRITE |
                        1u << CAP_SETFCAP;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  const struct __user_cap_data_struct data[2] = {{.effective = kept, .permitted = kept}};
  if (syscall(SYS_capset, &header, data) < 0) fail("drop Linux capabilities");
}

static int run(struct container *container, int agent_fd, unsigned long calls) {
  // as it is called outside, which its own proc does not say
  container->pid = pid_outside();
  if (has_pid_namespace && mount("proc", "/proc", "proc", 0, NULL) < 0) fail("mount proc");
  const pid_t caller = fork();
  if (caller < 0) fail("fork");
  if (caller == 0) {
    static const long of_files[] = {MAKE_DIRECTORY_NUMBER, SYS_openat};
    static const long of_mounts[] = {SYS_mount, SYS_umount2};
    const int listener = load_filter(mounts ? of_mounts : of_files, 2, false);
    send_listener(agent_fd, listener, container);
    close(listener);
    close(agent_fd);
    drop_capabilities();
    if (mounts)
      call_mounts(calls);
    else
      call(calls);
    atomic_store(&shared->is_over, true);
    _exit(0);
  }
  close(agent_fd);
  drop_capabilities();
  while (!atomic_load(&shared->is_over)) {
    look_around(caller);
    for (int i = 0; i < 50; i++) look_closer(atomic_load(&shared->helpers_found[i % HELPERS]));
    if (waitpid(caller, NULL, WNOHANG) != 0) break;
  }
  printf("calls %lu\nfailed %lu\nreached %lu\nagents %lu\nhelpers %lu\nchildren %lu\n",
         shared->calls, shared->failed, shared->reached, shared->agents, shared->helpers,
         shared->children);
  return 0;
}

int main(int argc, char **argv) {
  struct container container = {0};
  unsigned long calls = 1000;
  for (int letter; (letter = getopt(argc, argv, "s:a:n:mpu")) != -1;) {
    if (letter == 's')
      container.socket = optarg;
    else if (letter == 'a')
      agent_pid = atoi(optarg);
    else if (letter == 'n')
      calls = strtoul(optarg, NULL, 10);
    else if (letter == 'm')
      mounts = true;
    else if (letter == 'p')
      has_pid_namespace = true;
    else if (letter == 'u')
      has_user_namespace = true;
    else
      return 2;
  }
  if (container.socket == NULL || agent_pid == 0 || optind + 1 != argc) return 2;
  alarm(LIFE_SECONDS);
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) fail("share memory");
  const int agent_fd = connect_agent(container.socket);
  enter_namespaces(argv[optind]);
  umask(0);
  const pid_t first = fork();
  if (first < 0) fail("fork");
  if (first == 0) {
    // with it all of its pid namespace ends
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(LIFE_SECONDS);
    const int status = run(&container, agent_fd, calls);
    fflush(stdout);
    _exit(status);
  }
  close(agent_fd);
  int status;
  if (waitpid(first, &status, 0) < 0) fail("wait for the container");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
