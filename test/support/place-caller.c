// SPDX-License-Identifier: Apache-2.0
// Makes calls whose answers depend on the caller's namespaces, and prints `CALL ANSWER` for each.
// Who answers them is up to the container that it runs in.
//
// usage: place-caller mounts FOLDER
//        the folder has plain files and folders, and mount points
//        place-caller own-mounts|user-mounts FOLDER
//        the same in a mount namespace of its own, for user-mounts in a user namespace, too
//        place-caller names NAME
//        what a network interface of this name lets it do
//        place-caller mount-names NAME
//        the same of mounts
//        place-caller own-names NAME
//        the same in a network namespace of its own, whose only interface is `own0`
//        place-caller closed-root FOLDER
//        as a user whose root only others may search, from a folder in there
//        place-caller inner-root FOLDER
//        in a user namespace and a root of its own, from where it may not search the container's
//        root, and from some time on not its own either
//        place-caller own-root FOLDER
//        as a user in a root without procfs, who was given a descriptor to read from
//        place-caller dev-links FOLDER
//        by links of /dev to what it has open
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/openat2.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "container.h"

static void say(const char *what, long result) {
  printf("%s %s\n", what, answer_name(result < 0 ? errno : 0));
  fflush(stdout);
}

static long rename_with(const char *from, const char *to, unsigned flags) {
  return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void use_mount_points(void) {
  say("unlink a mounted file", unlink("settings.json"));
  say("unlink it by another way", unlink("../alias/settings.json"));
  say("unlink it with a slash", unlink("settings.json/"));
  say("rename it", rename("settings.json", "moved"));
  say("rename over it", rename("plain", "settings.json"));
  say("rename over it by another way", rename("plain", "../alias/settings.json"));
  say("rename in the other place", rename("../alias/settings.json", "../alias/moved"));
  say("exchange it", rename_with("plain", "settings.json", RENAME_EXCHANGE));
  say("exchange with it", rename_with("settings.json", "plain", RENAME_EXCHANGE));
  say("rename to its free name", rename_with("plain", "settings.json", RENAME_NOREPLACE));
  say("link to it", link("settings.json", "linked"));
  say("rmdir a mounted folder", rmdir(".git"));
  say("rmdir it by another way", rmdir("../alias/.git"));
  say("unlink a mounted folder", unlink(".git"));
  say("rename a mounted folder", rename(".git", "moved"));
  say("rename over a mounted folder", rename("empty", ".git"));
  say("exchange a mounted folder", rename_with("empty", ".git", RENAME_EXCHANGE));
  say("rename in a mounted folder", rename(".git/config", ".git/moved"));
  say("rmdir the folder of a mount", rmdir("above"));
  say("rename the folder of a mount", rename("above", "renamed"));
  say("rename it back", rename("renamed", "above"));
  say("exchange the folder of a mount", rename_with("above", "empty", RENAME_EXCHANGE));
  say("exchange it back", rename_with("above", "empty", RENAME_EXCHANGE));
  say("rmdir where it is", rmdir("."));
  say("rmdir the root", rmdir("/"));
  say("unlink the root", unlink("//"));
  say("rename the root", rename("/", "moved"));
  say("rename over the root", rename("plain", "/"));
  say("rename a file", rename("plain", "moved"));
  say("rename over a file", rename("moved", "other"));
  say("unlink a file", unlink("other"));
  say("rmdir a folder", rmdir("empty"));
}

static void mount_own(void) {
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("make mounts private");
  say("mount on a file", mount("settings.json", "own-file", NULL, MS_BIND, NULL));
  say("mount on a folder", mount(".git", "own-folder", NULL, MS_BIND, NULL));
}

static void use_own_mounts(void) {
  say("unlink its own", unlink("own-file"));
  say("rename its own", rename("own-file", "moved"));
  say("rmdir its own", rmdir("own-folder"));
  say("rename over its own", rename("empty", "own-folder"));
  say("exchange its own", rename_with("plain", "own-file", RENAME_EXCHANGE));
  say("umount its own", umount2("own-file", MNT_DETACH));
  say("unlink what was its own", unlink("own-file"));
}

static void have_own_mounts(int namespaces) {
  if (unshare(namespaces) < 0) fail("unshare");
  mount_own();
  use_own_mounts();
  use_mount_points();
}

// Back to /tmp through a folder of the interface.
static const char *through(const char *name, const char *end) {
  static char path[2][256];
  static unsigned next;
  char *own = path[next++ % 2];
  snprintf(own, sizeof path[0], "/proc/sys/net/ipv4/conf/%s/../../../../../../tmp/%s", name, end);
  return own;
}

static void use_names_of(const char *name) {
  printf("through %s\n", name);
  say("mkdir", mkdir(through(name, "folder"), 0755));
  say("mkdir again", mkdir(through(name, "folder"), 0755));
  say("mknod", mknod(through(name, "fifo"), S_IFIFO | 0644, 0));
  say("symlink", symlink("nowhere", through(name, "symlink")));
  say("chmod", chmod(through(name, "folder"), 0700));
  say("link", link(through(name, "fifo"), through(name, "linked")));
  say("rename", rename(through(name, "fifo"), through(name, "renamed")));
  say("unlink", unlink(through(name, "linked")));
  say("rmdir", rmdir(through(name, "folder")));
  unlink("/tmp/symlink");
  unlink("/tmp/renamed");
  char path[128];
  snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%s", name);
  say("mkdir of the interface", mkdir(path, 0755));
  say("rmdir of the interface", rmdir(path));
  say("chmod of the interface", chmod(path, 0755));
  if (chdir("/proc/sys/net/ipv4/conf") < 0) fail("change to the folder of interfaces");
  snprintf(path, sizeof path, "%s/forwarding", name);
  say("mkdir there", mkdir(name, 0755));
  say("mkdir of a setting", mkdir(path, 0755));
  say("link there", link(path, "linked"));
  // on one mount from there on
  if (chdir("/proc/sys") < 0) fail("change to the folder of settings");
  snprintf(path, sizeof path, "net/ipv4/conf/%s", name);
  say("mkdir from the settings", mkdir(path, 0755));
  snprintf(path, sizeof path, "net/ipv4/conf/%s/made", name);
  say("mkdir below, from the settings", mkdir(path, 0755));
  if (chdir("/") < 0) fail("go back");
}

static void mount_through(const char *name) {
  printf("through %s\n", name);
  say("mount", mount("none", through(name, "mounted"), "tmpfs", 0, NULL));
  say("umount", umount2(through(name, "mounted"), 0));
  say("mount of proc", mount("none", through(name, "mounted"), "proc", 0, NULL));
}

// The name of an interface may change while it is down.
static void name_loopback(void) {
  struct ifreq request = {.ifr_name = "lo", .ifr_newname = "own0"};
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ioctl(fd, SIOCSIFNAME, &request) < 0) fail("name an interface");
  close(fd);
}

// Runtimes make the other calls that open as well.
static int open_anew(const char *path, unsigned flags) {
  const struct open_how how = {.flags = flags};
  return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

enum { USER = 1000 };

static void become_user(const char *root, const char *folder) {
  if (chroot(root) < 0 || chdir(folder) < 0) fail("enter a root");
  if (setgid(USER) < 0 || setuid(USER) < 0) fail("become a user");
}

static void use_closed_root(void) {
  umask(0);
  if (mkdir("/tmp/root", 0700) < 0 || mkdir("/tmp/root/own", 0777) < 0) fail("make a root");
  const int file = open("/tmp/root/own/file", O_CREAT | O_RDWR | O_CLOEXEC, 0666);
  if (write(file, "text", 4) != 4) fail("write a file");
  become_user("/tmp/root", "/own");
  const int first = open_anew("file", O_RDONLY);
  say("open", first < 0 ? -1 : 0);
  say("open to truncate", open_anew("file", O_WRONLY | O_TRUNC) < 0 ? -1 : 0);
  struct stat found = {0};
  fstat(file, &found);
  printf("%ld bytes are left\n", (long)found.st_size);
  say("link", linkat(AT_FDCWD, "file", AT_FDCWD, "linked", AT_SYMLINK_FOLLOW));
  fstat(file, &found);
  printf("%ld names\n", (long)found.st_nlink);
  say("open by the root", open_anew("/own/file", O_RDONLY) < 0 ? -1 : 0);
}

static void use_inner_root(void) {
  umask(0);
  if (mkdir("/tmp/root", 0755) < 0 || mkdir("/tmp/root/own", 0777) < 0) fail("make a root");
  const int root = open("/tmp/root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int own = open("/tmp/root/own", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (chmod("/", 0700) < 0) fail("close the root");
  int ends[2];
  if (root < 0 || own < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0) fail("prepare");
  if (fork() != 0) {
    char wish = 0;
    if (read(ends[0], &wish, 1) == 1 && fchmod(root, 0700) == 0) (void)!write(ends[0], &wish, 1);
    wait(NULL);
    return;
  }
  if (setgid(USER) < 0 || setuid(USER) < 0 || unshare(CLONE_NEWUSER) < 0) fail("become a user");
  if (fchdir(root) < 0 || chroot(".") < 0) fail("enter a root");
  for (int time = 0; time < 3; time++) {
    char name[] = "made0";
    name[4] = (char)('0' + time);
    say("mkdir by a descriptor", mkdirat(own, name, 0755));
    say("open by the root", open_anew("/own", O_RDONLY | O_DIRECTORY) < 0 ? -1 : 0);
    say("open of none", open_anew("/none", O_RDONLY) < 0 ? -1 : 0);
    say("open above", open_anew("/../tmp", O_RDONLY) < 0 ? -1 : 0);
  }
  char wish = 1;
  if (write(ends[1], &wish, 1) != 1 || read(ends[1], &wish, 1) != 1) fail("ask for a closed root");
  for (int time = 0; time < 3; time++) {
    say("open by the closed root", open_anew("/own", O_RDONLY | O_DIRECTORY) < 0 ? -1 : 0);
    say("mkdir by the closed root", mkdir("/own/more", 0755));
  }
  exit(0);
}

// The number of the working directory is no descriptor. (Linux 6.13 takes it for one in fgetxattr
// and fsetxattr.)
static void use_no_descriptor(void) {
  char value[8];
  say("fchmod", fchmod(AT_FDCWD, 0700));
  say("fchown", fchown(AT_FDCWD, (uid_t)-1, (gid_t)-1));
  say("flistxattr", flistxattr(AT_FDCWD, value, sizeof value));
  say("fremovexattr", fremovexattr(AT_FDCWD, "user.any"));
}

static void use_own_root(void) {
  enum { GIVEN = 5 };
  umask(0);
  if (mkdir("/tmp/hidden", 0700) < 0 || mkdir("/tmp/root", 0755) < 0 ||
      mkdir("/tmp/root/own", 0777) < 0)
    fail("make a root");
  const int made = open("/tmp/hidden/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
  if (made < 0 || dup2(open("/tmp/hidden/file", O_RDONLY), GIVEN) < 0) fail("open a file");
  become_user("/tmp/root", "/own");
  say("open for writing", open_anew("/proc/self/fd/5", O_WRONLY) < 0 ? -1 : 0);
  say("link", linkat(AT_FDCWD, "/proc/self/fd/5", AT_FDCWD, "linked", AT_SYMLINK_FOLLOW));
  say("link to a new name", link("/own/none", "/proc/self/cwd/linked"));
  say("mkdir", mkdir("/proc/self/cwd/made", 0755));
  say("mkdir in the root", mkdir("/proc/thread-self/root/own/made", 0755));
  say("mkdir of the descriptor", mkdir("/proc/self/fd/5", 0755));
  say("chmod", chmod("/proc/self/fd/5", 0600));
  const int own = open("mine", O_CREAT | O_RDWR | O_CLOEXEC, 0666);
  say("fchmod", fchmod(own, 0600));
  say("fchown", fchown(own, (uid_t)-1, USER));
  say("fchmod of another's", fchmod(GIVEN, 0600));
  say("fchown of another's", fchown(GIVEN, USER, USER));
  say("fchmod of a path", fchmod(open("mine", O_PATH | O_CLOEXEC), 0600));
}

static void say_mode(const char *what, int fd) {
  struct stat found = {0};
  if (fstat(fd, &found) < 0) fail("look at a file");
  printf("%s %o\n", what, found.st_mode & 07777);
}

static void use_dev_links(void) {
  enum { FILE_FD = 5, FOLDER_FD = 6 };
  if (chdir("/tmp") < 0) fail("change to a folder");
  if (dup2(open("file", O_CREAT | O_RDWR, 0666), FILE_FD) < 0 || dup2(FILE_FD, STDIN_FILENO) < 0)
    fail("open a file");
  if (mkdir("folder", 0755) < 0 || dup2(open("folder", O_RDONLY), FOLDER_FD) < 0)
    fail("open a folder");
  say("chmod of stdin", chmod("/dev/stdin", 0611));
  say_mode("its mode is", FILE_FD);
  say("chown of stdin", chown("/dev/stdin", (uid_t)-1, USER));
  say("chmod of a descriptor", chmod("/dev/fd/5", 0622));
  say_mode("its mode is", FILE_FD);
  say("open", open_anew("/dev/fd/5", O_RDWR) < 0 ? -1 : 0);
  say("open to make", open_anew("/dev/stdin", O_WRONLY | O_CREAT) < 0 ? -1 : 0);
  say("open the link", open_anew("/dev/stdin", O_RDONLY | O_NOFOLLOW) < 0 ? -1 : 0);
  say("link", linkat(AT_FDCWD, "/dev/fd/5", AT_FDCWD, "linked", AT_SYMLINK_FOLLOW));
  say("mkdir in a folder", mkdir("/dev/fd/6/made", 0755));
  say("rename to a folder", rename("linked", "/dev/fd/6/renamed"));
  say("mkdir of a descriptor", mkdir("/dev/fd/5", 0755));
  say("mkdir of a link", mkdir("/dev/stdin", 0755));
  say("unlink of a descriptor", unlink("/dev/fd/5"));
  say("chmod of a closed one", chmod("/dev/fd/77", 0600));
  say("chown of the link", lchown("/dev/stdin", (uid_t)-1, USER));
  // from here on they lead elsewhere
  say("unlink of the link", unlink("/dev/stdin"));
  say("chmod of none", chmod("/dev/stdin", 0600));
  say("symlink", symlink("/tmp/folder", "/dev/stdin"));
  say("chmod of another", chmod("/dev/stdin", 0700));
  say_mode("its mode is", FOLDER_FD);
  say_mode("that of the file is", FILE_FD);
  say("rename of the link", rename("/dev/stdin", "/dev/renamed"));
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  const char *mode = argv[1];
  const bool is_of_names = strstr(mode, "names") != NULL;
  if (!is_of_names && chdir(argv[2]) < 0) fail("change to the folder");
  if (strcmp(mode, "mounts") == 0) {
    use_mount_points();
  } else if (strcmp(mode, "own-mounts") == 0) {
    have_own_mounts(CLONE_NEWNS);
  } else if (strcmp(mode, "closed-root") == 0) {
    use_no_descriptor();
    use_closed_root();
  } else if (strcmp(mode, "inner-root") == 0) {
    use_inner_root();
  } else if (strcmp(mode, "dev-links") == 0) {
    use_dev_links();
  } else if (strcmp(mode, "own-root") == 0) {
    use_own_root();
  } else if (strcmp(mode, "user-mounts") == 0) {
    have_own_mounts(CLONE_NEWUSER | CLONE_NEWNS);
  } else if (strcmp(mode, "own-names") == 0) {
    if (unshare(CLONE_NEWNET) < 0) fail("unshare");
    name_loopback();
    use_names_of("own0");
    use_names_of("lo");
    use_names_of(argv[2]);
  } else if (strcmp(mode, "mount-names") == 0) {
    mount_through(argv[2]);
    mount_through("lo");
  } else {
    use_names_of("lo");
    use_names_of(argv[2]);
  }
  return 0;
}
