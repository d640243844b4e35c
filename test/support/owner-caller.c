// SPDX-License-Identifier: Apache-2.0
// One kind of caller makes, changes and removes files in one kind of place, and all answers and
// what came of them are printed. With -s the agent does it, without it the kernel alone: the same
// lines have to come.
//
// usage: owner-caller [-s SOCKET] [-M UMASK] CALLER PLACE FOLDER
//   CALLER   one of `callers` below
//   PLACE    one of `places` below: what is at FOLDER, which is empty before
// All mounts are in a mount namespace of its own. Each line is `FOLDER: CALL ANSWER`; those of the
// end are what is there: `PATH MODE UID:GID LINKS SIZE DEVICE TEXT ACL TIMES`.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "container.h"

enum {
  LIFE_SECONDS = 150,
  USER = 1000,
  STRANGER = 1001,
  GROUP = 2000,
  // where a user namespace has its root outside, and where its second range starts
  RANGE_ROOT = 100000,
  RANGE_REST = 200001,
};

#define CAPABILITY(name) (1ULL << (name))
#define ALL_CAPABILITIES (~0ULL)

// ---- who calls ----

struct caller {
  const char *name;
  uid_t uid, effective_uid;
  // The maps of a user namespace, or NULL; the caller gets its ids in it.
  const char *map;
  unsigned long long capabilities;
  bool has_groups, keeps_outer_ids, has_own_fs_ids, has_no_new_privs, is_rooted, is_not_dumpable;
};

static const struct caller callers[] = {
    {.name = "root", .capabilities = ALL_CAPABILITIES},
    {.name = "root-without", .capabilities = 0},
    {.name = "root-with-some",
     .capabilities = CAPABILITY(CAP_MKNOD) | CAPABILITY(CAP_CHOWN) | CAPABILITY(CAP_FSETID)},
    {.name = "root-rooted", .capabilities = ALL_CAPABILITIES, .is_rooted = true},
    {.name = "root-as-user-of-files", .capabilities = ALL_CAPABILITIES, .has_own_fs_ids = true},
    {.name = "user", .uid = USER, .effective_uid = USER},
    {.name = "user-with-groups", .uid = USER, .effective_uid = USER, .has_groups = true},
    {.name = "user-not-dumpable", .uid = USER, .effective_uid = USER, .is_not_dumpable = true},
    {.name = "user-with-no-new-privs",
     .uid = USER,
     .effective_uid = USER,
     .has_groups = true,
     .has_no_new_privs = true},
    {.name = "user-as-stranger", .uid = USER, .effective_uid = STRANGER},
    {.name = "user-with-some",
     .uid = USER,
     .effective_uid = USER,
     .capabilities = CAPABILITY(CAP_DAC_OVERRIDE) | CAPABILITY(CAP_FOWNER)},
    {.name = "user-rooted", .uid = USER, .effective_uid = USER, .is_rooted = true},
    {.name = "root-of-one-range",
     .map = "0 100000 65536\n",
     .has_groups = true,
     .capabilities = ALL_CAPABILITIES},
    {.name = "user-of-one-range", .map = "0 100000 65536\n", .uid = USER, .effective_uid = USER},
    {.name = "root-of-two-ranges",
     .map = "0 100000 1\n1 200001 5000\n",
     .capabilities = ALL_CAPABILITIES},
    {.name = "user-of-two-ranges",
     .map = "0 100000 1\n1 200001 5000\n",
     .uid = USER,
     .effective_uid = USER,
     .has_groups = true},
    {.name = "root-of-range-without", .map = "0 100000 1\n1 200001 5000\n", .capabilities = 0},
    {.name = "root-of-identical-range", .map = "0 0 65536\n", .capabilities = ALL_CAPABILITIES},
    {.name = "outer-user-of-range",
     .map = "0 100000 65536\n",
     .uid = USER,
     .effective_uid = USER,
     .keeps_outer_ids = true,
     .capabilities = ALL_CAPABILITIES},
};

static const struct caller *caller;

static void write_text(const char *path, const char *text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) fail(path);
  close(fd);
}

static void write_maps(pid_t pid, const char *map) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/uid_map", pid);
  write_text(path, map);
  snprintf(path, sizeof path, "/proc/%d/gid_map", pid);
  write_text(path, map);
}

static void set_capabilities(unsigned long long set) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) < 0) fail("get the Linux capabilities");
  for (int half = 0; half < 2; half++) {
    const uint32_t wanted = (uint32_t)(set >> (32 * half)) & data[half].permitted;
    data[half] = (struct __user_cap_data_struct){.effective = wanted, .permitted = wanted};
  }
  if (syscall(SYS_capset, &header, data) < 0) fail("set the Linux capabilities");
}

static void take_ids(void) {
  static const gid_t groups[] = {GROUP, GROUP + 1, 1500};
  const size_t count = caller->has_groups ? sizeof groups / sizeof *groups : 0;
  const uid_t effective = caller->effective_uid;
  if (setgroups(count, groups) < 0) fail("set the groups");
  if (setresgid(caller->uid, effective, effective) < 0) fail("set the gid");
  if (prctl(PR_SET_KEEPCAPS, 1) < 0) fail("keep the Linux capabilities");
  if (setresuid(caller->uid, effective, effective) < 0) fail("set the uid");
  if (!caller->has_own_fs_ids) return;
  setfsgid(USER);
  setfsuid(USER);
}

static void become_caller(int ask, int answer) {
  char byte = 0;
  if (caller->keeps_outer_ids) take_ids();
  if (caller->map != NULL) {
    if (unshare(CLONE_NEWUSER) < 0) fail("make a user namespace");
    // it may have changed, and then the maps could not be written
    prctl(PR_SET_DUMPABLE, 1);
    if (write(ask, &byte, 1) != 1 || read(answer, &byte, 1) != 1) fail("wait for the maps");
  }
  if (!caller->keeps_outer_ids) take_ids();
  if (!caller->has_own_fs_ids) set_capabilities(caller->capabilities);
  if (caller->has_no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    fail("set no_new_privs");
  if (prctl(PR_SET_DUMPABLE, !caller->is_not_dumpable) < 0) fail("become dumpable");
}

// ---- where ----

static void make_tmpfs(const char *folder) {
  if (mount("tmpfs", folder, "tmpfs", 0, "mode=755,size=1m") < 0) fail("mount a tmpfs");
}

static void make_overlay(const char *folder) {
  char path[PATH_MAX], options[4 * PATH_MAX];
  make_tmpfs(folder);
  static const char *const names[] = {"lower", "upper", "work", "merged"};
  for (int i = 0; i < 4; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    if (mkdir(path, 0755) < 0) fail(path);
  }
  snprintf(options, sizeof options, "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work", folder,
           folder, folder);
  snprintf(path, sizeof path, "%s/merged", folder);
  if (mount("overlay", path, "overlay", 0, options) < 0) fail("mount an overlay");
  if (mount(path, folder, NULL, MS_MOVE, NULL) < 0) fail("move the overlay");
}

static void bind_with(const char *folder, unsigned long flags) {
  if (mount(folder, folder, NULL, MS_BIND, NULL) < 0) fail("bind the folder");
  if (mount(NULL, folder, NULL, MS_BIND | MS_REMOUNT | flags, NULL) < 0) fail("change the mount");
}

static void make_read_only(const char *folder) { bind_with(folder, MS_RDONLY); }
static void make_restricted(const char *folder) {
  bind_with(folder, MS_NODEV | MS_NOEXEC | MS_NOSUID);
}

// Root and user change places, some ids are shifted, and others there are none of.
static void make_idmapped(const char *folder) {
  int done[2];
  char byte, path[64];
  if (pipe(done) < 0) fail("make a pipe");
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    if (unshare(CLONE_NEWUSER) < 0) fail("make a user namespace");
    if (write(done[1], "", 1) != 1) _exit(1);
    pause();
  }
  if (read(done[0], &byte, 1) != 1) fail("wait for the user namespace");
  write_maps(child, "0 1000 1\n1000 0 1\n2000 2000 1000\n10000 100000 2000\n");
  snprintf(path, sizeof path, "/proc/%d/ns/user", child);
  const int map = open(path, O_RDONLY | O_CLOEXEC);
  const int tree =
      (int)syscall(SYS_open_tree, AT_FDCWD, folder, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)map};
  if (map < 0 || tree < 0) fail("open the folder and its map");
  if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) < 0)
    fail("map the ids of the mount");
  if (syscall(SYS_move_mount, tree, "", AT_FDCWD, folder, MOVE_MOUNT_F_EMPTY_PATH) < 0)
    fail("attach the mount");
  close(map);
  close(tree);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
}

struct place {
  const char *name;
  // Before its contents are made, and after.
  void (*make)(const char *folder);
  void (*change)(const char *folder);
  // The caller mounts it: in its own user namespace.
  bool is_own;
};

static const struct place places[] = {
    {.name = "plain"},
    {.name = "tmpfs", .make = make_tmpfs},
    {.name = "overlay", .make = make_overlay},
    {.name = "read-only", .change = make_read_only},
    {.name = "restricted", .change = make_restricted},
    {.name = "idmapped", .change = make_idmapped},
    {.name = "own-tmpfs", .make = make_tmpfs, .is_own = true},
};

// ---- what is there before ----

// Open in the caller, whoever it becomes.
static int held = -1, held_path = -1;

struct folder {
  const char *name;
  uid_t uid;
  gid_t gid;
  mode_t mode;
  bool has_acl;
};

static const struct folder folders[] = {
    {"open", 0, 0, 0777, false},
    {"of-root", 0, 0, 0755, false},
    {"of-user", USER, USER, 0700, false},
    {"of-group", 0, GROUP, 0770, false},
    {"setgid", 0, GROUP, 02777, false},
    {"setgid-of-user", USER, GROUP, 02755, false},
    {"sticky", 0, 0, 01777, false},
    {"acl", 0, 0, 0777, true},
    {"of-range-root", RANGE_ROOT, RANGE_ROOT, 0755, false},
    {"of-range-user", RANGE_ROOT + USER, RANGE_ROOT + USER, 02755, false},
    {"of-second-range", RANGE_REST + USER - 1, RANGE_REST + USER - 1, 0755, false},
};
enum { FOLDERS = sizeof folders / sizeof *folders };

// An acl(5) as the kernel stores it: user 1001 may do everything, others nothing.
static void set_default_acl(const char *path) {
  const struct __attribute__((packed)) {
    uint32_t version;
    struct {
      uint16_t tag, rights;
      uint32_t id;
    } entries[5];
  } acl = {2,
           {{0x01, 7, ~0U}, {0x02, 7, STRANGER}, {0x04, 5, ~0U}, {0x10, 7, ~0U}, {0x20, 0, ~0U}}};
  if (setxattr(path, "system.posix_acl_default", &acl, sizeof acl, 0) < 0) fail("set an ACL");
}

static void make_file(const char *folder, const char *name, uid_t uid, mode_t mode) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  const int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0 || write(fd, "text", 4) != 4) fail(path);
  if (fchown(fd, uid, uid) < 0 && errno != EINVAL) fail(path);
  if (fchmod(fd, mode) < 0) fail(path);
  close(fd);
}

static void make_contents(void) {
  umask(0);
  for (const struct folder *each = folders; each < folders + FOLDERS; each++) {
    if (mkdir(each->name, 0777) < 0) fail(each->name);
    make_file(each->name, "of-root", 0, 0644);
    make_file(each->name, "of-user", USER, 04755);
    make_file(each->name, "of-stranger", STRANGER, 0666);
    make_file(each->name, "of-range", RANGE_ROOT + USER, 0644);
    // EINVAL: an id that this user namespace has not
    if (chown(each->name, each->uid, each->gid) < 0 && errno != EINVAL) fail(each->name);
    if (chmod(each->name, each->mode) < 0) fail(each->name);
    if (each->has_acl) set_default_acl(each->name);
  }
  make_file(".", "held", 0, 0644);
  make_file(".", "held-path", 0, 0644);
}

// ---- the calls ----

static char *lines;
static size_t lines_length;
static FILE *out;
static const char *at;

static void say(const char *what, long result) {
  const int error = errno;
  fprintf(out, "%s: %s %s\n", at, what, result == -1 ? answer_name(error) : "OK");
  if (result > 2) close((int)result);
}

// A path in the folder; absolute for who has the place as its root.
static const char *in(const char *name) {
  static char paths[4][PATH_MAX];
  static unsigned next;
  char *path = paths[next++ % 4];
  snprintf(path, PATH_MAX, "%s%s/%s", caller->is_rooted ? "/" : "", at, name);
  return path;
}

static void make_things(void) {
  say("mkdir", mkdir(in("made"), 0775));
  say("mkdir with all bits", mkdir(in("made-bits"), 07777));
  say("mkdir again", mkdir(in("made"), 0775));
  say("mkdir below", mkdir(in("made/below"), 0777));
  say("mknod fifo", mknod(in("fifo"), S_IFIFO | 0666, 0));
  say("mknod file", mknod(in("file-node"), S_IFREG | 06777, 0));
  say("mknod socket", mknod(in("socket"), S_IFSOCK | 0640, 0));
  say("mknod null", mknod(in("null"), S_IFCHR | 0666, makedev(1, 3)));
  say("mknod memory", mknod(in("memory"), S_IFCHR | 0600, makedev(1, 1)));
  say("mknod whiteout", mknod(in("whiteout"), S_IFCHR | 0600, 0));
  say("mknod disk", mknod(in("disk"), S_IFBLK | 0600, makedev(7, 0)));
  say("symlink", symlink("made", in("symlink")));
  say("mkdir through a symlink", mkdir(in("symlink/through"), 0755));
}

static void open_flags(const char *what, const char *name, int flags, mode_t mode) {
  const int fd = openat(AT_FDCWD, in(name), flags | O_CLOEXEC, mode);
  const int error = errno;
  if (fd >= 0) {
    char text[96];
    snprintf(text, sizeof text, "%s gives %o", what, (unsigned)fcntl(fd, F_GETFL));
    what = text;
    say(what, fd);
    return;
  }
  errno = error;
  say(what, fd);
}

static void open_things(void) {
  open_flags("open new", "opened", O_CREAT | O_RDWR, 0666);
  open_flags("open new with all bits", "opened-bits", O_CREAT | O_EXCL | O_WRONLY, 07777);
  open_flags("open new without rights", "opened-shut", O_CREAT | O_RDWR, 0);
  open_flags("open it again", "opened-shut", O_RDONLY, 0);
  open_flags("open what must be new", "opened", O_CREAT | O_EXCL | O_RDWR, 0666);
  open_flags("open of root to read", "of-root", O_RDONLY, 0);
  open_flags("open of root to write", "of-root", O_WRONLY | O_APPEND, 0);
  open_flags("open of user to truncate", "of-user", O_WRONLY | O_TRUNC, 0);
  open_flags("open of stranger, create", "of-stranger", O_CREAT | O_WRONLY, 0666);
  open_flags("open without access time", "of-user", O_RDONLY | O_NOATIME, 0);
  open_flags("open without a name", "", O_TMPFILE | O_RDWR, 0666);
  open_flags("open directory", "made", O_RDONLY | O_DIRECTORY, 0);
  open_flags("open directory to create", "made", O_CREAT | O_RDONLY, 0666);
  open_flags("open directory to create it", "made", O_CREAT | O_DIRECTORY, 0666);
  open_flags("open directory to write", "made", O_WRONLY, 0);
  open_flags("open file as directory", "of-root", O_RDONLY | O_DIRECTORY, 0);
  open_flags("open fifo", "fifo", O_RDONLY | O_NONBLOCK, 0);
  open_flags("open fifo to write", "fifo", O_WRONLY | O_NONBLOCK, 0);
  open_flags("open socket", "socket", O_RDWR, 0);
  open_flags("open null", "null", O_RDWR, 0);
  open_flags("open symlink", "symlink", O_RDONLY, 0);
  open_flags("open symlink itself", "symlink", O_RDONLY | O_NOFOLLOW, 0);
  open_flags("open new with slash", "slash/", O_CREAT | O_RDWR, 0666);
  open_flags("open file with slash", "of-root/", O_RDONLY, 0);
  open_flags("open none", "none/none", O_CREAT | O_RDWR, 0666);
}

static void change_things(void) {
  say("chmod", chmod(in("made"), 02711));
  say("chmod of root", chmod(in("of-root"), 0600));
  say("chmod of user", chmod(in("of-user"), 06711));
  say("chown to group", chown(in("opened"), (uid_t)-1, GROUP));
  say("chown to self", chown(in("opened-bits"), geteuid(), getegid()));
  say("chown to stranger", chown(in("opened-bits"), STRANGER, STRANGER));
  say("chown of user", chown(in("of-user"), 0, 0));
  say("lchown", lchown(in("symlink"), STRANGER, (gid_t)-1));
  say("chown nothing", chown(in("of-root"), (uid_t)-1, (gid_t)-1));
  say("chown to no id", chown(in("opened"), 3000000000, (gid_t)-1));
  say("setxattr", setxattr(in("opened"), "user.a", "value", 5, 0));
  say("setxattr of root", setxattr(in("of-root"), "user.a", "value", 5, 0));
  say("setxattr trusted", setxattr(in("opened"), "trusted.a", "value", 5, 0));
  say("setxattr security", setxattr(in("opened"), "security.a", "value", 5, 0));
  say("removexattr", removexattr(in("opened"), "user.a"));
}

static void limit_size(rlim_t soft) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) < 0) fail("get the limit of sizes");
  limit.rlim_cur = soft;
  if (setrlimit(RLIMIT_FSIZE, &limit) < 0) fail("limit sizes");
}

static void cut_things(void) {
  say("truncate", truncate(in("opened"), 5));
  say("truncate of root", truncate(in("of-root"), 1));
  say("truncate of user", truncate(in("of-user"), 2));
  say("truncate of stranger", truncate(in("of-stranger"), 1 << 20));
  say("truncate of range", truncate(in("of-range"), 3));
  say("truncate directory", truncate(in("made"), 0));
  say("truncate fifo", truncate(in("fifo"), 0));
  say("truncate socket", truncate(in("socket"), 0));
  say("truncate through a symlink", truncate(in("symlink"), 0));
  say("truncate none", truncate(in("none"), 0));
  say("truncate nothing", truncate("", 0));
  say("truncate nowhere", truncate((const char *)8, 0));
  say("truncate with slash", truncate(in("of-user/"), 0));
  say("truncate below 0", truncate(in("none"), -1));
  say("truncate beyond all", truncate(in("opened"), LONG_MAX));
  // without it, the kernel's signal would end us
  signal(SIGXFSZ, SIG_IGN);
  limit_size(100);
  say("truncate to the limit", truncate(in("opened"), 100));
  say("truncate beyond the limit", truncate(in("opened"), 101));
  say("truncate of root beyond it", truncate(in("of-root"), 101));
  say("truncate directory beyond it", truncate(in("made"), 101));
  say("truncate beyond it to less", truncate(in("of-stranger"), 1 << 10));
  say("ftruncate beyond it", ftruncate(held, 101));
  limit_size(RLIM_INFINITY);
  say("ftruncate of what is held to read", ftruncate(held, 0));
  say("ftruncate of a held path", ftruncate(held_path, 0));
}

enum { THEN = 1000000000 };

static const struct timespec then = {THEN, 7}, now = {0, UTIME_NOW}, omit = {0, UTIME_OMIT},
                             no_time = {0, 1000000000};

static void say_times(const char *what, const char *name, long result) {
  struct stat found;
  say(what, result);
  if (lstat(in(name), &found) < 0) return;
  const bool is_old = found.st_mtim.tv_sec == THEN;
  fprintf(out, "%s: accessed%s then, modified%s then%s\n", at,
          found.st_atim.tv_sec == THEN ? "" : " not", is_old ? "" : " not",
          is_old && found.st_mtim.tv_nsec == 7 ? " and 7 ns" : "");
}

static void set_times(const char *what, const char *name, struct timespec accessed,
                      struct timespec modified, int flags) {
  const struct timespec times[] = {accessed, modified};
  say_times(what, name, utimensat(AT_FDCWD, in(name), times, flags));
}

static void time_things(void) {
  const struct timespec both[] = {then, then}, none[] = {omit, omit};
  set_times("utimensat", "opened", then, then, 0);
  set_times("utimensat accessed", "opened", now, omit, 0);
  set_times("utimensat of root", "of-root", then, then, 0);
  set_times("utimensat of root to now", "of-root", now, now, 0);
  set_times("utimensat of user", "of-user", omit, then, 0);
  set_times("utimensat of stranger", "of-stranger", then, then, 0);
  set_times("utimensat of stranger to now", "of-stranger", now, now, 0);
  set_times("utimensat of range", "of-range", then, omit, 0);
  set_times("utimensat directory", "made", then, then, 0);
  set_times("utimensat symlink", "symlink", then, then, AT_SYMLINK_NOFOLLOW);
  set_times("utimensat fifo", "fifo", then, then, 0);
  set_times("utimensat none", "none", then, then, 0);
  set_times("utimensat no time", "opened", no_time, then, 0);
  set_times("utimensat none at no time", "none", no_time, then, 0);
  set_times("utimensat unknown flags", "opened", then, then, AT_REMOVEDIR);
  set_times("utimensat none to nothing", "none", omit, omit, AT_REMOVEDIR);
  say("utimensat nowhere to nothing", utimensat(-5, (const char *)8, none, 0));
  say("utimensat nowhere", syscall(SYS_utimensat, AT_FDCWD, NULL, both, 0));
  say("utimensat at no times", syscall(SYS_utimensat, AT_FDCWD, in("opened"), 8, 0));
  say("utimensat nothing", utimensat(AT_FDCWD, "", both, 0));
  say("utimensat of what is held", syscall(SYS_utimensat, held, NULL, both, 0));
  say("utimensat of it by its path", utimensat(held, "", NULL, AT_EMPTY_PATH));
  say("utimensat of it with flags", syscall(SYS_utimensat, held, NULL, both, AT_EMPTY_PATH));
  say("utimensat of a held path", syscall(SYS_utimensat, held_path, NULL, both, 0));
  say("utimensat of it as a path", utimensat(held_path, "", NULL, AT_EMPTY_PATH));
  say("utimensat of none that is open", syscall(SYS_utimensat, 900, NULL, both, 0));
  say("utimensat of what is held to now", syscall(SYS_utimensat, held, NULL, NULL, 0));
#ifdef __x86_64__
  const struct timeval parts[] = {{THEN, 5}, {THEN, 6}}, no_parts[] = {{THEN, -1}, {THEN, 6}};
  const long seconds[] = {THEN, THEN};
  say_times("utimes", "of-user", syscall(SYS_utimes, in("of-user"), parts));
  say_times("utime", "of-range", syscall(SYS_utime, in("of-range"), seconds));
  say_times("futimesat", "opened", syscall(SYS_futimesat, AT_FDCWD, in("opened"), parts));
  say("futimesat of what is held", syscall(SYS_futimesat, held, NULL, parts));
  say("futimesat of a held path", syscall(SYS_futimesat, held_path, NULL, parts));
  say("futimesat of what is held to now", syscall(SYS_futimesat, held, NULL, NULL));
  say("futimesat nowhere", syscall(SYS_futimesat, AT_FDCWD, NULL, parts));
  say("utimes nowhere", syscall(SYS_utimes, NULL, parts));
  say("utime nowhere", syscall(SYS_utime, NULL, seconds));
  say("utimes none at no time", syscall(SYS_utimes, in("none"), no_parts));
  say("utimes nowhere at no time", syscall(SYS_utimes, 8, no_parts));
  say_times("utimes to now", "of-user", syscall(SYS_utimes, in("of-user"), NULL));
  say_times("utime to now", "of-range", syscall(SYS_utime, in("of-range"), NULL));
#endif
  // so that all that is left is of now
  for (const char *const *name =
           (const char *const[]){"opened", "of-root", "of-user", "of-stranger", "of-range", "made",
                                 "fifo", NULL};
       *name != NULL; name++)
    set_times("utimensat to now", *name, now, now, 0);
  set_times("utimensat symlink to now", "symlink", now, now, AT_SYMLINK_NOFOLLOW);
}

// Given by somebody who had it open.
static void link_held(void) {
  // by AT_EMPTY_PATH the kernel asks who has opened it, and the agent does not know, see acting.md
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", held);
  if (!caller->is_rooted)
    say("linkat by its path", linkat(AT_FDCWD, path, AT_FDCWD, in("hard-path"), AT_SYMLINK_FOLLOW));
  say("fchmod of what is held", fchmod(held, 0666));
  say("fchown of what is held", fchown(held, USER, (gid_t)-1));
  say("fchownat of what is held", fchownat(held, "", (uid_t)-1, USER, AT_EMPTY_PATH));
  // an O_PATH descriptor
  say("fchmod of a held path", fchmod(held_path, 0666));
  say("fchown of a held path", fchown(held_path, USER, (gid_t)-1));
  say("fchownat of a held path", fchownat(held_path, "", STRANGER, (gid_t)-1, AT_EMPTY_PATH));
}

static void move_things(void) {
  say("link", link(in("opened"), in("hard")));
  say("link of root", link(in("of-root"), in("hard-root")));
  say("link of stranger", link(in("of-stranger"), in("hard-stranger")));
  say("link of directory", link(in("made"), in("hard-made")));
  say("linkat followed",
      linkat(AT_FDCWD, in("symlink"), AT_FDCWD, in("hard-followed"), AT_SYMLINK_FOLLOW));
  say("linkat symlink", linkat(AT_FDCWD, in("symlink"), AT_FDCWD, in("hard-symlink"), 0));
  say("rename", rename(in("opened-bits"), in("renamed")));
  say("rename of stranger", rename(in("of-stranger"), in("renamed-stranger")));
  say("rename over", renameat2(AT_FDCWD, in("fifo"), AT_FDCWD, in("of-range"), 0));
  say("rename over directory", rename(in("renamed"), in("made")));
  say("rename into itself", rename(in("made"), in("made/below/made")));
  say("rename exchange",
      renameat2(AT_FDCWD, in("symlink"), AT_FDCWD, in("renamed"), RENAME_EXCHANGE));
  say("rename whiteout",
      renameat2(AT_FDCWD, in("file-node"), AT_FDCWD, in("file-moved"), RENAME_WHITEOUT));
  say("unlink", unlink(in("opened-shut")));
  say("unlink of root", unlink(in("of-root")));
  say("rmdir full", rmdir(in("made")));
  say("rmdir", rmdir(in("made/below")));
}

static void open_held(void) {
  held = open("held", O_RDONLY | O_CLOEXEC);
  held_path = open("held-path", O_PATH | O_CLOEXEC);
  if (held < 0 || held_path < 0) fail("open what is held");
}

static void make_calls(void) {
  for (const struct folder *each = folders; each < folders + FOLDERS; each++) {
    at = each->name;
    make_things();
    open_things();
    change_things();
    cut_things();
    time_things();
    move_things();
    link_held();
  }
}

// ---- what came of it ----

static struct timespec began;

static bool is_before(struct timespec a, struct timespec b) {
  return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

static void list_attribute(const char *path, const char *name) {
  unsigned char value[128];
  const ssize_t length = lgetxattr(path, name, value, sizeof value);
  fprintf(out, " ");
  for (ssize_t i = 0; i < length; i++) fprintf(out, "%02x", value[i]);
}

static void list_one(const char *path) {
  struct stat found;
  struct timespec now;
  char text[64] = "";
  if (lstat(path, &found) < 0) fail(path);
  clock_gettime(CLOCK_REALTIME, &now);
  if (S_ISLNK(found.st_mode) && readlink(path, text, sizeof text - 1) < 0) fail(path);
  // sizes of directories depend on the file system's history
  const long size = S_ISDIR(found.st_mode) ? 0 : (long)found.st_size;
  const bool is_plausible = !is_before(found.st_ctim, began) && !is_before(now, found.st_ctim) &&
                            !is_before(found.st_mtim, began) && !is_before(now, found.st_mtim);
  fprintf(out, "%s %o %u:%u %lu %ld %u:%u %s", path, found.st_mode, found.st_uid, found.st_gid,
          found.st_nlink, size, major(found.st_rdev), minor(found.st_rdev), text);
  list_attribute(path, "system.posix_acl_access");
  list_attribute(path, "system.posix_acl_default");
  fprintf(out, " %s\n", is_plausible ? "now" : "at another time");
}

static void list_below(const char *folder) {
  struct dirent **entries;
  const int count = scandir(folder, &entries, NULL, alphasort);
  if (count < 0) fail(folder);
  for (int i = 0; i < count; i++) {
    const char *name = entries[i]->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
    char path[PATH_MAX];
    struct stat found;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    list_one(path);
    if (lstat(path, &found) == 0 && S_ISDIR(found.st_mode)) list_below(path);
    free(entries[i]);
  }
  free(entries);
}

// ---- all of it ----

static const long numbers[] = {
#ifdef __x86_64__
    SYS_mkdir,     SYS_mknod,     SYS_open,      SYS_chmod,     SYS_chown,    SYS_lchown,
    SYS_rename,    SYS_link,      SYS_symlink,   SYS_unlink,    SYS_rmdir,    SYS_utime,
    SYS_utimes,    SYS_futimesat,
#endif
    SYS_mkdirat,   SYS_mknodat,   SYS_openat,    SYS_fchmodat,  SYS_fchmod,   SYS_fchownat,
    SYS_fchown,    SYS_linkat,    SYS_renameat2, SYS_unlinkat,  SYS_setxattr, SYS_removexattr,
    SYS_symlinkat, SYS_truncate,  SYS_ftruncate, SYS_utimensat,
};

struct run {
  struct container container;
  const struct place *place;
  const char *folder;
  mode_t umask;
};

static void print_lines(void) {
  if (fclose(out) != 0) fail("keep the lines");
  for (size_t done = 0; done < lines_length;) {
    const ssize_t written = write(STDOUT_FILENO, lines + done, lines_length - done);
    if (written < 0) fail("print");
    done += (size_t)written;
  }
}

static void collect_lines(void) {
  out = open_memstream(&lines, &lines_length);
  if (out == NULL) fail("keep the lines");
}

static void run_caller(const struct run *run, int agent_fd, int ask, int answer) {
  alarm(LIFE_SECONDS);
  collect_lines();
  if (run->place->is_own) {
    become_caller(ask, answer);
    if (unshare(CLONE_NEWNS) < 0) fail("make a mount namespace");
    run->place->make(run->folder);
    if (chdir(run->folder) < 0) fail("enter the place");
    make_contents();
  } else if (caller->is_rooted && chroot(".") < 0) {
    fail("change the root");
  }
  open_held();
  if (agent_fd >= 0) {
    const int listener = load_filter(numbers, sizeof numbers / sizeof *numbers, false);
    send_listener(agent_fd, listener, &run->container);
    close(listener);
    close(agent_fd);
  }
  if (!run->place->is_own) become_caller(ask, answer);
  umask(run->umask);
  make_calls();
  if (run->place->is_own) list_below(".");
  print_lines();
}

static void prepare(const struct run *run) {
  if (unshare(CLONE_NEWNS) < 0) fail("make a mount namespace");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("make all mounts private");
  if (run->place->is_own) return;
  if (run->place->make != NULL) run->place->make(run->folder);
  if (chdir(run->folder) < 0) fail("enter the place");
  make_contents();
  if (run->place->change != NULL) run->place->change(run->folder);
  // what is at the folder now, which may be another mount
  if (chdir(run->folder) < 0) fail("enter the place");
}

static int run_all(const struct run *run) {
  int asks[2], answers[2];
  clock_gettime(CLOCK_REALTIME_COARSE, &began);
  const int agent_fd = run->container.socket == NULL ? -1 : connect_agent(run->container.socket);
  prepare(run);
  if (pipe2(asks, O_CLOEXEC) < 0 || pipe2(answers, O_CLOEXEC) < 0) fail("make pipes");
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    run_caller(run, agent_fd, asks[1], answers[0]);
    _exit(0);
  }
  close(asks[1]);
  if (agent_fd >= 0) close(agent_fd);
  char byte;
  if (caller->map != NULL && read(asks[0], &byte, 1) == 1) {
    write_maps(child, caller->map);
    if (write(answers[1], "", 1) != 1) fail("tell of the maps");
  }
  int status;
  if (waitpid(child, &status, 0) < 0) fail("wait for the caller");
  if (status != 0) return 1;
  if (run->place->is_own) return 0;
  collect_lines();
  list_below(".");
  print_lines();
  return 0;
}

int main(int argc, char **argv) {
  struct run run = {.umask = 022};
  for (int letter; (letter = getopt(argc, argv, "s:M:")) != -1;) {
    if (letter == 's')
      run.container.socket = optarg;
    else if (letter == 'M')
      run.umask = (mode_t)strtoul(optarg, NULL, 8);
    else
      return 2;
  }
  if (optind + 3 != argc) return 2;
  for (size_t i = 0; i < sizeof callers / sizeof *callers; i++) {
    if (strcmp(callers[i].name, argv[optind]) == 0) caller = &callers[i];
  }
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    if (strcmp(places[i].name, argv[optind + 1]) == 0) run.place = &places[i];
  }
  run.folder = argv[optind + 2];
  if (caller == NULL || run.place == NULL) return 2;
  alarm(LIFE_SECONDS);
  return run_all(&run);
}
