// SPDX-License-Identifier: Apache-2.0
// Makes device nodes on a nodev file system while other threads exchange the directory for a link
// that leads out, and the node for a file.
//
// usage: node-racer -s SOCKET [-n CALLS] INSIDE OUTSIDE
// INSIDE becomes a tmpfs and the root of the program, which must not have CAP_MKNOD; links lead to
// OUTSIDE by the path that it has for others.
// Prints `answer ANSWER COUNT` for each answer, `opened COUNT` for nodes that open, `outside COUNT`
// for what is in OUTSIDE and `misplaced COUNT` for mounts on top of what is no node.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "container.h"

enum { LIFE_SECONDS = 150, ERRNOS = 4096, PAUSE_NS = 100000 };

static atomic_bool is_over;
// Held while names have to stay.
static pthread_mutex_t names = PTHREAD_MUTEX_INITIALIZER;

static void exchange(const char *one, const char *other) {
  syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
}

static void *exchange_folder(void *unused) {
  while (!atomic_load(&is_over)) {
    exchange("/parent", "/link");
    sleep_ns(PAUSE_NS);
  }
  return unused;
}

static void *exchange_node(void *unused) {
  while (!atomic_load(&is_over)) {
    pthread_mutex_lock(&names);
    exchange("/parent/node", "/parent/file");
    pthread_mutex_unlock(&names);
    sleep_ns(PAUSE_NS);
  }
  return unused;
}

static void make_root(const char *inside, const char *outside) {
  if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
      mount("none", inside, "tmpfs", MS_NODEV, NULL) < 0 || chroot(inside) < 0 || chdir("/") < 0)
    fail("make a root");
  if (mkdir("/parent", 0755) < 0 || symlink(outside, "/link") < 0) fail("fill the root");
}

static int call(int folder, unsigned long *opened, unsigned long *misplaced) {
  const long made = mknodat(AT_FDCWD, "/parent/node", S_IFCHR | 0666, makedev(1, 3));
  const int error = made < 0 ? errno : 0;
  pthread_mutex_lock(&names);
  static const char *const both[] = {"node", "file"};
  for (int i = 0; i < 2; i++) {
    const int node = openat(folder, both[i], O_RDONLY | O_NOFOLLOW);
    struct stat status;
    if (node >= 0 && fstat(node, &status) == 0 && S_ISCHR(status.st_mode)) ++*opened;
    if (node >= 0) close(node);
  }
  for (int i = 0; i < 2; i++) {
    struct stat status;
    if (umount2(both[i], MNT_DETACH | UMOUNT_NOFOLLOW) == 0 &&
        fstatat(folder, both[i], &status, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISCHR(status.st_mode))
      ++*misplaced;
    unlinkat(folder, both[i], 0);
  }
  const int file = openat(folder, "file", O_CREAT | O_WRONLY, 0644);
  if (file >= 0) close(file);
  pthread_mutex_unlock(&names);
  return error;
}

static unsigned long count_entries(int folder) {
  DIR *entries = fdopendir(folder);
  if (entries == NULL) fail("read a folder");
  unsigned long count = 0;
  while (readdir(entries) != NULL) count++;
  closedir(entries);
  return count - 2;
}

int main(int argc, char **argv) {
  struct container container = {.wait_killable = true};
  unsigned long calls = 1000;
  for (int letter; (letter = getopt(argc, argv, "s:n:")) != -1;) {
    if (letter == 's')
      container.socket = optarg;
    else if (letter == 'n')
      calls = strtoul(optarg, NULL, 10);
    else
      return 2;
  }
  if (container.socket == NULL || optind + 2 != argc) return 2;
  alarm(LIFE_SECONDS);
  const int outside = open(argv[optind + 1], O_RDONLY | O_DIRECTORY);
  if (outside < 0) fail("open OUTSIDE");
  if (prctl(PR_CAPBSET_READ, CAP_MKNOD) != 0) return 2;
  static const long numbers[] = {SYS_mknodat};
  // the socket has no path in the new root
  close(enter_container(&container, numbers, 1));
  make_root(argv[optind], argv[optind + 1]);

  // whatever its name is, this one stays the same
  const int folder = open("/parent", O_RDONLY | O_DIRECTORY);
  if (folder < 0 || fchdir(folder) < 0) fail("open the folder");
  pthread_t threads[2];
  if (pthread_create(&threads[0], NULL, exchange_folder, NULL) != 0 ||
      pthread_create(&threads[1], NULL, exchange_node, NULL) != 0)
    fail("start threads");
  static unsigned long answers[ERRNOS];
  unsigned long opened = 0, misplaced = 0;
  for (unsigned long i = 0; i < calls; i++) answers[call(folder, &opened, &misplaced)]++;
  atomic_store(&is_over, true);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  for (int error = 0; error < ERRNOS; error++) {
    if (answers[error] > 0) printf("answer %s %lu\n", answer_name(error), answers[error]);
  }
  printf("opened %lu\noutside %lu\nmisplaced %lu\n", opened, count_entries(outside), misplaced);
  return 0;
}
