// SPDX-License-Identifier: Apache-2.0
// Makes files below a directory that another thread, outside of the caller's root, exchanges for
// symbolic links, or moves out of the root and back, all the time.
//
// usage: link-flipper -s SOCKET [-n TRIES] [-m] [-g GRANTED] NAME FOLDER
//   -m   the directory is moved out of the root; else it is exchanged for links
//   -g   the handler may act in this folder of the root only: /p, or the directory itself, /p/c
//   NAME of all that is made; nothing of that name may be there
// FOLDER becomes a tmpfs with the caller's root, a mount of its own, in it. Prints `answer CALL
// ANSWER COUNT` for each answer, `inside COUNT`: how often a file came to be where it may, and
// `outside PATH` for each that came to be elsewhere.
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "container.h"

enum { LIFE_SECONDS = 600, ERRNOS = 4096 };

// Target of a link for a process that follows it from another root.
static const char *const links[] = {"/", "../../../../../../../..", "/proc/thread-self/root", "..",
                                    "/proc/thread-self/cwd"};
enum { LINKS = sizeof links / sizeof *links };

static struct {
  struct container container;
  int agent_fd;
  unsigned long tries;
  bool is_moved;
  const char *granted;
  const char *name;
  const char *folder;
} setup = {.tries = 1000};

static atomic_bool is_apart, is_over;
static unsigned long inside;
// Where nothing is granted.
static unsigned long beyond;
// Below the caller's root: p, which holds c; not by way of the root's own mount.
static int root_fd, parent_fd, directory_fd, outside_fd, top_fd;

// ---- the calls ----

static long make_node(const char *path) { return mknod(path, S_IFIFO | 0600, 0); }
static long make_link(const char *path) { return link("/p/file", path); }
static long make_symlink(const char *path) { return symlink("nothing", path); }
static long make_folder(const char *path) { return mkdir(path, 0700); }
static long move_there(const char *path) {
  close(open("/p/moving", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  return rename("/p/moving", path);
}
static long make_file(const char *path) {
  const int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd >= 0) close(fd);
  return fd < 0 ? -1 : 0;
}

static const struct {
  const char *name;
  long (*make)(const char *path);
} calls[] = {{"mkdir", make_folder}, {"mknod", make_node},   {"open", make_file},
             {"link", make_link},    {"rename", move_there}, {"symlink", make_symlink}};
enum { CALLS = sizeof calls / sizeof *calls };

static unsigned long answers[CALLS][ERRNOS];

static const long numbers[] = {
#ifdef __x86_64__
    SYS_mkdir,   SYS_mknod,   SYS_link,   SYS_symlink,   SYS_rename,
#endif
    SYS_mkdirat, SYS_mknodat, SYS_linkat, SYS_symlinkat, SYS_renameat2, SYS_openat,
};

static bool is_removed(int folder) {
  return unlinkat(folder, setup.name, 0) == 0 || unlinkat(folder, setup.name, AT_REMOVEDIR) == 0;
}

static void count_what_was_made(void) {
  const bool is_root_granted = setup.granted == NULL;
  const bool is_parent_granted = is_root_granted || strcmp(setup.granted, "/p") == 0;
  *(is_root_granted ? &inside : &beyond) += is_removed(root_fd);
  *(is_parent_granted ? &inside : &beyond) += is_removed(parent_fd);
  inside += is_removed(directory_fd);
}

// In the first thread, whose root is the container's for the agent.
static void call(void) {
  if (fchdir(root_fd) < 0 || chroot(".") < 0) fail("change the root");
  const int listener = load_filter(numbers, sizeof numbers / sizeof *numbers, false);
  send_listener(setup.agent_fd, listener, &setup.container);
  close(listener);
  close(setup.agent_fd);
  static const char *const starts[] = {"/p/c",          "p/c",    "p/c/k/..",
                                       "/p/c/../../..", "p/c/..", "/p/./c/k/../../../.."};
  enum { STARTS = sizeof starts / sizeof *starts };
  for (unsigned long i = 0; i < setup.tries; i++) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", starts[i / CALLS % STARTS], setup.name);
    const unsigned which = i % CALLS;
    answers[which][calls[which].make(path) == -1 ? errno : 0]++;
    count_what_was_made();
  }
  atomic_store(&is_over, true);
}

// ---- the other thread ----

static void flip(void) {
  char names[LINKS][16];
  for (int i = 0; i < LINKS; i++) {
    snprintf(names[i], sizeof names[i], "link-%d", i);
    if (symlinkat(links[i], parent_fd, names[i]) < 0) fail("make a link");
  }
  for (unsigned i = 0; !atomic_load(&is_over); i++) {
    const char *name = names[i % LINKS];
    renameat2(parent_fd, "c", parent_fd, name, RENAME_EXCHANGE);
    renameat2(parent_fd, "c", parent_fd, name, RENAME_EXCHANGE);
  }
}

static void move_out(void) {
  while (!atomic_load(&is_over)) {
    renameat(parent_fd, "c", outside_fd, "c");
    renameat(outside_fd, "c", parent_fd, "c");
  }
}

// ---- around it ----

static int folder_in(int parent, const char *name) {
  if (mkdirat(parent, name, 0755) < 0) fail("make a folder");
  const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail("open a folder");
  return fd;
}

static void prepare(void) {
  char root[PATH_MAX], proc[PATH_MAX + 8];
  if (unshare(CLONE_NEWNS) < 0) fail("make a mount namespace");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("make all mounts private");
  if (mount("tmpfs", setup.folder, "tmpfs", 0, "mode=755") < 0) fail("mount a tmpfs");
  top_fd = open(setup.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (top_fd < 0) fail("open the folder");
  outside_fd = folder_in(top_fd, "outside");
  const int below = folder_in(top_fd, "root");
  parent_fd = folder_in(below, "p");
  directory_fd = folder_in(parent_fd, "c");
  close(folder_in(directory_fd, "k"));
  close(folder_in(below, "proc"));
  close(openat(parent_fd, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  snprintf(root, sizeof root, "%s/root", setup.folder);
  if (mount(root, root, NULL, MS_BIND, NULL) < 0) fail("mount the root");
  snprintf(proc, sizeof proc, "%s/proc", root);
  if (mount("proc", proc, "proc", 0, NULL) < 0) fail("mount proc");
  root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root_fd < 0) fail("open the root");
}

static void look(int folder, const char *what) {
  struct stat found;
  if (fstatat(folder, setup.name, &found, AT_SYMLINK_NOFOLLOW) == 0) printf("outside %s\n", what);
}

static void look_outside(void) {
  static const char *const places[] = {"/", "/tmp", "/root", "/proc", "..", "../..", "."};
  if (fchdir(top_fd) < 0) fail("enter the folder");
  look(top_fd, "above the root");
  look(outside_fd, "beside the root");
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    const int fd = open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) fail(places[i]);
    look(fd, places[i]);
    close(fd);
  }
}

static void *change(void *unused) {
  // a root of its own, and not that of the other thread
  if (unshare(CLONE_FS) < 0) fail("have a root of its own");
  atomic_store(&is_apart, true);
  if (setup.is_moved)
    move_out();
  else
    flip();
  look_outside();
  return unused;
}

int main(int argc, char **argv) {
  for (int letter; (letter = getopt(argc, argv, "s:n:mg:")) != -1;) {
    if (letter == 's')
      setup.container.socket = optarg;
    else if (letter == 'n')
      setup.tries = strtoul(optarg, NULL, 10);
    else if (letter == 'm')
      setup.is_moved = true;
    else if (letter == 'g')
      setup.granted = optarg;
    else
      return 2;
  }
  if (optind + 2 != argc || setup.container.socket == NULL) return 2;
  setup.name = argv[optind];
  setup.folder = argv[optind + 1];
  alarm(LIFE_SECONDS);
  setup.agent_fd = connect_agent(setup.container.socket);
  prepare();
  pthread_t other;
  errno = pthread_create(&other, NULL, change, NULL);
  if (errno != 0) fail("start a thread");
  while (!atomic_load(&is_apart)) sched_yield();
  call();
  pthread_join(other, NULL);
  for (int which = 0; which < CALLS; which++) {
    for (int error = 0; error < ERRNOS; error++) {
      if (answers[which][error] > 0)
        printf("answer %s %s %lu\n", calls[which].name, answer_name(error), answers[which][error]);
    }
  }
  printf("inside %lu\n", inside);
  printf("beyond %lu\n", beyond);
  return 0;
}
