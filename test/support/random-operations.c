// SPDX-License-Identifier: Apache-2.0
// Makes random operations on files, the same ones for the same seed, prints what comes of each, and
// at last what is in the folder. With -s an agent answers them; without it the kernel alone does.
//
// usage: random-operations [-s SOCKET [-b BUNDLE -k]] [-u] [-U] [-o] ROOT SEED COUNT
//   -u: as a user; -U: in a user namespace of that user's own
//   -o: in an overlay
//   ROOT: an empty folder, an absolute path; with mounts of its own it becomes the root
// Nothing waits: no file is opened without O_NONBLOCK, and nobody else is in there.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "container.h"

enum { LIFE_SECONDS = 300, USER = 1000, MOST_OPEN = 12, PATHS = 64, MOST_TEXT = 4096 };
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif

static uint64_t state;

static uint32_t next(void) {
  state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(state >> 33);
}

static uint32_t below(uint32_t limit) { return next() % limit; }
static bool one_of(uint32_t many) { return below(many) == 0; }

// ---- paths ----

static const char *const names[] = {
    "a",   "b",    "c",    "d",      "e",        "f",      "link",    "to-dir", "dangling", "loop",
    ".",   "..",   "ro",   "ro/in",  "mnt",      "mnt/x",  "mnt/y",   "d/a",    "d/b",      "d/d",
    "a/b", "d/..", "e/..", "d/./a",  "to-dir/a", "d//b",   "none/a",  "a/",     "d/",       "new/",
    "to-dir/", "shared/a", "shared/b", "private/a", "d/../a", "link/", "to-dir/../b", "mnt/.."};
static const char *const odd_paths[] = {
    "",
    "/",
    "//",
    "/proc/self/cwd/a",
    "/proc/self/cwd",
    "/proc/self/fd/10",
    "/proc/self/fd/99999999999",
    "/proc/self/fd/11/a",
    "/proc/thread-self/fd/10",
    "/proc/self/root",
    "/proc/self/status",
    "/proc/self/none",
    "/proc/sys/kernel/ostype",
    "/proc/1/comm",
    "/proc",
    "/proc/self",
    "/dev/null",
    "/dev/full",
    "/dev/none",
    "/dev/fd/10",
    "/sys/kernel",
    "/etc/passwd/",
};
enum { NAMES = sizeof names / sizeof *names, ODD = sizeof odd_paths / sizeof *odd_paths };

static const char folder[] = "/w";
// Texts that stay where they are for a call: two of each call.
static char texts[2][MOST_TEXT];

static const char *choose_path(int which) {
  char *text = texts[which];
  switch (below(24)) {
    case 0:
      return odd_paths[below(ODD)];
    case 1:
      snprintf(text, MOST_TEXT, "%s/%s", folder, names[below(NAMES)]);
      return text;
    case 2:
      memset(text, 'n', 300);
      text[one_of(2) ? 255 : 256] = '\0';
      return text;
    case 3: {
      memset(text, '/', MOST_TEXT - 1);
      memcpy(text, "./", 2);
      text[MOST_TEXT - 1] = '\0';
      return one_of(40) ? text : names[below(NAMES)];
    }
    default:
      return names[below(NAMES)];
  }
}

static void print_path(const char *path) {
  if (strlen(path) > 80)
    printf(" long%zu", strlen(path));
  else if (strncmp(path, folder, strlen(folder)) == 0)
    printf(" FOLDER%s", path + strlen(folder));
  else
    printf(" \"%s\"", path);
}

// ---- descriptors ----

// From this number on, which are closed again one after the other.
enum { FIRST_FD = 10 };
static int opened[MOST_OPEN];

static int choose_dirfd(void) {
  switch (below(8)) {
    case 0:
      return opened[below(MOST_OPEN)] < 0 ? -1 : FIRST_FD + (int)below(MOST_OPEN);
    case 1:
      return FIRST_FD + (int)below(MOST_OPEN);
    case 2:
      return one_of(4) ? -5 : AT_FDCWD;
    default:
      return AT_FDCWD;
  }
}

static void keep(int fd) {
  const uint32_t place = below(MOST_OPEN);
  if (dup2(fd, FIRST_FD + (int)place) < 0) fail("keep a descriptor");
  if (fd < FIRST_FD || fd >= FIRST_FD + MOST_OPEN) close(fd);
  opened[place] = FIRST_FD + (int)place;
}

static void say_opened(int fd) {
  struct stat status;
  if (fd < 0 || fstat(fd, &status) < 0) return;
  // another process has found the file, and opens it anew
  const int flags = fcntl(fd, F_GETFL);
  printf(" type %o flags %o close %d", status.st_mode & S_IFMT, flags & ~(O_LARGEFILE | O_NOFOLLOW),
         fcntl(fd, F_GETFD));
}

// ---- operations ----

static uint64_t choose_flags(void) {
  static const uint64_t some[] = {O_CREAT,  O_EXCL,   O_TRUNC,     O_DIRECTORY, O_NOFOLLOW, O_APPEND,
                                  O_PATH,   O_CLOEXEC, O_TMPFILE,  O_NOATIME,   O_SYNC,     O_NOCTTY,
                                  O_CREAT,  O_CREAT,  O_DIRECTORY, O_DIRECT,    O_ASYNC,    1u << 30};
  uint64_t flags = O_NONBLOCK | below(4);
  for (uint32_t count = below(4); count > 0; count--)
    flags |= some[below(sizeof some / sizeof *some)];
  return flags;
}

static mode_t choose_mode(void) {
  static const mode_t some[] = {0644, 0600, 0755, 0, 0777, 02755, 04711, 01777, 0400, 0100644, 0200};
  return some[below(sizeof some / sizeof *some)];
}

static uint32_t choose_id(void) {
  static const uint32_t some[] = {0, USER, USER + 1, (uint32_t)-1};
  return some[below(4)];
}

static const char *choose_attribute(void) {
  static const char *const some[] = {"user.a", "user.b", "trusted.a", "security.a", "user.",
                                     "none.a", "system.posix_acl_access", "user.long"};
  return some[below(sizeof some / sizeof *some)];
}

static long open_some(const char *path) {
  const int dirfd = choose_dirfd();
  const uint64_t flags = choose_flags();
  const mode_t mode = choose_mode();
  print_path(path);
  switch (below(4)) {
    case 0:
      printf(" open %lo %o", flags, mode);
#ifdef __NR_open
      return syscall(__NR_open, path, (int)flags, mode);
#endif
    case 1: {
      static const uint64_t resolves[] = {0, 0, RESOLVE_NO_XDEV, RESOLVE_NO_SYMLINKS,
                                          RESOLVE_NO_MAGICLINKS, RESOLVE_BENEATH, RESOLVE_IN_ROOT};
      const struct open_how how = {
          .flags = flags & ~(uint64_t)O_PATH & ~(UINT64_C(1) << 30),
          .mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? mode & 07777 : 0,
          .resolve = resolves[below(7)]};
      printf(" openat2 %d %llo %llo %llx", dirfd, how.flags, how.mode, how.resolve);
      return syscall(__NR_openat2, dirfd, path, &how, sizeof how);
    }
    default:
      printf(" openat %d %lo %o", dirfd, flags, mode);
      return syscall(__NR_openat, dirfd, path, (int)flags, mode);
  }
}

static long name_some(const char *path) {
  const int dirfd = choose_dirfd();
  const mode_t mode = choose_mode();
  print_path(path);
  printf(" %d %o", dirfd, mode);
  switch (below(4)) {
    case 0: {
      static const mode_t types[] = {S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR, 0, S_IFDIR, S_IFBLK};
      const mode_t type = types[below(7)];
      printf(" mknodat %o", type);
      return syscall(__NR_mknodat, dirfd, path, type | (mode & 07777), makedev(1, 3));
    }
    case 1: {
      static const char *const to[] = {"a", "d", "none", "..", "/", "loop", "", "d/../link"};
      const char *text = to[below(8)];
      printf(" symlinkat %s", text);
      return syscall(__NR_symlinkat, text, dirfd, path);
    }
    default:
      printf(" mkdirat");
      // elsewhere, something else may be told first
      if (one_of(20)) path = one_of(2) ? NULL : (const char *)8;
      return syscall(__NR_mkdirat, dirfd, path, mode);
  }
}

static long move_some(const char *path) {
  const int from = choose_dirfd();
  const int to = choose_dirfd();
  const char *second = choose_path(1);
  print_path(path);
  print_path(second);
  printf(" %d %d", from, to);
  if (one_of(3)) {
    static const int flags[] = {0, 0, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH, 1};
    const int flag = flags[below(5)];
    printf(" linkat %x", flag);
    return syscall(__NR_linkat, from, path, to, second, flag);
  }
  static const unsigned flags[] = {0, 0, 0, 1, 2, 3, 4, 8};
  const unsigned flag = flags[below(8)];
  printf(" renameat2 %x", flag);
  return syscall(__NR_renameat2, from, path, to, second, flag);
}

static long remove_some(const char *path) {
  const int dirfd = choose_dirfd();
  static const int flags[] = {0, AT_REMOVEDIR, 0, AT_REMOVEDIR, 1};
  const int flag = flags[below(5)];
  print_path(path);
  printf(" unlinkat %d %x", dirfd, flag);
  return syscall(__NR_unlinkat, dirfd, path, flag);
}

static long change_some(const char *path) {
  const int dirfd = choose_dirfd();
  static const int at_flags[] = {0, 0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, 4};
  const int flag = at_flags[below(5)];
  print_path(path);
  printf(" %d %x", dirfd, flag);
  switch (below(6)) {
    case 0: {
      const mode_t mode = choose_mode();
      printf(" fchmodat2 %o", mode);
      return syscall(__NR_fchmodat2, dirfd, path, mode, flag);
    }
    case 1: {
      const mode_t mode = choose_mode();
      printf(" fchmodat %o", mode);
      return syscall(__NR_fchmodat, dirfd, path, mode);
    }
    case 2: {
      const uint32_t uid = choose_id(), gid = choose_id();
      printf(" fchownat %u %u", uid, gid);
      return syscall(__NR_fchownat, dirfd, path, uid, gid, flag);
    }
    case 3: {
      static const long lengths[] = {0, 1, 10, 100000, -1};
      const long length = lengths[below(5)];
      printf(" truncate %ld", length);
      return syscall(__NR_truncate, path, length);
    }
    default: {
      static const struct timespec times[][2] = {{{1000, 0}, {2000, 5}},
                                                 {{0, UTIME_OMIT}, {3000, 0}},
                                                 {{0, UTIME_OMIT}, {0, UTIME_OMIT}},
                                                 {{1, 1000000000}, {0, 0}}};
      const uint32_t which = below(4);
      printf(" utimensat %u", which);
      return syscall(__NR_utimensat, dirfd, path, times[which], flag & AT_SYMLINK_NOFOLLOW);
    }
  }
}

static long attribute_some(const char *path) {
  const char *name = choose_attribute();
  static char value[256];
  print_path(path);
  printf(" %s", name);
  switch (below(6)) {
    case 0:
      printf(" removexattr");
      return removexattr(path, name);
    case 1: {
      const ssize_t length = getxattr(path, name, value, below(2) * sizeof value);
      printf(" getxattr");
      return length;
    }
    case 2:
      printf(" lsetxattr");
      return lsetxattr(path, name, "value", 5, 0);
    default: {
      static const int flags[] = {0, XATTR_CREATE, XATTR_REPLACE, 4};
      const int flag = flags[below(4)];
      printf(" setxattr %d", flag);
      return setxattr(path, name, "text", below(5), flag);
    }
  }
}

// What no filter sees.
static void go_some(void) {
  switch (below(5)) {
    case 0:
      umask(one_of(2) ? 022 : 077);
      break;
    case 1:
      (void)!chdir(folder);
      if (one_of(3)) (void)!chdir("d");
      break;
    case 2: {
      const uint32_t place = below(MOST_OPEN);
      close(FIRST_FD + (int)place);
      opened[place] = -1;
      break;
    }
    default:
      break;
  }
}

static void operate(uint32_t number) {
  const char *path = choose_path(0);
  printf("%u", number);
  long result = 0;
  const uint32_t kind = below(20);
  if (kind < 6)
    result = open_some(path);
  else if (kind < 10)
    result = name_some(path);
  else if (kind < 13)
    result = move_some(path);
  else if (kind < 15)
    result = remove_some(path);
  else if (kind < 18)
    result = change_some(path);
  else
    result = attribute_some(path);
  const int error = errno;
  if (result < 0)
    printf(" = %s\n", answer_name(error));
  else if (kind < 6) {
    printf(" = opened");
    say_opened((int)result);
    printf("\n");
    keep((int)result);
  } else {
    printf(" = %ld\n", result);
  }
  go_some();
}

// ---- the folder ----

static void say_attributes(const char *path) {
  char list[4096];
  const ssize_t length = llistxattr(path, list, sizeof list);
  for (ssize_t at = 0; at < length; at += (ssize_t)strlen(list + at) + 1) printf(" %s", list + at);
}

static int by_name(const struct dirent **one, const struct dirent **other) {
  return strcmp((*one)->d_name, (*other)->d_name);
}

static void say_tree(const char *path, int depth) {
  struct dirent **list;
  const int count = depth > 30 ? 0 : scandir(path, &list, NULL, by_name);
  for (int at = 0; at < count; at++) {
    char below_it[4096 + 300], target[256] = "";
    const char *name = list[at]->d_name;
    snprintf(below_it, sizeof below_it, "%s/%s", path, name);
    struct stat status;
    if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && lstat(below_it, &status) == 0) {
      (void)!readlink(below_it, target, sizeof target - 1);
      printf("%s %o %u:%u %lu %ld %s %ld", below_it + strlen(folder), status.st_mode, status.st_uid,
             status.st_gid, (unsigned long)status.st_nlink,
             S_ISREG(status.st_mode) ? (long)status.st_size : 0, target,
             status.st_mtim.tv_sec < 5000 ? (long)status.st_mtim.tv_sec : -1);
      say_attributes(below_it);
      printf("\n");
      if (S_ISDIR(status.st_mode)) say_tree(below_it, depth + 1);
    }
    free(list[at]);
  }
  if (count > 0) free(list);
}

// Below the folder that was given there is all that is to be seen: nothing of the machine.
static void prepare_root(const char *root) {
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("make mounts private");
  if (mount("none", root, "tmpfs", 0, "mode=755,size=64m") < 0) fail("mount a tmpfs");
  if (chdir(root) < 0) fail("go to the folder");
  umask(0);
  for (const char *const *each = (const char *const[]){"proc", "dev", "sys", "etc", "w", NULL};
       *each != NULL; each++) {
    if (mkdir(*each, 0755) < 0) fail("make a folder");
  }
  if (mknod("dev/null", S_IFCHR | 0666, makedev(1, 3)) < 0 ||
      mknod("dev/full", S_IFCHR | 0666, makedev(1, 7)) < 0 ||
      symlink("/proc/self/fd", "dev/fd") < 0 || mknod("etc/passwd", S_IFREG | 0644, 0) < 0) {
    fail("make files");
  }
}

static void mount_overlay(void) {
  for (const char *const *each =
           (const char *const[]){"lower", "lower/d", "lower/d/d", "upper", "work", NULL};
       *each != NULL; each++) {
    if (mkdir(*each, 0755) < 0) fail("make a layer");
  }
  for (const char *const *each =
           (const char *const[]){"lower/a", "lower/b", "lower/d/a", "lower/d/b", NULL};
       *each != NULL; each++) {
    const int file = open(*each, O_CREAT | O_WRONLY, 0666);
    if (file < 0 || write(file, "lower", 5) != 5) fail("make a file of the lower layer");
    close(file);
  }
  if (mount("none", "w", "overlay", 0, "lowerdir=lower,upperdir=upper,workdir=work") < 0)
    fail("mount an overlay");
}

static void prepare_folder(bool is_user, bool is_overlay) {
  if (is_overlay) mount_overlay();
  if (!is_overlay && mount("none", "w", "tmpfs", 0, "mode=755,size=64m") < 0) fail("mount a tmpfs");
  if (chdir("w") < 0) fail("go to the folder");
  for (const char *const *each =
           (const char *const[]){"d", "e", "ro", "mnt", "shared", "private", NULL};
       *each != NULL; each++) {
    if (mkdir(*each, 0755) < 0 && errno != EEXIST) fail("make a folder");
  }
  const int file = open("ro/in", O_CREAT | O_WRONLY, 0666);
  if (file < 0 || write(file, "text", 4) != 4) fail("make a file");
  close(file);
  if (symlink("a", "link") < 0 || symlink("d", "to-dir") < 0 || symlink("none", "dangling") < 0 ||
      symlink("loop", "loop") < 0) {
    fail("make links");
  }
  if (is_user) {
    if (chown(".", USER, USER) < 0 || chown("d", USER, USER) < 0 || chown("mnt", USER, USER) < 0)
      fail("give folders away");
  }
  if (chmod("shared", 01777) < 0 || chmod("private", 0700) < 0) fail("change modes");
  if (mount("ro", "ro", NULL, MS_BIND, NULL) < 0 ||
      mount(NULL, "ro", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) < 0) {
    fail("make a read-only mount");
  }
  if (mount("none", "mnt", "tmpfs", 0, "mode=777,size=1m") < 0) fail("mount another tmpfs");
}

static void write_map(const char *path, uint32_t from, uint32_t to) {
  char text[64];
  const int length = snprintf(text, sizeof text, "%u %u 1\n", from, to);
  const int file = open(path, O_WRONLY);
  if (file < 0 || write(file, text, (size_t)length) != length) fail("write a map of ids");
  close(file);
}

static void become_user(bool is_in_own_namespace) {
  if (setresgid(USER, USER, USER) < 0 || setresuid(USER, USER, USER) < 0) fail("become a user");
  // whose files in /proc are root's otherwise
  if (prctl(PR_SET_DUMPABLE, 1) < 0) fail("be dumpable");
  if (!is_in_own_namespace) return;
  if (unshare(CLONE_NEWUSER) < 0) fail("make a user namespace");
  const int file = open("/proc/self/setgroups", O_WRONLY);
  if (file < 0 || write(file, "deny", 4) != 4) fail("deny setgroups");
  close(file);
  write_map("/proc/self/gid_map", 0, USER);
  write_map("/proc/self/uid_map", 0, USER);
}

int main(int argc, char **argv) {
  struct container container = {.socket = NULL};
  bool is_user = false, has_user_namespace = false, is_overlay = false;
  for (int option; (option = getopt(argc, argv, "s:b:kuUo")) != -1;) {
    switch (option) {
      case 's':
        container.socket = optarg;
        break;
      case 'b':
        container.bundle = optarg;
        break;
      case 'k':
        container.wait_killable = true;
        break;
      case 'u':
        is_user = true;
        break;
      case 'U':
        is_user = has_user_namespace = true;
        break;
      case 'o':
        is_overlay = true;
        break;
      default:
        return 2;
    }
  }
  if (argc - optind != 3) return 2;
  state = strtoull(argv[optind + 1], NULL, 10);
  const uint32_t count = (uint32_t)atoi(argv[optind + 2]);
  alarm(LIFE_SECONDS);
  if (unshare(CLONE_NEWNS | CLONE_NEWPID) < 0) fail("make namespaces");
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child > 0) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prepare_root(argv[optind]);
  prepare_folder(is_user, is_overlay);
  for (int at = 0; at < MOST_OPEN; at++) opened[at] = -1;
  int socket_file = -1;
  if (container.socket != NULL) {
    const int socket_found = open(container.socket, O_PATH | O_CLOEXEC);
    socket_file = fcntl(socket_found, F_DUPFD_CLOEXEC, 100);
    if (socket_found < 0 || socket_file < 0) fail("open the socket");
    close(socket_found);
    container.pid = pid_outside();
  }
  // in a mere chroot(2), nobody may make a user namespace
  if (chdir(argv[optind]) < 0 || syscall(__NR_pivot_root, ".", ".") < 0 ||
      umount2(".", MNT_DETACH) < 0) {
    fail("enter the root");
  }
  if (mount("proc", "/proc", "proc", 0, NULL) < 0) fail("mount proc");
  if (container.socket != NULL) {
    static const long numbers[] = {
#ifdef __NR_open
        __NR_open,
#endif
        __NR_openat, __NR_openat2, __NR_mknodat, __NR_symlinkat, __NR_mkdirat, __NR_linkat,
        __NR_renameat2, __NR_unlinkat, __NR_fchmodat2, __NR_fchmodat, __NR_fchownat, __NR_truncate,
        __NR_utimensat, __NR_removexattr, __NR_lsetxattr, __NR_setxattr,
        // whose result is written to our memory
        __NR_getxattr};
    // agents know the root that the first process has when its listener comes
    char socket[32];
    snprintf(socket, sizeof socket, "/proc/self/fd/%d", socket_file);
    container.socket = socket;
    const size_t all = sizeof numbers / sizeof *numbers;
    close(enter_container(&container, numbers, container.wait_killable ? all : all - 1));
    close(socket_file);
  }
  if (is_user) become_user(has_user_namespace);
  if (chdir(folder) < 0) fail("go to the folder");
  umask(022);
  for (uint32_t number = 0; number < count; number++) operate(number);
  // it may have been closed to us
  if (chdir(folder) == 0) say_tree(folder, 0);
  return 0;
}
