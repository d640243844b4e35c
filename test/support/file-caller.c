// SPDX-License-Identifier: Apache-2.0
// Makes file system calls in an empty folder and prints `CALL ANSWER` for each, and what came of
// it. With -s they are trapped, and the agent answers; without it the kernel alone does.
//
// usage: file-caller [-s SOCKET] [-b BUNDLE] [-k] FOLDER [MODE]
// where MODE is open-given, mkdirs COUNT, symlink, sysinfo, read-attributes, descriptors,
// restrict-open, size-how, end-strings, choose-sizes, open-processes, open-devices, share-folders,
// owners, or open-edges [user]
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "container.h"

enum { LIFE_SECONDS = 150, PAGE = 4096, MOST_TEXT = 5 * PAGE };

static void say(const char *what, long result) {
  const int error = errno;
  if (result == -1)
    printf("%s %s\n", what, answer_name(error));
  else
    printf("%s %ld\n", what, result);
  fflush(stdout);
}

static void say_status(const char *path, int flags) {
  struct stat status;
  if (fstatat(AT_FDCWD, path, &status, flags) < 0) {
    say(path, -1);
    return;
  }
  printf("%s is %o of %u:%u, links %lu, device %u:%u\n", path, status.st_mode, status.st_uid,
         status.st_gid, status.st_nlink, major(status.st_rdev), minor(status.st_rdev));
}

static void say_text(const char *what, int fd) {
  char text[64] = "";
  const ssize_t length = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
  const int flags = fd < 0 ? -1 : fcntl(fd, F_GETFD);
  printf("%s has %zd bytes: %s, flags %d\n", what, length, length < 0 ? "" : text, flags);
}

static void use_open(void) {
  const int file = open("file", O_CREAT | O_RDWR | O_CLOEXEC, 0666);
  say("open", file < 0 ? -1 : 0);
  say("write", write(file, "hello", 5));
  say_text("file", file);
  say("open again", openat(AT_FDCWD, "file", O_CREAT | O_EXCL | O_WRONLY, 0600));
  const int folder = open("sub", O_RDONLY | O_DIRECTORY);
  const int inner = openat(folder, "inner", O_CREAT | O_WRONLY, 0640);
  say("openat", inner < 0 ? -1 : 0);
  say_status("sub/inner", 0);
  struct open_how how = {.flags = O_RDONLY, .mode = 0, .resolve = 0};
  const long within = syscall(SYS_openat2, folder, "inner", &how, sizeof how);
  say("openat2", within < 0 ? -1 : 0);
  say("openat2 small", syscall(SYS_openat2, folder, "inner", &how, sizeof how - 1));
  how.flags = 1ULL << 40;
  say("openat2 flags", syscall(SYS_openat2, folder, "inner", &how, sizeof how));
  say("open none", open("none", O_RDONLY));
  say("open empty", open("", O_RDONLY | O_DSYNC));
  say("open null", openat(AT_FDCWD, (const char *)8, O_RDONLY));
  close(inner);
  close(folder);
  close((int)within);
  close(file);
}

static void use_owners(void) {
  const int file = open("file", O_RDONLY);
  say("chmod", chmod("file", 04751));
  say_status("file", 0);
  say("fchmod", fchmod(file, 0600));
  say("chown", chown("file", 7, 8));
  say_status("file", 0);
  say("fchown", fchown(file, 9, (gid_t)-1));
  say("fchown bad", fchown(-5, 9, 9));
  say("lchown", lchown("link", 11, 12));
  say_status("link", AT_SYMLINK_NOFOLLOW);
  say_status("file", 0);
  say("fchownat empty", fchownat(file, "", 1, 2, AT_EMPTY_PATH));
  say("fchownat no flag", fchownat(file, "", 1, 2, 0));
  say("fchownat flags", fchownat(AT_FDCWD, "file", 1, 2, 0x10));
  say_status("file", 0);
  close(file);
}

static void use_names(void) {
  say("mkdir", mkdir("sub", 0775));
  say("mkdir again", mkdir("sub", 0775));
  say("mknod", mknod("fifo", S_IFIFO | 0666, 0));
  say_status("fifo", 0);
  say("mknod null", mknodat(AT_FDCWD, "null", S_IFCHR | 0666, makedev(1, 3)));
  say_status("null", 0);
  say("symlink", symlink("file", "link"));
  say("symlink empty", symlink("", "empty"));
}

static void move_names(void) {
  const int folder = open("sub", O_RDONLY | O_DIRECTORY);
  say("link", link("file", "hard"));
  say("linkat symbolic", linkat(AT_FDCWD, "link", folder, "symbolic", 0));
  say("linkat followed", linkat(AT_FDCWD, "link", folder, "followed", AT_SYMLINK_FOLLOW));
  say_status("sub/symbolic", AT_SYMLINK_NOFOLLOW);
  say_status("sub/followed", AT_SYMLINK_NOFOLLOW);
  say("rename", rename("hard", "sub/moved"));
  say("renameat2", renameat2(folder, "moved", AT_FDCWD, "file", RENAME_NOREPLACE));
  say("renameat2 exchange", renameat2(folder, "inner", AT_FDCWD, "fifo", RENAME_EXCHANGE));
  say_status("sub/inner", 0);
  say("renameat2 flags", renameat2(folder, "inner", AT_FDCWD, "other", 1 << 20));
  say("rmdir full", rmdir("sub"));
  say("unlink", unlink("sub/inner"));
  say("unlinkat folder", unlinkat(AT_FDCWD, "sub", 0));
  say("unlinkat flags", unlinkat(AT_FDCWD, "fifo", 0x1000));
  close(folder);
}

static void use_attributes(void) {
  const int file = open("file", O_RDONLY);
  static char big[65537];
  char value[65536] = "";
  say("setxattr", setxattr("file", "user.a", "value", 5, XATTR_CREATE));
  say("setxattr again", setxattr("file", "user.a", "value", 5, XATTR_CREATE));
  say("setxattr flags", setxattr("file", "user.a", "value", 5, 8));
  say("setxattr empty", setxattr("file", "user.b", NULL, 0, 0));
  say("fsetxattr", fsetxattr(file, "user.c", "c", 1, 0));
  say("setxattr big", setxattr("file", "user.d", big, sizeof big, 0));
  say("setxattr name", setxattr("file", "", "c", 1, 0));
  say("getxattr size", getxattr("file", "user.a", NULL, 0));
  say("getxattr short", getxattr("file", "user.a", value, 2));
  say("getxattr none", getxattr("file", "user.none", value, sizeof value));
  say("lgetxattr", lgetxattr("link", "user.a", value, sizeof value));
  say("removexattr", removexattr("file", "user.a"));
  say("fremovexattr", fremovexattr(file, "user.none"));
  say("listxattr size", listxattr("file", NULL, 0));
  close(file);
}

// Bytes that are written into our memory.
static void read_attributes(void) {
  char value[64] = "";
  say("file", close(creat("file", 0600)));
  say("setxattr", setxattr("file", "user.a", "value", 5, 0));
  say("getxattr", getxattr("file", "user.a", value, sizeof value));
  printf("the value is %s\n", value);
  say("listxattr", listxattr("file", value, sizeof value));
  printf("the first is %s\n", value);
}

// What the handler sees of the owners of two files, by both of its ways.
static void tell_owners(void) {
  for (int way = 7; way <= 8; way++) {
    const char *const files[] = {"mine", "other"};
    for (int i = 0; i < 2; i++) {
      const int file = open(files[i], O_RDONLY);
      const long user = syscall(SYS_fchmod, file, way);
      printf("%s %ld:%ld\n", files[i], user, syscall(SYS_fchmod, file, way + 2));
    }
  }
}

static void make_file(const char *path) {
  const int file = open(path, O_CREAT | O_WRONLY, 0644);
  if (file < 0 || write(file, path, strlen(path)) < 0 || close(file) < 0) fail("make a file");
}

// A folder with links out of it and around in it, and a mount.
static void make_tree(void) {
  if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
    fail("leave the mount namespace");
  if (mkdir("sub", 0755) < 0 || mkdir("sub/mnt", 0755) < 0 || mkdir("sub/etc", 0755) < 0 ||
      mkdir("sub/tmp", 0755) < 0 || mount("none", "sub/mnt", "tmpfs", 0, NULL) < 0)
    fail("mount");
  for (const char *const *path =
           (const char *const[]){"file", "sub/inner", "sub/mnt/file", "sub/etc/hostname", NULL};
       *path != NULL; path++)
    make_file(*path);
  for (const char *const *pair =
           (const char *const[]){"..", "sub/up", "/", "sub/root", "inner", "sub/self", "loop",
                                 "sub/loop", "/etc", "sub/to-etc", "nothing", "sub/to-nothing",
                                 NULL};
       *pair != NULL; pair += 2) {
    if (symlink(pair[0], pair[1]) < 0) fail("make a link");
  }
}

// Result of an open: the error, or the beginning of the file.
static void say_opened(long fd) {
  char text[32] = "";
  if (fd < 0) {
    printf(" %s\n", answer_name(errno));
    return;
  }
  const ssize_t length = read((int)fd, text, sizeof text - 1);
  text[strcspn(text, "\n")] = '\0';
  printf(" 0 %s\n", length < 0 ? "folder" : text);
  close((int)fd);
}

static void say_how(int folder, const char *path, struct open_how how) {
  printf("%d %s flags %llo mode %llo resolve %llx:", folder, path, how.flags, how.mode,
         how.resolve);
  long fd;
  int tries = 100;
  // a rename or mount anywhere makes the kernel ask for another try
  do {
    fd = syscall(SYS_openat2, folder, path, &how, sizeof how);
  } while (fd < 0 && errno == EAGAIN && (how.resolve & RESOLVE_CACHED) == 0 && tries-- > 0);
  // nobody promises what is in a cache: what comes of it where it is there counts
  const bool is_cached = how.resolve == RESOLVE_CACHED && (how.flags & (O_CREAT | O_TRUNC)) == 0;
  if (is_cached && fd < 0 && errno == EAGAIN) {
    how.resolve = 0;
    fd = syscall(SYS_openat2, folder, path, &how, sizeof how);
  }
  if (is_cached && fd >= 0) {
    printf(" 0 or EAGAIN\n");
    close((int)fd);
    return;
  }
  say_opened(fd);
  fflush(stdout);
  if (fd >= 0 && (how.flags & O_CREAT) != 0) {
    unlinkat(folder, path, 0);
    if (strcmp(path, "inner") == 0) make_file("sub/inner");
  }
}

// Each way to resolve a path, with each path and with some flags.
static void restrict_open(void) {
  const int folder = open("sub", O_RDONLY | O_DIRECTORY);
  const int file = open("file", O_RDONLY);
  char through_fd[64];
  snprintf(through_fd, sizeof through_fd, "/proc/self/fd/%d/inner", folder);
  const char *const paths[] = {"inner",
                               "./inner",
                               "../file",
                               "up/file",
                               "root/etc/hostname",
                               "/etc/hostname",
                               "/inner",
                               "self",
                               "loop",
                               "to-etc",
                               "to-etc/hostname",
                               "none",
                               "mnt/file",
                               "mnt/..",
                               "..",
                               "../..",
                               "inner/x",
                               "up/sub/inner",
                               "to-nothing",
                               through_fd,
                               "mnt/../inner",
                               "/",
                               ".",
                               "/proc/self/cwd/file",
                               ""};
  const __u64 resolves[] = {0,
                            RESOLVE_NO_XDEV,
                            RESOLVE_NO_MAGICLINKS,
                            RESOLVE_NO_SYMLINKS,
                            RESOLVE_BENEATH,
                            RESOLVE_IN_ROOT,
                            RESOLVE_CACHED,
                            RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
                            RESOLVE_IN_ROOT | RESOLVE_NO_XDEV,
                            RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
                            RESOLVE_BENEATH | RESOLVE_IN_ROOT,
                            0x40,
                            1ULL << 32,
                            ~0ULL};
  const int folders[] = {folder, AT_FDCWD, file, -5};
  for (size_t i = 0; i < sizeof resolves / sizeof *resolves; i++) {
    for (size_t j = 0; j < sizeof paths / sizeof *paths; j++) {
      // of procfs nothing is in a cache
      if (resolves[i] == RESOLVE_CACHED && strncmp(paths[j], "/proc", 5) == 0) continue;
      for (size_t k = 0; k < sizeof folders / sizeof *folders; k++)
        say_how(folders[k], paths[j], (struct open_how){.flags = O_RDONLY, .resolve = resolves[i]});
      say_how(folder, paths[j],
              (struct open_how){.flags = O_RDONLY | O_NOFOLLOW, .resolve = resolves[i]});
      say_how(folder, paths[j],
              (struct open_how){.flags = O_RDONLY | O_DIRECTORY, .resolve = resolves[i]});
    }
    for (const char *const *path =
             (const char *const[]){"new", "../new", "up/new", "mnt/new", "/tmp/made-by-file-caller",
                                   "none/new", "inner", NULL};
         *path != NULL; path++) {
      say_how(folder, *path,
              (struct open_how){
                  .flags = O_WRONLY | O_CREAT | O_EXCL, .mode = 0600, .resolve = resolves[i]});
      say_how(folder, *path,
              (struct open_how){.flags = O_WRONLY | O_CREAT, .mode = 0600, .resolve = resolves[i]});
    }
  }
}

// Cases in which openat2(2) is strict, and the sizes of its struct.
static void size_how(void) {
  const struct open_how ways[] = {{.flags = O_RDONLY, .mode = 0600},
                                  {.flags = O_CREAT | O_RDWR, .mode = 010600},
                                  {.flags = O_CREAT | O_RDWR, .mode = 1ULL << 40},
                                  {.flags = O_CREAT | O_DIRECTORY, .mode = 0600},
                                  {.flags = O_TMPFILE, .mode = 0600},
                                  {.flags = O_TMPFILE | O_RDWR, .mode = 01777},
                                  {.flags = 1 << 23},
                                  {.flags = 1ULL << 31},
                                  {.flags = 1ULL << 32},
                                  {.flags = O_TRUNC, .resolve = RESOLVE_CACHED}};
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) say_how(AT_FDCWD, ".", ways[i]);
  unsigned char *pages =
      mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED || munmap(pages + 2 * PAGE, PAGE) < 0) fail("map pages");
  const size_t sizes[] = {0,    1,     8,         23,        24,        25,       4095, 4096,
                          4097, 65536, 1UL << 31, 1UL << 32, 1UL << 63, ~0UL - 1, ~0UL};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    // zeroes behind it, something behind it, the end of the memory behind it, nothing at all
    memset(pages, 0, 2 * PAGE);
    printf("%zu zeroes:", sizes[i]);
    say_opened(syscall(SYS_openat2, AT_FDCWD, "file", pages, sizes[i]));
    pages[PAGE - 1] = 1;
    printf("%zu then 1:", sizes[i]);
    say_opened(syscall(SYS_openat2, AT_FDCWD, "file", pages, sizes[i]));
    pages[PAGE - 1] = 0;
    const size_t room = sizes[i] < PAGE ? sizes[i] : sizeof(struct open_how);
    printf("%zu at the end:", sizes[i]);
    say_opened(syscall(SYS_openat2, AT_FDCWD, "file", pages + 2 * PAGE - room, sizes[i]));
    printf("%zu beyond the end:", sizes[i]);
    say_opened(syscall(SYS_openat2, AT_FDCWD, "file", pages + 2 * PAGE - 8, sizes[i]));
    printf("%zu null:", sizes[i]);
    say_opened(syscall(SYS_openat2, AT_FDCWD, "file", NULL, sizes[i]));
    fflush(stdout);
  }
}

// Bytes whose last one is the last of a page that none follows, until the next ones.
static char *at_end(const char *bytes, size_t size) {
  static char *pages;
  if (pages == NULL) {
    pages =
        mmap(NULL, MOST_TEXT + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || munmap(pages + MOST_TEXT, PAGE) < 0) fail("map pages");
  }
  memset(pages, 'x', MOST_TEXT);
  return memcpy(pages + MOST_TEXT - size, bytes, size);
}

// "./././name", so long.
static const char *long_path(size_t length, const char *name) {
  static char path[2 * PAGE];
  const size_t own = strlen(name);
  for (size_t i = 0; i + own < length; i++) path[i] = i % 2 == 0 ? '.' : '/';
  if ((length - own) % 2 == 1) path[length - own - 1] = '/';
  memcpy(path + length - own, name, own + 1);
  return path;
}

static void say_length(const char *what, size_t length, long answer) {
  printf("%zu ", length);
  say(what, answer);
}

// Strings of all lengths that matter, whose NUL is the last byte that is there.
static void end_strings(void) {
  const size_t paths[] = {8, 100, 255, 256, 257, 4094, 4095, 4096, 4097};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    const size_t length = paths[i];
    char *path = at_end(long_path(length, "made"), length + 1);
    say_length("mkdir", length, mkdirat(AT_FDCWD, path, 0755));
    say_length("mknod", length, mknodat(AT_FDCWD, path, S_IFIFO | 0600, 0));
    say_length("openat", length, openat(AT_FDCWD, path, O_RDONLY) < 0 ? -1 : 0);
    say_length("fchmodat", length, fchmodat(AT_FDCWD, path, 0700, 0));
    say_length("setxattr", length, setxattr(path, "user.a", "a", 1, 0));
    say_length("symlink", length, symlinkat(path, AT_FDCWD, "link"));
    say_length("unlink", length, unlinkat(AT_FDCWD, "link", 0));
    say_length("renameat2", length, renameat2(AT_FDCWD, "none", AT_FDCWD, path, 0));
    say_length("linkat", length, linkat(AT_FDCWD, path, AT_FDCWD, "link", 0));
    say_length("rmdir", length, unlinkat(AT_FDCWD, path, AT_REMOVEDIR));
    // and without the NUL
    path = at_end(long_path(length, "made"), length);
    say_length("unterminated mkdir", length, mkdirat(AT_FDCWD, path, 0755));
    say_length("unterminated symlink", length, symlinkat(path, AT_FDCWD, "link"));
  }
  make_file("file");
  const size_t names[] = {5, 6, 254, 255, 256, 257, 300, 4096};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char name[PAGE + 1];
    memset(name, 'n', sizeof name);
    memcpy(name, "user.", 5);
    name[names[i]] = '\0';
    char *end = at_end(name, names[i] + 1);
    say_length("setxattr", names[i], setxattr("file", end, "value", 5, 0));
    say_length("getxattr", names[i], getxattr("file", end, NULL, 0));
    say_length("removexattr", names[i], removexattr("file", end));
    end = at_end(name, names[i]);
    say_length("unterminated setxattr", names[i], setxattr("file", end, "value", 5, 0));
  }
}

#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_getxattrat 464
#endif

struct attribute {
  uint64_t value;
  uint32_t size;
  uint32_t flags;
};

// Sizes that callers choose, up to the largest that there are.
static void choose_sizes(void) {
  const size_t sizes[] = {
      0,         1,        5,     15,    16,        17,         4095,      4096,
      4097,      65535,    65536, 65537, 1UL << 31, 0xffffffff, 1UL << 32, (1UL << 32) + 5,
      1UL << 63, ~0UL - 1, ~0UL};
  static char room[70000];
  make_file("file");
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const size_t size = sizes[i];
    say_length("setxattr", size, setxattr("file", "user.a", at_end("value", 5), size, 0));
    say("  none", setxattr("file", "user.b", NULL, size, 0));
    say("  of it", setxattr("file", "user.a", "value", 5, 0));
    // at the end of what is there: as much as the value has, and less
    say("  getxattr", getxattr("file", "user.a", memset(room, 0, sizeof room), size));
    printf("  has %s\n", room);
    say("  getxattr", getxattr("file", "user.a", at_end("     ", 5), size));
    say("  short", getxattr("file", "user.a", at_end("    ", 4), size));
    say("  null", getxattr("file", "user.a", NULL, size));
    say("  listxattr", listxattr("file", memset(room, 0, sizeof room), size));
    printf("  has %s\n", room);
    say("  null", listxattr("file", NULL, size));
    struct attribute attribute = {.value = (uintptr_t)"value", .size = 5};
    say("  setxattrat", syscall(SYS_setxattrat, AT_FDCWD, "file", 0, "user.a", &attribute, size));
    char *end = at_end((char *)&attribute, sizeof attribute);
    say("  at the end", syscall(SYS_setxattrat, AT_FDCWD, "file", 0, "user.a", end, size));
    attribute = (struct attribute){.value = (uintptr_t)at_end("value", 5), .size = (uint32_t)size};
    say("  inner", syscall(SYS_setxattrat, AT_FDCWD, "file", 0, "user.a", &attribute, 16UL));
    attribute = (struct attribute){.value = (uintptr_t)memset(room, 0, sizeof room),
                                   .size = (uint32_t)size};
    say("  getxattrat", syscall(SYS_getxattrat, AT_FDCWD, "file", 0, "user.a", &attribute, 16UL));
    printf("  has %s\n", room);
    say("  outer", syscall(SYS_getxattrat, AT_FDCWD, "file", 0, "user.a", &attribute, size));
    fflush(stdout);
  }
}

// ESRCH: what was opened is not what the path leads to for this process.
static int open_own(const char *path, int flags) {
  struct stat opened, own;
  const int fd = openat(AT_FDCWD, path, flags);
  if (fd < 0 || fstat(fd, &opened) < 0 || stat(path, &own) < 0) return -1;
  errno = ESRCH;
  return opened.st_ino == own.st_ino && opened.st_dev == own.st_dev ? 0 : -1;
}

// Files of procfs are the caller's own, or none: never those of the process that acts for us.
static void open_processes(void) {
  enum { MOST_FDS = 32 };
  say("status", open_own("/proc/self/status", O_RDONLY));
  say("memory", open_own("/proc/self/mem", O_RDWR));
  say("namespace", open_own("/proc/self/ns/mnt", O_RDONLY));
  say("program", open_own("/proc/self/exe", O_RDONLY));
  say("of the thread", open_own("/proc/thread-self/maps", O_RDONLY));
  if (symlink("/proc/self/cmdline", "to-cmdline") < 0) fail("make a link");
  say("by a link", open_own("to-cmdline", O_RDONLY));
  say("attributes", open_own("/proc/self/oom_score_adj", O_RDWR));
  for (int fd = 0; fd < MOST_FDS; fd++) {
    char path[64];
    // spelt so that nobody takes it for a descriptor of the caller by its name alone
    snprintf(path, sizeof path, "/proc/./self/fd/%d/.", fd);
    if (openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY) >= 0) say(path, 0);
  }
  const int folder = openat(AT_FDCWD, ".", O_RDONLY | O_DIRECTORY);
  const int file = openat(AT_FDCWD, "file", O_RDWR | O_CREAT, 0600);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  say("own file", openat(AT_FDCWD, path, O_RDWR) < 0 ? -1 : 0);
  snprintf(path, sizeof path, "/proc/self/fd/%d/file", folder);
  say("in own folder", openat(AT_FDCWD, path, O_RDWR) < 0 ? -1 : 0);
}

static void open_device(const char *name, mode_t type, unsigned number, unsigned minor_number) {
  if (mknod(name, type | 0600, makedev(number, minor_number)) < 0) fail("make a device");
  const int fd = open(name, O_RDONLY | O_NONBLOCK | O_CREAT, 0600);
  say(name, fd < 0 ? -1 : 0);
  if (fd >= 0) close(fd);
}

// Those that every container may use, and those that its cgroup has to allow.
static void open_devices(void) {
  open_device("null", S_IFCHR, 1, 3);
  open_device("urandom", S_IFCHR, 1, 9);
  open_device("mem", S_IFCHR, 1, 1);
  open_device("kmsg", S_IFCHR, 1, 11);
  open_device("loop-control", S_IFCHR, 10, 237);
  open_device("loop", S_IFBLK, 7, 0);
  // by another name, and through a link
  say("link", symlink("mem", "to-mem"));
  say("to-mem", open("to-mem", O_RDWR) < 0 ? -1 : 0);
  say("nowhere", symlink("nothing", "to-nothing"));
  say("to-nothing", open("to-nothing", O_RDWR | O_CREAT, 0600) < 0 ? -1 : 0);
  say("to-nothing, new", open("to-nothing", O_RDWR | O_CREAT | O_EXCL, 0600) < 0 ? -1 : 0);
  say("to-mem, itself", open("to-mem", O_RDWR | O_NOFOLLOW) < 0 ? -1 : 0);
}

static void use_descriptors(void) {
  enum { FAR = 100 };
  const int file = openat(AT_FDCWD, "text", O_RDWR | O_CREAT, 0600);
  say("write", write(file, "hello", 5));
  say("size", fchmod(file, 1));
  say_text("installed", fchmod(file, 2));
  say("replaced", fchmod(file, 3));
  say_text("far", FAR);
  say("identity", fchmod(file, 4));
  say("admin", fchmod(file, 5));
  say_text("answer", fchmod(file, 6));
  say("no such", fchmod(77, 6));
}

// ---- folders that many write to ----

enum { OTHER_USER = 1001, SELF_USER = 1000 };

struct shared_folder {
  const char *name;
  mode_t mode;
  uid_t owner;
};

static const struct shared_folder shared_folders[] = {
    {"plain", 0777, 0},          {"sticky", 01777, 0},
    {"of-group", 01770, 0},      {"of-other", 01777, OTHER_USER},
    {"of-us", 01777, SELF_USER}, {"group-plain", 0770, 0},
};
enum { SHARED_FOLDERS = sizeof shared_folders / sizeof *shared_folders };
static const uid_t file_owners[] = {0, SELF_USER, OTHER_USER};
enum { FILE_OWNERS = sizeof file_owners / sizeof *file_owners };

// Before the filter, as root: each folder with a file and a FIFO of each user, open to all.
static void make_shared_folders(void) {
  umask(0);
  for (int i = 0; i < SHARED_FOLDERS; i++) {
    const struct shared_folder *folder = &shared_folders[i];
    if (mkdir(folder->name, 0700) < 0) fail("make a folder");
    for (int owner = 0; owner < FILE_OWNERS; owner++) {
      char path[64];
      snprintf(path, sizeof path, "%s/file-%u", folder->name, file_owners[owner]);
      if (mknod(path, S_IFREG | 0666, 0) < 0 || chown(path, file_owners[owner], 0) < 0)
        fail("make a file");
      snprintf(path, sizeof path, "%s/fifo-%u", folder->name, file_owners[owner]);
      if (mknod(path, S_IFIFO | 0666, 0) < 0 || chown(path, file_owners[owner], 0) < 0)
        fail("make a FIFO");
      snprintf(path, sizeof path, "%s/null-%u", folder->name, file_owners[owner]);
      if (mknod(path, S_IFCHR | 0666, makedev(1, 3)) < 0 || chown(path, file_owners[owner], 0) < 0)
        fail("make a device");
      snprintf(path, sizeof path, "%s/link-%u", folder->name, file_owners[owner]);
      if (symlink("../plain/file-1001", path) < 0 || lchown(path, file_owners[owner], 0) < 0)
        fail("make a link");
    }
    if (chown(folder->name, folder->owner, SELF_USER) < 0 || chmod(folder->name, folder->mode) < 0)
      fail("share a folder");
  }
  if (mkdir("links", 0755) < 0 || symlink("../sticky/file-0", "links/relative") < 0 ||
      symlink("relative", "links/twice") < 0 || chmod(".", 0755) < 0)
    fail("make links");
}

static void open_with(const char *path, int flags, const char *how) {
  char text[128];
  snprintf(text, sizeof text, "%s %s", path, how);
  const int fd = open(path, flags | O_NONBLOCK, 0600);
  say(text, fd < 0 ? -1 : 0);
  if (fd >= 0) close(fd);
}

static void open_all_ways(const char *path) {
  open_with(path, O_CREAT | O_RDWR, "made");
  open_with(path, O_CREAT | O_RDWR | O_TRUNC, "emptied");
  open_with(path, O_CREAT | O_RDWR | O_EXCL, "made alone");
  open_with(path, O_CREAT | O_RDWR | O_NOFOLLOW, "made, no link");
  open_with(path, O_RDWR, "opened");
}

static void share_folders(void) {
  if (setgid(SELF_USER) < 0 || setuid(SELF_USER) < 0) fail("become a user");
  for (int i = 0; i < SHARED_FOLDERS; i++) {
    for (int owner = 0; owner < FILE_OWNERS; owner++) {
      char path[64];
      snprintf(path, sizeof path, "%s/file-%u", shared_folders[i].name, file_owners[owner]);
      open_all_ways(path);
      snprintf(path, sizeof path, "%s/fifo-%u", shared_folders[i].name, file_owners[owner]);
      open_all_ways(path);
      snprintf(path, sizeof path, "%s/null-%u", shared_folders[i].name, file_owners[owner]);
      open_all_ways(path);
      snprintf(path, sizeof path, "%s/link-%u", shared_folders[i].name, file_owners[owner]);
      open_all_ways(path);
    }
  }
  open_all_ways("links/relative");
  open_all_ways("links/twice");
}

// ---- links that lead nowhere, the last descriptor, files without a name ----

enum { CHAIN = 42 };

// Files are made through these links, and removed again.
static const char *const made_by_links[] = {"new",   "sub/new",   "upper", "third",
                                            "below", "roots/new", "end",   "sub/from-sticky"};

static void make_links(void) {
  umask(0);
  if (mkdir("sub", 0777) < 0 || mkdir("roots", 0755) < 0 || mkdir("sticky", 01777) < 0 ||
      chown("sticky", OTHER_USER, 0) < 0 || chown("sub", SELF_USER, SELF_USER) < 0 ||
      chown(".", SELF_USER, SELF_USER) < 0)
    fail("make folders");
  for (const char *const *pair = (const char *const[]){"new",
                                                       "to-new",
                                                       "sub/new",
                                                       "to-sub",
                                                       "../upper",
                                                       "sub/up",
                                                       "to-third",
                                                       "twice",
                                                       "third",
                                                       "to-third",
                                                       "none/new",
                                                       "to-none",
                                                       "folder/",
                                                       "to-folder",
                                                       "loop",
                                                       "loop",
                                                       "roots/new",
                                                       "to-roots",
                                                       "roots",
                                                       "to-folder-of-root",
                                                       "sub/../below",
                                                       "to-below",
                                                       "../sub/from-sticky",
                                                       "sticky/link",
                                                       "end",
                                                       "chain-0",
                                                       NULL};
       *pair != NULL; pair += 2) {
    if (symlink(pair[0], pair[1]) < 0) fail("make a link");
  }
  for (int i = 1; i < CHAIN; i++) {
    char target[16], link[16];
    snprintf(target, sizeof target, "chain-%d", i - 1);
    snprintf(link, sizeof link, "chain-%d", i);
    if (symlink(target, link) < 0) fail("make a link");
  }
}

static void say_made(void) {
  for (size_t i = 0; i < sizeof made_by_links / sizeof *made_by_links; i++) {
    if (faccessat(AT_FDCWD, made_by_links[i], F_OK, AT_SYMLINK_NOFOLLOW) < 0) continue;
    say_status(made_by_links[i], AT_SYMLINK_NOFOLLOW);
    unlink(made_by_links[i]);
  }
}

static void make_through(const char *link, struct open_how how) {
  const long fd = syscall(SYS_openat2, AT_FDCWD, link, &how, sizeof how);
  printf("%s flags %llo resolve %llx: ", link, how.flags, how.resolve);
  say("is", fd < 0 ? -1 : 0);
  if (fd >= 0) close((int)fd);
  say_made();
}

static void make_through_links(void) {
  static const char *const links[] = {
      "to-new",  "to-sub",   "sub/up",   "twice",      "to-none",  "to-folder",
      "loop",    "to-roots", "to-below", "to-new/",    "sub/",     "to-folder-of-root",
      "none/a/", "chain-0",  "chain-39", "chain-40",   "chain-41", "sticky/link",
      "sub/..",  "/",        "roots/a",  "sub/up/../a"};
  static const uint64_t ways[] = {0, O_EXCL, O_NOFOLLOW, O_EXCL | O_NOFOLLOW, O_TRUNC};
  static const uint64_t resolves[] = {RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS,
                                      RESOLVE_NO_XDEV};
  for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++)
      make_through(links[i],
                   (struct open_how){.flags = O_CREAT | O_WRONLY | ways[way], .mode = 0640});
    for (size_t way = 0; way < sizeof resolves / sizeof *resolves; way++)
      make_through(
          links[i],
          (struct open_how){.flags = O_CREAT | O_WRONLY, .mode = 0640, .resolve = resolves[way]});
  }
}

static void limit_descriptors(rlim_t most) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) fail("read a limit");
  limit.rlim_cur = most;
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0) fail("set a limit");
}

// Who can have no descriptor of it has nothing made, and nothing lost.
static void use_last_descriptors(void) {
  enum { FAR = 50, FIRST_FREE = 3, MANY = 1024 };
  struct stat status;
  const int full = open("full", O_CREAT | O_RDWR, 0644);
  if (write(full, "hello", 5) != 5) fail("write");
  close(full);
  limit_descriptors(FIRST_FREE);
  say("emptied", open("full", O_WRONLY | O_TRUNC));
  say("made", open("fresh", O_WRONLY | O_CREAT, 0644));
  say("unnamed", open(".", O_TMPFILE | O_RDWR, 0644));
  say("in none", open("none/new", O_WRONLY | O_CREAT, 0644));
  say("read", open("full", O_RDONLY));
  say("null", openat(AT_FDCWD, (const char *)8, O_RDONLY));
  limit_descriptors(MANY);
  say("fresh", stat("fresh", &status));
  printf("full has %lld bytes\n", stat("full", &status) < 0 ? -1 : (long long)status.st_size);
  // a limit that was higher once leaves some free
  if (dup2(0, FAR) < 0) fail("copy a descriptor");
  limit_descriptors(FIRST_FREE + 1);
  say("last", open("full", O_RDONLY));
  say("one more", open("full", O_RDONLY));
  close(FIRST_FREE);
  say("last again", open("full", O_RDONLY));
  close(FIRST_FREE);
  close(FAR);
  limit_descriptors(0);
  say("with none", open("full", O_RDONLY));
  limit_descriptors(MANY);
}

static void name_unnamed(void) {
  const int file = open(".", O_TMPFILE | O_RDWR, 0644);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  say("its own", linkat(file, "", AT_FDCWD, "named", AT_EMPTY_PATH));
  say("again", linkat(file, "", AT_FDCWD, "named", AT_EMPTY_PATH));
  say("followed", linkat(file, "", AT_FDCWD, "other", AT_EMPTY_PATH | AT_SYMLINK_FOLLOW));
  say("by its entry", linkat(AT_FDCWD, path, AT_FDCWD, "third", AT_SYMLINK_FOLLOW));
  say("the entry", linkat(AT_FDCWD, path, AT_FDCWD, "fourth", 0));
  say("into none", linkat(file, "", AT_FDCWD, "none/named", AT_EMPTY_PATH));
  for (const char *const *name = (const char *const[]){"named", "other", "third", NULL};
       *name != NULL; name++) {
    say_status(*name, 0);
    unlink(*name);
  }
  say("removed", linkat(file, "", AT_FDCWD, "named", AT_EMPTY_PATH));
  close(file);
  const int alone = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0644);
  say("for ever", linkat(alone, "", AT_FDCWD, "named", AT_EMPTY_PATH));
  close(alone);
}

static void open_edges(const char *user) {
  if (user != NULL && (setgid(SELF_USER) < 0 || setuid(SELF_USER) < 0)) fail("become a user");
  make_through_links();
  use_last_descriptors();
  name_unnamed();
}

static const long numbers[] = {
#ifdef __x86_64__
    SYS_mkdir,       SYS_mknod,        SYS_open,      SYS_chmod,      SYS_chown,      SYS_lchown,
    SYS_rename,      SYS_link,         SYS_symlink,   SYS_unlink,     SYS_rmdir,
#endif
    SYS_mkdirat,     SYS_mknodat,      SYS_openat,    SYS_openat2,    SYS_fchmodat,   SYS_fchmod,
    SYS_fchownat,    SYS_fchown,       SYS_renameat2, SYS_linkat,     SYS_symlinkat,  SYS_unlinkat,
    SYS_setxattr,    SYS_fsetxattr,    SYS_getxattr,  SYS_fgetxattr,  SYS_lgetxattr,  SYS_listxattr,
    SYS_removexattr, SYS_fremovexattr, SYS_sysinfo,   SYS_setxattrat, SYS_getxattrat,
};

int main(int argc, char **argv) {
  struct container container = {0};
  for (int letter; (letter = getopt(argc, argv, "s:b:k")) != -1;) {
    if (letter == 's')
      container.socket = optarg;
    else if (letter == 'b')
      container.bundle = optarg;
    else if (letter == 'k')
      container.wait_killable = true;
    else
      return 2;
  }
  if (optind >= argc) return 2;
  const char *what = optind + 1 < argc ? argv[optind + 1] : "";
  alarm(LIFE_SECONDS);
  if (chdir(argv[optind]) < 0) fail("enter the folder");
  umask(027);
  if (strcmp(what, "restrict-open") == 0) make_tree();
  if (strcmp(what, "size-how") == 0) make_file("file");
  if (strcmp(what, "share-folders") == 0) make_shared_folders();
  if (strcmp(what, "open-edges") == 0) make_links();
  if (container.socket != NULL)
    close(enter_container(&container, numbers, sizeof numbers / sizeof *numbers));
  if (strcmp(what, "open-given") == 0) {
    say_text("file", open("file", O_RDONLY));
    say("open none", open("none", O_RDONLY));
    say("open other", open("other", O_RDONLY));
  } else if (strcmp(what, "mkdirs") == 0) {
    for (int i = atoi(argv[optind + 2]); i > 0; i--) say("mkdir", mkdir("x", 0755));
  } else if (strcmp(what, "symlink") == 0) {
    say("symlink", symlink("abc", "x"));
  } else if (strcmp(what, "sysinfo") == 0) {
    struct sysinfo info;
    say("sysinfo", sysinfo(&info));
  } else if (strcmp(what, "read-attributes") == 0) {
    read_attributes();
  } else if (strcmp(what, "descriptors") == 0) {
    use_descriptors();
  } else if (strcmp(what, "owners") == 0) {
    tell_owners();
  } else if (strcmp(what, "restrict-open") == 0) {
    restrict_open();
  } else if (strcmp(what, "end-strings") == 0) {
    end_strings();
  } else if (strcmp(what, "choose-sizes") == 0) {
    choose_sizes();
  } else if (strcmp(what, "size-how") == 0) {
    size_how();
  } else if (strcmp(what, "open-processes") == 0) {
    open_processes();
  } else if (strcmp(what, "open-devices") == 0) {
    open_devices();
  } else if (strcmp(what, "share-folders") == 0) {
    share_folders();
  } else if (strcmp(what, "open-edges") == 0) {
    open_edges(argv[optind + 2]);
  } else {
    use_names();
    use_open();
    use_owners();
    use_attributes();
    move_names();
  }
  return 0;
}
