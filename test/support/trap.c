// SPDX-License-Identifier: Apache-2.0
// A container runtime and its container in one small program: traps syscalls, then makes them.
//
// It loads a filter that notifies the syscalls of -n, hands the listener to the agent socket with
// the OCI container process state in one sendmsg(2), closes both, and then runs the OPs in order,
// printing `OP RESULT ERRNONAME` for each: what the syscall returned, and OK or the errno's name.
// Without -s and -n the kernel alone answers, which tells what the right answer is.
//
// Exit status: 0 when all OPs ran, whatever they returned; 1 when it could not get that far;
// 2 for a usage error. A wait of more than WAIT_SECONDS ends in death by SIGALRM.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
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
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
  WAIT_SECONDS = 60,
  KILL_DELAY_MS = 20,
  MAX_FIELDS = 5,
  MAX_ANNOTATIONS = 8,
  MAX_GROUPS = 32,
  MAX_LENGTH = 1 << 20,
};

// The first operand of system calls that take a directory: an int, whose upper half the kernel
// ignores. Programs pass it both ways.
#define AT_FDCWD_ZERO_EXTENDED 0xffffff9cUL
#define AT_FDCWD_SIGN_EXTENDED (-100L)

// ---- what can be trapped ----

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "trap.c knows x86-64 and arm64 only"
#endif

struct syscall_name {
  const char *name;
  int native;
  int i386;
};

// i386's numbers stand here as figures: its header and the native one define the same names.
// clang-format off
static const struct syscall_name syscall_names[] = {
#ifdef __x86_64__  // calls that arm64 never had
    {"chmod", __NR_chmod, 15},
    {"chown", __NR_chown, 182},
    {"creat", __NR_creat, 8},
    {"lchown", __NR_lchown, 16},
    {"mkdir", __NR_mkdir, 39},
    {"mknod", __NR_mknod, 14},
    {"open", __NR_open, 5},
#else
    {"chmod", -1, -1},
    {"chown", -1, -1},
    {"creat", -1, -1},
    {"lchown", -1, -1},
    {"mkdir", -1, -1},
    {"mknod", -1, -1},
    {"open", -1, -1},
#endif
    {"execve", __NR_execve, 11},
    {"fchmod", __NR_fchmod, 94},
    {"fchmodat", __NR_fchmodat, 306},
    {"fchmodat2", __NR_fchmodat2, 452},
    {"fchown", __NR_fchown, 95},
    {"fchownat", __NR_fchownat, 298},
    {"fsconfig", __NR_fsconfig, 431},
    {"fsmount", __NR_fsmount, 432},
    {"fsopen", __NR_fsopen, 430},
    {"getpgid", __NR_getpgid, 132},
    {"getpid", __NR_getpid, 20},
    {"getppid", __NR_getppid, 64},
    {"mkdirat", __NR_mkdirat, 296},
    {"mknodat", __NR_mknodat, 297},
    {"mount", __NR_mount, 21},
    {"move_mount", __NR_move_mount, 429},
    {"openat", __NR_openat, 295},
    {"openat2", __NR_openat2, 437},
    {"umount2", __NR_umount2, 52},
};
// clang-format on
enum { SYSCALL_NAMES = sizeof syscall_names / sizeof *syscall_names };

struct options {
  const char *socket;
  const struct syscall_name *trapped[SYSCALL_NAMES];
  size_t trapped_count;
  const char *metadata;  // NULL: the key is absent, as without listenerMetadata
  const char *id;
  char *annotations[MAX_ANNOTATIONS];  // KEY=VALUE
  size_t annotation_count;
  long json_pid;  // -1: our own
  long uid, gid, umask;
  gid_t groups[MAX_GROUPS];
  size_t group_count;
  unsigned long times;
  bool wait_killable, no_new_privs, private_root, in_thread, send_twice;
};

// ---- the OPs ----

struct field {
  char *text;  // NULL for an empty optional one
  unsigned long number;
};

struct operation;
struct outcome {
  long result;
  const char *name;  // NULL: OK, or the name of errno when result is -1
  char extra[64];
};

struct operation_kind {
  const char *name;
  // One letter per field: p text, o text or empty for NULL, h hexadecimal text, m octal, n number.
  const char *fields;
  struct outcome (*run)(const struct operation *);
};

struct operation {
  const struct operation_kind *kind;
  struct field fields[MAX_FIELDS];
  int program_fd;  // of exec, when its path is gone once we are in the private root
};

static pid_t process_pid;
static bool kill_at_next;
static bool killer_started;
static pthread_t killer;

static void fail(const char *what) {
  fprintf(stderr, "trap: cannot %s: %s\n", what, strerror(errno));
  exit(1);
}

static void sleep_ms(unsigned long ms) {
  struct timespec left = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
  while (nanosleep(&left, &left) < 0 && errno == EINTR) {
  }
}

static struct outcome outcome_of(long result) { return (struct outcome){.result = result}; }

static long make_dir(const char *path, unsigned long mode) {
#ifdef __NR_mkdir
  return syscall(__NR_mkdir, path, mode);
#else
  return syscall(__NR_mkdirat, AT_FDCWD_SIGN_EXTENDED, path, mode);
#endif
}

static struct outcome run_mkdir(const struct operation *op) {
  return outcome_of(make_dir(op->fields[0].text, op->fields[1].number));
}

#ifdef __x86_64__
static struct outcome run_mkdir_x32(const struct operation *op) {
  // Seccomp sees the number before the kernel finds out whether it was built with x32.
  const long number = 0x40000000L | __NR_mkdir;
  return outcome_of(syscall(number, op->fields[0].text, op->fields[1].number));
}
#endif

static struct outcome run_mkdirat(const struct operation *op) {
  const char *dir = op->fields[0].text;
  const char *path = op->fields[1].text;
  const unsigned long mode = op->fields[2].number;
  if (strcmp(dir, ".") == 0)
    return outcome_of(syscall(__NR_mkdirat, AT_FDCWD_ZERO_EXTENDED, path, mode));
  if (strcmp(dir, "@64") == 0)
    return outcome_of(syscall(__NR_mkdirat, AT_FDCWD_SIGN_EXTENDED, path, mode));
  const int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir_fd < 0) return (struct outcome){.result = -1, .extra = " open"};
  const struct outcome outcome = outcome_of(syscall(__NR_mkdirat, (long)dir_fd, path, mode));
  const int error = errno;
  close(dir_fd);
  errno = error;
  return outcome;
}

static struct outcome run_chmod(const struct operation *op) {
#ifdef __NR_chmod
  return outcome_of(syscall(__NR_chmod, op->fields[0].text, op->fields[1].number));
#else
  return outcome_of(
      syscall(__NR_fchmodat, AT_FDCWD_SIGN_EXTENDED, op->fields[0].text, op->fields[1].number));
#endif
}

static struct outcome run_fchmodat2(const struct operation *op) {
  return outcome_of(syscall(__NR_fchmodat2, AT_FDCWD_SIGN_EXTENDED, op->fields[0].text,
                            op->fields[1].number, op->fields[2].number));
}

static struct outcome run_mount(const struct operation *op) {
  return outcome_of(syscall(__NR_mount, op->fields[0].text, op->fields[1].text, op->fields[2].text,
                            op->fields[3].number, op->fields[4].text));
}

static struct outcome run_getpgid(const struct operation *op) {
  (void)op;
  return outcome_of(syscall(__NR_getpgid, 0L));
}

static struct outcome run_getpid(const struct operation *op) {
  (void)op;
  return outcome_of(syscall(__NR_getpid));
}

static struct outcome run_exists(const struct operation *op) {
  struct stat st;
  struct outcome outcome = outcome_of(stat(op->fields[0].text, &st));
  if (outcome.result == 0)
    snprintf(outcome.extra, sizeof outcome.extra, " %o %u %u", st.st_mode, st.st_uid, st.st_gid);
  return outcome;
}

// Calls mkdir with a path whose last byte is the last byte that is mapped.
static struct outcome mkdir_at_edge(const char *bytes, size_t length, unsigned long mode) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const size_t kept = (length + page - 1) / page * page;
  char *start = mmap(NULL, kept + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) fail("map pages");
  // Unmapped rather than PROT_NONE: /proc/PID/mem reads through protections.
  if (munmap(start + kept, page) < 0) fail("unmap a page");
  char *path = start + kept - length;
  memcpy(path, bytes, length);
  const struct outcome outcome = outcome_of(make_dir(path, mode));
  const int error = errno;
  munmap(start, kept);
  errno = error;
  return outcome;
}

static struct outcome run_mkdir_page_end(const struct operation *op) {
  const char *path = op->fields[0].text;
  return mkdir_at_edge(path, strlen(path) + 1, op->fields[1].number);
}

static struct outcome run_mkdir_unterminated(const struct operation *op) {
  (void)op;
  static const char path[] = "/tmp/unterminated";
  return mkdir_at_edge(path, sizeof path - 1, 0755);
}

static struct outcome run_mkdir_null(const struct operation *op) {
  (void)op;
  return outcome_of(make_dir(NULL, 0755));
}

static struct outcome run_mkdir_length(const struct operation *op) {
  const size_t length = op->fields[0].number;
  char *path = malloc(length + 1);
  if (path == NULL) fail("allocate a path");
  for (size_t i = 0; i < length; i++) path[i] = i % 2 == 0 ? '/' : '.';
  path[length] = '\0';
  const struct outcome outcome = outcome_of(make_dir(path, 0755));
  const int error = errno;
  free(path);
  errno = error;
  return outcome;
}

static struct outcome run_sleep(const struct operation *op) {
  sleep_ms(op->fields[0].number);
  return outcome_of(0);
}

static struct outcome run_chdir(const struct operation *op) {
  return outcome_of(chdir(op->fields[0].text));
}

static struct outcome run_umask(const struct operation *op) {
  return outcome_of((long)umask((mode_t)op->fields[0].number));
}

static struct outcome run_kill_me(const struct operation *op) {
  (void)op;
  kill_at_next = true;
  return outcome_of(0);
}

static struct outcome run_hold(const struct operation *op) {
  (void)op;
  char byte;
  ssize_t got;
  do {
    got = read(STDIN_FILENO, &byte, 1);
  } while (got > 0 || (got < 0 && errno == EINTR));
  return outcome_of(got);
}

static struct outcome run_exec(const struct operation *op) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) < 0) fail("make a pipe");
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    alarm(WAIT_SECONDS);  // fork(2) cleared ours
    char *argv[] = {op->fields[0].text, op->fields[1].text, NULL};
    if (op->program_fd >= 0)
      syscall(__NR_execveat, op->program_fd, "", argv, environ, AT_EMPTY_PATH);
    else
      execve(op->fields[0].text, argv, environ);
    const int error = errno;
    if (write(report[1], &error, sizeof error) < 0) _exit(126);
    _exit(127);
  }
  close(report[1]);
  int error;
  const bool failed = read(report[0], &error, sizeof error) == sizeof error;
  close(report[0]);
  int status;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) fail("wait for the program");
  }
  if (failed) {
    errno = error;
    return outcome_of(-1);
  }
  if (WIFEXITED(status)) return (struct outcome){.result = WEXITSTATUS(status), .name = "OK"};
  struct outcome killed = {.result = -1, .name = "KILLED"};
  snprintf(killed.extra, sizeof killed.extra, " SIG%s", sigabbrev_np(WTERMSIG(status)));
  return killed;
}

static const struct operation_kind operation_kinds[] = {
    {"chdir", "p", run_chdir},
    {"chmod", "pm", run_chmod},
    {"exec", "po", run_exec},
    {"exists", "p", run_exists},
    {"fchmodat2", "pmn", run_fchmodat2},
    {"getpgid", "", run_getpgid},
    {"getpid", "", run_getpid},
    {"hold", "", run_hold},
    {"kill-me", "", run_kill_me},
    {"mkdir", "pm", run_mkdir},
    {"mkdir-hex", "hm", run_mkdir},
    {"mkdir-length", "n", run_mkdir_length},
    {"mkdir-null", "", run_mkdir_null},
    {"mkdir-page-end", "pm", run_mkdir_page_end},
    {"mkdir-unterminated", "", run_mkdir_unterminated},
#ifdef __x86_64__
    {"mkdir-x32", "pm", run_mkdir_x32},
#endif
    {"mkdirat", "ppm", run_mkdirat},
    {"mount", "ooono", run_mount},
    {"sleep", "n", run_sleep},
    {"umask", "m", run_umask},
};

// ---- reading the command line ----

_Noreturn static void usage(const char *complaint, const char *about) {
  fprintf(stderr,
          "trap: %s: %s\n"
          "usage: trap [options] -- OP...\n"
          "  -s SOCKET     agent socket\n"
          "  -n NAME,...   syscalls to trap\n"
          "  -m METADATA   listenerMetadata (absent without it)\n"
          "  -A KEY=VALUE  an annotation of the container\n"
          "  -i ID         container id (trap-PID)\n"
          "  -p PID        both pids of the state (our own)\n"
          "  -k            SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\n"
          "  -2            send the state and the listener twice, on two connections\n"
          "  -N            no_new_privs\n"
          "  -r            private mount namespace with a tmpfs as root (/proc, /tmp and /root)\n"
          "  -u UID        drop to this user (and group UID), with no_new_privs\n"
          "  -g GID,...    group and supplementary groups, with no_new_privs\n"
          "  -M UMASK      octal\n"
          "  -t            make the calls in a thread that is not the first\n"
          "  -T N          all OPs N times\n"
          "OPs (fields after a colon, the last one may hold colons):\n",
          complaint, about);
  for (size_t i = 0; i < sizeof operation_kinds / sizeof *operation_kinds; i++)
    fprintf(stderr, " %s", operation_kinds[i].name);
  fprintf(stderr, "\nNAMEs:\n");
  for (size_t i = 0; i < SYSCALL_NAMES; i++) fprintf(stderr, " %s", syscall_names[i].name);
  fprintf(stderr, "\n");
  exit(2);
}

static unsigned long number_or_usage(const char *text, int base, const char *about) {
  char *end;
  errno = 0;
  const unsigned long number = strtoul(text, &end, base);
  if (*text == '-' || end == text || *end != '\0' || errno != 0) usage("not a number", about);
  return number;
}

static void decode_hex(char *text, const char *about) {
  char *out = text;
  for (const char *in = text; *in != '\0'; in += 2) {
    unsigned byte;
    if (strspn(in, "0123456789abcdefABCDEF") < 2 || sscanf(in, "%2x", &byte) != 1)
      usage("not hexadecimal", about);
    *out++ = (char)byte;
  }
  *out = '\0';
}

static struct operation parse_operation(const char *argument) {
  char *rest = strdup(argument);
  if (rest == NULL) fail("copy an argument");
  const char *name = strsep(&rest, ":");
  struct operation op = {.program_fd = -1};
  for (size_t i = 0; i < sizeof operation_kinds / sizeof *operation_kinds; i++) {
    if (strcmp(operation_kinds[i].name, name) == 0) op.kind = &operation_kinds[i];
  }
  if (op.kind == NULL) usage("unknown OP", argument);
  const size_t count = strlen(op.kind->fields);
  for (size_t i = 0; i < count; i++) {
    if (rest == NULL) usage("missing field", argument);
    struct field *field = &op.fields[i];
    field->text = i + 1 < count ? strsep(&rest, ":") : rest;
    switch (op.kind->fields[i]) {
      case 'h':
        decode_hex(field->text, argument);
        break;
      case 'm':
        field->number = number_or_usage(field->text, 8, argument);
        break;
      case 'n':
        field->number = *field->text == '\0' ? 0 : number_or_usage(field->text, 0, argument);
        break;
      case 'o':
        if (*field->text == '\0') field->text = NULL;
        break;
    }
  }
  if (count == 0 && rest != NULL) usage("too many fields", argument);
  if (op.kind->run == run_mkdir_length && op.fields[0].number > MAX_LENGTH)
    usage("too long", argument);
  return op;
}

static void parse_names(struct options *options, const char *argument) {
  char *rest = strdup(argument);
  if (rest == NULL) fail("copy an argument");
  for (const char *name; (name = strsep(&rest, ",")) != NULL;) {
    size_t i = 0;
    while (i < SYSCALL_NAMES && strcmp(syscall_names[i].name, name) != 0) i++;
    if (i == SYSCALL_NAMES) usage("unknown syscall", name);
    if (options->trapped_count == SYSCALL_NAMES) usage("too many syscalls", argument);
    options->trapped[options->trapped_count++] = &syscall_names[i];
  }
}

static void parse_groups(struct options *options, const char *argument) {
  char *rest = strdup(argument);
  if (rest == NULL) fail("copy an argument");
  options->gid = (long)number_or_usage(strsep(&rest, ","), 10, argument);
  for (const char *group; (group = strsep(&rest, ",")) != NULL;) {
    if (options->group_count == MAX_GROUPS) usage("too many groups", argument);
    options->groups[options->group_count++] = (gid_t)number_or_usage(group, 10, argument);
  }
}

static void add_annotation(struct options *options, char *argument) {
  if (options->annotation_count == MAX_ANNOTATIONS) usage("too many annotations", argument);
  if (strchr(argument, '=') == NULL) usage("no KEY=VALUE", argument);
  options->annotations[options->annotation_count++] = argument;
}

static struct options parse_options(int argc, char **argv) {
  struct options options = {.json_pid = -1, .uid = -1, .gid = -1, .umask = -1, .times = 1};
  for (int letter; (letter = getopt(argc, argv, "+s:n:m:A:i:p:k2Nru:g:M:tT:")) != -1;) {
    switch (letter) {
      case 's':
        options.socket = optarg;
        break;
      case 'n':
        parse_names(&options, optarg);
        break;
      case 'm':
        options.metadata = optarg;
        break;
      case 'A':
        add_annotation(&options, optarg);
        break;
      case 'i':
        options.id = optarg;
        break;
      case 'p':
        options.json_pid = (long)number_or_usage(optarg, 10, "-p");
        break;
      case 'k':
        options.wait_killable = true;
        break;
      case '2':
        options.send_twice = true;
        break;
      case 'N':
        options.no_new_privs = true;
        break;
      case 'r':
        options.private_root = true;
        break;
      case 'u':
        options.uid = (long)number_or_usage(optarg, 10, "-u");
        break;
      case 'g':
        parse_groups(&options, optarg);
        break;
      case 'M':
        options.umask = (long)number_or_usage(optarg, 8, "-M");
        break;
      case 't':
        options.in_thread = true;
        break;
      case 'T':
        options.times = number_or_usage(optarg, 10, "-T");
        break;
      default:
        usage("bad option", argv[optind - 1]);
    }
  }
  if ((options.socket != NULL) != (options.trapped_count > 0))
    usage("needs each other", "-s and -n");
  if (optind == argc) usage("missing", "OP");
  return options;
}

// ---- becoming a container ----

static int connect_agent(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) usage("path is too long", path);
  strcpy(address.sun_path, path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("make a socket");
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
    fail("connect to the agent socket");
  return fd;
}

static void enter_private_root(void) {
  // Over a directory that every machine has, in a namespace of our own: nothing stays behind.
  if (unshare(CLONE_NEWNS) < 0) fail("unshare the mount namespace");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("make the mounts private");
  if (mount("tmpfs", "/tmp", "tmpfs", MS_NODEV, "mode=755") < 0) fail("mount a tmpfs");
  if (chdir("/tmp") < 0 || chroot(".") < 0) fail("change the root");
  const mode_t umask_before = umask(0);
  if (mkdir("/proc", 0555) < 0 || mkdir("/tmp", 01777) < 0 || mkdir("/root", 0700) < 0)
    fail("make the directories of the root");
  umask(umask_before);
}

static void drop_privileges(const struct options *options) {
  if (options->uid < 0 && options->gid < 0) return;
  const gid_t gid = (gid_t)(options->gid >= 0 ? options->gid : options->uid);
  if (setgroups(options->group_count, options->groups) < 0) fail("set the groups");
  if (setresgid(gid, gid, gid) < 0) fail("set the group");
  if (options->uid >= 0) {
    const uid_t uid = (uid_t)options->uid;
    if (setresuid(uid, uid, uid) < 0) fail("set the user");
  }
  // A container's program is dumpable: execve(2) has undone what setresuid(2) did.
  if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0) fail("become dumpable");
}

enum { FILTER_CAPACITY = 2 * (4 + 2 * SYSCALL_NAMES) + 2 };

struct filter {
  struct sock_filter code[FILTER_CAPACITY];
  unsigned short length;
};

static void emit(struct filter *filter, struct sock_filter instruction) {
  filter->code[filter->length++] = instruction;
}

// Notifies the trapped calls of one architecture; falls through for any other.
static void emit_arch(struct filter *filter, const struct options *options, uint32_t arch) {
  emit(filter,
       (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
  emit(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 1, 0));
  const unsigned short skip = filter->length;
  emit(filter, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
  emit(filter,
       (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
#ifdef __x86_64__
  // An x32 call has the x86-64 arch and bit 30 set.
  emit(filter, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xbfffffff));
#endif
  for (size_t i = 0; i < options->trapped_count; i++) {
    const struct syscall_name *name = options->trapped[i];
    const int number = arch == NATIVE_ARCH ? name->native : name->i386;
    if (number < 0) continue;
    emit(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1));
    emit(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
  }
  filter->code[skip].k = (uint32_t)(filter->length - skip - 1);
}

static int load_filter(const struct options *options) {
  struct filter filter = {.length = 0};
  emit_arch(&filter, options, NATIVE_ARCH);
#ifdef __x86_64__
  emit_arch(&filter, options, AUDIT_ARCH_I386);
#endif
  emit(&filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const struct sock_fprog program = {.len = filter.length, .filter = filter.code};
  unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
  if (options->wait_killable) flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  const long listener = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  if (listener < 0) fail("load the filter");
  return (int)listener;
}

static void print_json_string(FILE *out, const char *text) {
  fputc('"', out);
  for (const unsigned char *byte = (const unsigned char *)text; *byte != '\0'; byte++) {
    if (*byte == '"' || *byte == '\\')
      fprintf(out, "\\%c", *byte);
    else if (*byte < 0x20)
      fprintf(out, "\\u%04x", *byte);
    else
      fputc(*byte, out);
  }
  fputc('"', out);
}

static void print_annotations(FILE *out, const struct options *options) {
  for (size_t i = 0; i < options->annotation_count; i++) {
    char *value = options->annotations[i];
    const char *key = strsep(&value, "=");
    if (i > 0) fputc(',', out);
    print_json_string(out, key);
    fputc(':', out);
    print_json_string(out, value);
  }
}

static void send_listener(int agent_fd, int listener, const struct options *options) {
  const long pid = options->json_pid >= 0 ? options->json_pid : (long)process_pid;
  char own_id[32];
  snprintf(own_id, sizeof own_id, "trap-%d", (int)process_pid);
  char *text;
  size_t length;
  FILE *out = open_memstream(&text, &length);
  if (out == NULL) fail("allocate the state");
  fprintf(out, "{\"ociVersion\":\"1.2.0\",\"fds\":[\"seccompFd\"],\"pid\":%ld,", pid);
  if (options->metadata != NULL) {
    fprintf(out, "\"metadata\":");
    print_json_string(out, options->metadata);
    fputc(',', out);
  }
  fprintf(out, "\"state\":{\"ociVersion\":\"1.2.0\",\"id\":");
  print_json_string(out, options->id != NULL ? options->id : own_id);
  fprintf(out, ",\"status\":\"creating\",\"pid\":%ld,\"bundle\":\"/bundle\",\"annotations\":{",
          pid);
  print_annotations(out, options);
  fprintf(out, "}}}");
  if (fclose(out) != 0) fail("allocate the state");

  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
                          .cmsg_level = SOL_SOCKET,
                          .cmsg_type = SCM_RIGHTS}};
  memcpy(CMSG_DATA(&control.header), &listener, sizeof listener);
  struct iovec data = {text, length};
  const struct msghdr message = {.msg_iov = &data,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = sizeof control.bytes};
  const ssize_t sent = sendmsg(agent_fd, &message, MSG_NOSIGNAL);
  if (sent < 0) fail("send the state");
  if ((size_t)sent != length) {
    errno = EMSGSIZE;
    fail("send the state at once");
  }
  free(text);
}

// ---- running ----

struct script {
  struct operation *operations;
  size_t count;
  unsigned long times;
};

static void *kill_later(void *unused) {
  (void)unused;
  sleep_ms(KILL_DELAY_MS);
  kill(process_pid, SIGKILL);
  return NULL;
}

static void run_operation(const struct operation *op) {
  alarm(WAIT_SECONDS);
  if (kill_at_next && !killer_started) {
    killer_started = true;
    if (pthread_create(&killer, NULL, kill_later, NULL) != 0) fail("start the killer");
  }
  errno = 0;
  struct outcome outcome = op->kind->run(op);
  const int error = errno;
  if (outcome.name == NULL) outcome.name = outcome.result == -1 ? strerrorname_np(error) : "OK";
  if (outcome.name == NULL) outcome.name = "UNKNOWN";
  dprintf(STDOUT_FILENO, "%s %ld %s%s\n", op->kind->name, outcome.result, outcome.name,
          outcome.extra);
}

static void *run_script(void *argument) {
  const struct script *script = argument;
  for (unsigned long round = 0; round < script->times; round++) {
    for (size_t i = 0; i < script->count; i++) run_operation(&script->operations[i]);
  }
  if (killer_started) pthread_join(killer, NULL);
  return NULL;
}

int main(int argc, char **argv) {
  alarm(WAIT_SECONDS);
  const struct options options = parse_options(argc, argv);
  const size_t count = (size_t)(argc - optind);
  struct script script = {calloc(count, sizeof *script.operations), count, options.times};
  if (script.operations == NULL) fail("allocate the OPs");
  for (size_t i = 0; i < count; i++) {
    script.operations[i] = parse_operation(argv[optind + (int)i]);
    if (options.private_root && script.operations[i].kind->run == run_exec)
      script.operations[i].program_fd =
          open(script.operations[i].fields[0].text, O_PATH | O_CLOEXEC);
  }

  process_pid = getpid();
  const int agent_fd = options.socket != NULL ? connect_agent(options.socket) : -1;
  const int second_fd = options.send_twice ? connect_agent(options.socket) : -1;
  if (options.private_root) enter_private_root();
  drop_privileges(&options);
  if (options.umask >= 0) umask((mode_t)options.umask);
  if (options.no_new_privs || options.uid >= 0 || options.gid >= 0) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail("set no_new_privs");
  }
  if (agent_fd >= 0) {
    const int listener = load_filter(&options);
    send_listener(agent_fd, listener, &options);
    if (second_fd >= 0) send_listener(second_fd, listener, &options);
    close(listener);
    if (second_fd >= 0) close(second_fd);
    close(agent_fd);
  }

  if (!options.in_thread) {
    run_script(&script);
    return 0;
  }
  pthread_t thread;
  if (pthread_create(&thread, NULL, run_script, &script) != 0) fail("start the thread");
  pthread_join(thread, NULL);
  return 0;
}
