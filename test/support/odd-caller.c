// SPDX-License-Identifier: Apache-2.0
// A caller in an odd place, whose paths start where few do, and mean what only it knows.
//
// usage: odd-caller [-s SOCKET] PLACE FOLDER
//   PLACE   one of `places` below
//   FOLDER  becomes a tmpfs of its own
// Prints `CALL ANSWER` for each call, and in the end the names of all that is in the folder. With
// -s the agent does the calls, without it the kernel alone.
#define _GNU_SOURCE
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "container.h"

enum { LIFE_SECONDS = 150, KNOWN_FD = 50 };

static struct container container;
static int agent_fd = -1;

static void say(const char *what, long result) {
  const int error = errno;
  printf("%s %s\n", what, result == -1 ? answer_name(error) : "OK");
  if (result > 2) close((int)result);
}

static long make(const char *path) { return mkdirat(AT_FDCWD, path, 0755); }
static long create(const char *path) { return openat(AT_FDCWD, path, O_CREAT | O_WRONLY, 0644); }

static void become_container(void) {
  static const long numbers[] = {
#ifdef __x86_64__
      SYS_mkdir,    SYS_open,     SYS_rename,    SYS_unlink,    SYS_link,
      SYS_symlink,  SYS_chmod,    SYS_lchown,
#endif
      SYS_mkdirat,  SYS_openat,   SYS_renameat2, SYS_unlinkat,  SYS_linkat,
      SYS_fchmodat, SYS_fchownat, SYS_mknodat,   SYS_symlinkat, SYS_setxattr};
  if (agent_fd < 0) return;
  const int listener = load_filter(numbers, sizeof numbers / sizeof *numbers, false);
  send_listener(agent_fd, listener, &container);
  close(listener);
}

// At a number that is known, and that nobody else has.
static int known(const char *path, int flags, int number) {
  const int fd = open(path, flags | O_CLOEXEC, 0644);
  if (fd < 0 || dup3(fd, number, O_CLOEXEC) < 0) fail(path);
  close(fd);
  return number;
}

static void make_folder(const char *path) {
  if (mkdir(path, 0755) < 0) fail(path);
}

static void call_by_paths(void) {
  say("relative", make("relative"));
  say("create", create("created"));
  say("self/cwd", make("/proc/self/cwd/by-self-cwd"));
  say("thread-self/cwd", make("/proc/thread-self/cwd/by-thread-cwd"));
  say("self/fd", make("/proc/self/fd/50/by-self-fd"));
  say("thread-self/fd", make("/proc/thread-self/fd/50/by-thread-fd"));
  say("create by self/fd", create("/proc/self/fd/50/created-by-self"));
  say("create by thread-self/fd", create("/proc/thread-self/fd/50/created-by-thread"));
  say("dirfd", mkdirat(KNOWN_FD, "by-dirfd", 0755));
  say("self/root", create("/proc/self/root/nowhere/at-all"));
}

// ---- threads ----

static pthread_t leader;

static void *outlive_leader(void *unused) {
  (void)unused;
  pthread_join(leader, NULL);
  become_container();
  call_by_paths();
  fflush(stdout);
  _exit(0);
}

static void lose_leader(void) {
  leader = pthread_self();
  make_folder("known");
  known("known", O_RDONLY | O_DIRECTORY, KNOWN_FD);
  pthread_t other;
  errno = pthread_create(&other, NULL, outlive_leader, NULL);
  if (errno != 0) fail("start a thread");
  pthread_exit(NULL);
}

static void *live_apart(void *unused) {
  (void)unused;
  if (unshare(CLONE_FS | CLONE_FILES) < 0) fail("live apart");
  make_folder("apart");
  if (chdir("apart") < 0) fail("enter a folder");
  make_folder("known-apart");
  known("known-apart", O_RDONLY | O_DIRECTORY, KNOWN_FD);
  umask(077);
  become_container();
  call_by_paths();
  return NULL;
}

static void be_apart(void) {
  make_folder("known");
  known("known", O_RDONLY | O_DIRECTORY, KNOWN_FD);
  pthread_t other;
  errno = pthread_create(&other, NULL, live_apart, NULL);
  if (errno != 0) fail("start a thread");
  pthread_join(other, NULL);
}

// ---- directories ----

static void use_odd_descriptors(void) {
  make_folder("known");
  make_folder("deleted");
  make_folder("moved");
  known("known", O_PATH | O_DIRECTORY, KNOWN_FD);
  const int deleted = known("deleted", O_RDONLY | O_DIRECTORY, KNOWN_FD + 1);
  const int moved = known("moved", O_PATH, KNOWN_FD + 2);
  const int file = known("file", O_RDWR | O_CREAT, KNOWN_FD + 3);
  int ends[2];
  if (pipe(ends) < 0 || rmdir("deleted") < 0 || rename("moved", "known/moved-here") < 0)
    fail("make odd descriptors");
  become_container();
  call_by_paths();
  say("deleted", mkdirat(deleted, "made", 0755));
  say("deleted, create", openat(deleted, "made", O_CREAT | O_WRONLY, 0644));
  say("deleted, above", mkdirat(deleted, "../above-deleted", 0755));
  say("deleted by path", make("/proc/self/fd/51/made"));
  say("moved", mkdirat(moved, "made", 0755));
  say("moved, above", mkdirat(moved, "../above-moved", 0755));
  say("file", mkdirat(file, "made", 0755));
  say("pipe", mkdirat(ends[0], "made", 0755));
  say("pipe by path", make("/proc/self/fd/3/made"));
  say("standard input", mkdirat(0, "made", 0755));
}

static void lose_cwd(void) {
  make_folder("here");
  make_folder("known");
  known("known", O_RDONLY | O_DIRECTORY, KNOWN_FD);
  if (chdir("here") < 0 || rename("../here", "../known/renamed") < 0) fail("move the cwd");
  become_container();
  call_by_paths();
  say("above", make("../above-renamed"));
}

static void delete_cwd(void) {
  make_folder("here");
  make_folder("known");
  known("known", O_RDONLY | O_DIRECTORY, KNOWN_FD);
  if (chdir("here") < 0 || rmdir("../here") < 0) fail("delete the cwd");
  become_container();
  call_by_paths();
  say("above", make("../above-deleted"));
}

static void detach_cwd(void) {
  make_folder("here");
  make_folder("known");
  known("known", O_RDONLY | O_DIRECTORY, KNOWN_FD);
  if (mount("tmpfs", "here", "tmpfs", 0, "mode=755") < 0 || chdir("here") < 0) fail("mount");
  if (umount2(".", MNT_DETACH) < 0) fail("detach");
  become_container();
  call_by_paths();
  say("above", make("../above-detached"));
}

// ---- entries of procfs themselves ----

static void use_entries(void) {
  make_folder("known");
  known("known", O_RDONLY | O_DIRECTORY, KNOWN_FD);
  known("file", O_RDWR | O_CREAT, KNOWN_FD + 1);
  become_container();
  static const char *const paths[] = {"/proc/self/fd/50", "/proc/self/fd/51",
                                      "/proc/thread-self/fd/51", "/proc/self/fd/99",
                                      "/proc/self/cwd"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    const char *path = paths[i];
    printf("%s\n", path);
    say("mkdir", make(path));
    say("mknod", mknodat(AT_FDCWD, path, S_IFIFO | 0600, 0));
    say("symlink", symlinkat("x", AT_FDCWD, path));
    say("rename", renameat2(AT_FDCWD, path, AT_FDCWD, "renamed", 0));
    say("rename to", renameat2(AT_FDCWD, "file", AT_FDCWD, path, 0));
    say("link", linkat(AT_FDCWD, path, AT_FDCWD, "linked", 0));
    say("open itself", openat(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW));
    say("open", openat(AT_FDCWD, path, O_RDONLY));
    say("open to make it", openat(AT_FDCWD, path, O_CREAT | O_EXCL | O_WRONLY, 0600));
    say("chmod", fchmodat(AT_FDCWD, path, 0711, 0));
    char slash[64];
    snprintf(slash, sizeof slash, "%s/", path);
    if (i == 0) say("mkdir with slash", make(slash));
    say("chmod with slash", fchmodat(AT_FDCWD, slash, 0701, 0));
  }
  say("link followed",
      linkat(AT_FDCWD, "/proc/self/fd/51", AT_FDCWD, "linked-file", AT_SYMLINK_FOLLOW));
}

// ---- mounts that come by themselves ----

static void mount_by_itself(void) {
  make_folder("debug");
  if (mount("debug", "debug", "debugfs", 0, NULL) < 0) fail("mount debugfs");
  make_folder("known");
  known("known", O_RDONLY | O_DIRECTORY, KNOWN_FD);
  become_container();
  say("below", make("debug/tracing/made"));
  say("read", openat(AT_FDCWD, "debug/tracing/trace_clock", O_RDONLY));
  say("itself", make("debug/tracing"));
  say("again", openat(AT_FDCWD, "debug/tracing", O_RDONLY | O_DIRECTORY));
  if (umount2("debug", MNT_DETACH) < 0) fail("unmount debugfs");
}

// ---- disks that are full, and limits ----

static void enter_small(const char *options) {
  make_folder("small");
  if (mount("small", "small", "tmpfs", 0, options) < 0 || chdir("small") < 0) fail("mount");
  known("file", O_RDWR | O_CREAT, KNOWN_FD);
}

// Operations that take something new, and others.
static void call_for_more(void) {
  char target[1000] = "";
  memset(target, 't', sizeof target - 1);
  say("mkdir", make("made"));
  say("create", create("created"));
  say("create again", create("file"));
  say("mknod", mknodat(AT_FDCWD, "fifo", S_IFIFO | 0600, 0));
  say("symlink", symlinkat("x", AT_FDCWD, "short"));
  say("symlink to a long name", symlinkat(target, AT_FDCWD, "long"));
  say("link", linkat(AT_FDCWD, "file", AT_FDCWD, "linked", 0));
  say("setxattr", setxattr("file", "user.long", target, sizeof target, 0));
  say("chmod", fchmodat(AT_FDCWD, "file", 0711, 0));
  say("open", openat(AT_FDCWD, "file", O_RDONLY));
}

static void leave_and_call_again(void) {
  say("rename", renameat2(AT_FDCWD, "file", AT_FDCWD, "renamed", 0));
  say("unlink", unlinkat(AT_FDCWD, "renamed", 0));
  say("rmdir", unlinkat(AT_FDCWD, "0", AT_REMOVEDIR));
  call_for_more();
}

static void use_up_inodes(void) {
  enter_small("nr_inodes=8,mode=755");
  char name[16] = "0";
  for (int i = 1; mkdir(name, 0755) == 0; i++) snprintf(name, sizeof name, "%d", i);
  become_container();
  call_for_more();
  leave_and_call_again();
}

static void use_up_blocks(void) {
  enter_small("size=32k,mode=755");
  make_folder("0");
  static const char bytes[4096];
  while (write(KNOWN_FD, bytes, sizeof bytes) > 0) {
  }
  become_container();
  call_for_more();
  close(KNOWN_FD);
  leave_and_call_again();
}

static void limit(int resource, rlim_t value) {
  const struct rlimit limits = {value, value};
  if (setrlimit(resource, &limits) < 0) fail("set a limit");
}

static void use_up_descriptors(void) {
  known("file", O_RDWR | O_CREAT, KNOWN_FD);
  become_container();
  const int next = dup(0);
  close(next);
  limit(RLIMIT_NOFILE, (rlim_t)next);
  say("open", openat(AT_FDCWD, "file", O_RDONLY));
  say("mkdir", make("made"));
  say("mkdir by descriptor", mkdirat(KNOWN_FD, "made", 0755));
  say("mkdir by path", make("/proc/self/cwd/made-by-path"));
  close(0);
  say("open with room", openat(AT_FDCWD, "file", O_RDONLY));
}

static void limit_size_of_files(void) {
  enter_small("mode=755");
  make_folder("0");
  become_container();
  limit(RLIMIT_FSIZE, 0);
  call_for_more();
  leave_and_call_again();
}

static const struct {
  const char *name;
  void (*be)(void);
} places[] = {
    {"leader-has-exited", lose_leader},
    {"thread-of-its-own", be_apart},
    {"odd-descriptors", use_odd_descriptors},
    {"renamed-cwd", lose_cwd},
    {"deleted-cwd", delete_cwd},
    {"detached-cwd", detach_cwd},
    {"entries", use_entries},
    {"automount", mount_by_itself},
    {"no-more-inodes", use_up_inodes},
    {"no-more-blocks", use_up_blocks},
    {"no-more-descriptors", use_up_descriptors},
    {"no-size-of-files", limit_size_of_files},
};

static int list_one(const char *path, const struct stat *found, int type, struct FTW *where) {
  (void)type;
  (void)where;
  printf("%s %o %u:%u %lu\n", path, found->st_mode, found->st_uid, found->st_gid, found->st_nlink);
  return 0;
}

static int compare(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

// Sorted: a tmpfs lists what is new first.
static void list_all(void) {
  char *text = NULL, *lines[256];
  size_t length = 0, count = 0;
  FILE *console = stdout;
  stdout = open_memstream(&text, &length);
  if (stdout == NULL || nftw(".", list_one, 8, FTW_PHYS | FTW_MOUNT) < 0) fail("list the folder");
  fclose(stdout);
  stdout = console;
  for (char *rest = text, *line; count < 256 && (line = strsep(&rest, "\n")) != NULL;)
    lines[count++] = line;
  qsort(lines, count, sizeof *lines, compare);
  for (size_t i = 0; i < count; i++) printf("%s\n", lines[i]);
}

int main(int argc, char **argv) {
  for (int letter; (letter = getopt(argc, argv, "s:")) != -1;) {
    if (letter != 's') return 2;
    container.socket = optarg;
  }
  if (optind + 2 != argc) return 2;
  alarm(LIFE_SECONDS);
  if (container.socket != NULL) agent_fd = connect_agent(container.socket);
  if (unshare(CLONE_NEWNS) < 0) fail("make a mount namespace");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("make all mounts private");
  if (mount("tmpfs", argv[optind + 1], "tmpfs", 0, "mode=755") < 0) fail("mount a tmpfs");
  if (chdir(argv[optind + 1]) < 0) fail("enter the folder");
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    alarm(LIFE_SECONDS);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
      if (strcmp(places[i].name, argv[optind]) == 0) {
        places[i].be();
        fflush(stdout);
        _exit(0);
      }
    }
    _exit(2);
  }
  int status;
  if (waitpid(child, &status, 0) < 0) fail("wait for the caller");
  if (status != 0) return 1;
  list_all();
  return 0;
}
