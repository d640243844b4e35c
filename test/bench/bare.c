// SPDX-License-Identifier: Apache-2.0
// The floor that the agent is measured against: the least that answers a notification, in C.
//
// One thread, one epoll set, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP on each listener. Whatever is
// trapped gets the answer of -m:
//   errno      EBADMSG, nothing read
//   read       the path is read up to its NUL, the id is checked, then EBADMSG
//   success    0, nothing read and nothing done
//   continue   SECCOMP_USER_NOTIF_FLAG_CONTINUE
//   mkdir      a directory with -suffix behind its name, made with the caller's root, working
//              directory, groups, fs ids, Linux capabilities and umask; then 0 or its errno
//   inside     the same by a process that is in the caller's mount namespace and memory cgroup, and
//              answers the call itself; for one caller
//   open       a file opened in the same way by openat(2); then its descriptor or its errno
// Prints "ready" once runtimes can connect, and runs until it's killed or its parent ends.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_EVENTS = 64, BACKLOG = 4096, STATE_BYTES = 65536, READ_STEP_BYTES = 64 };

struct agent {
  enum {
    ANSWER_ERRNO,
    ANSWER_AFTER_READ,
    ANSWER_SUCCESS,
    ANSWER_CONTINUE,
    ANSWER_MKDIR,
    ANSWER_INSIDE,
    ANSWER_OPEN
  } answer;
  int socket, epoll;
  int own_root, own_cwd;
  int inside;  // of who acts; 0: not started
  struct seccomp_notif_sizes sizes;
  struct seccomp_notif *notification;
  struct seccomp_notif_resp *response;
  uintptr_t page_bytes;
  char path[PATH_MAX];
};

static void fail(const char *what) {
  fprintf(stderr, "bare: cannot %s: %s\n", what, strerror(errno));
  exit(1);
}

// ---- reading ----

static uintptr_t path_argument(const struct seccomp_data *data) {
#ifdef __NR_chmod
  if (data->nr == __NR_chmod || data->nr == __NR_mkdir) return data->args[0];
#endif
  return data->args[1];  // fchmodat, mkdirat: where there is no chmod
}

// Reads a string of the caller, never touching a page it doesn't reach into: 0 or an errno.
static int read_path(struct agent *agent, pid_t target_tid, uintptr_t address) {
  size_t length = 0;
  while (length < sizeof agent->path) {
    const uintptr_t from = address + length;
    const size_t to_page_end = agent->page_bytes - from % agent->page_bytes;
    const size_t step = to_page_end < READ_STEP_BYTES ? to_page_end : READ_STEP_BYTES;
    const size_t room = sizeof agent->path - length;
    struct iovec local = {agent->path + length, step < room ? step : room};
    struct iovec remote = {(void *)from, local.iov_len};
    const ssize_t got = process_vm_readv(target_tid, &local, 1, &remote, 1, 0);
    if (got <= 0) return EFAULT;
    if (memchr(local.iov_base, '\0', (size_t)got) != NULL) return 0;
    length += (size_t)got;
  }
  return ENAMETOOLONG;
}

// ---- acting as the caller ----

enum { MOST_GROUPS = 64 };
static const char suffix[] = "-suffix";

struct credentials {
  unsigned uid, gid, umask, groups[MOST_GROUPS];
  size_t group_count;
  uint64_t capabilities;
};

static int open_of(pid_t target_tid, const char *what, int flags) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", target_tid, what);
  return open(path, flags | O_CLOEXEC);
}

static const char *field_of(const char *status, const char *name) {
  const char *at = strstr(status, name);
  return at == NULL ? "" : at + strlen(name);
}

static int read_credentials(pid_t target_tid, struct credentials *credentials) {
  static char status[16384];
  const int fd = open_of(target_tid, "status", O_RDONLY);
  if (fd < 0) return errno;
  const ssize_t length = read(fd, status, sizeof status - 1);
  close(fd);
  if (length <= 0) return EIO;
  status[length] = '\0';
  unsigned real, effective, saved;
  if (sscanf(field_of(status, "\nUid:"), "%u %u %u %u", &real, &effective, &saved,
             &credentials->uid) != 4 ||
      sscanf(field_of(status, "\nGid:"), "%u %u %u %u", &real, &effective, &saved,
             &credentials->gid) != 4)
    return EIO;
  credentials->umask = (unsigned)strtoul(field_of(status, "\nUmask:"), NULL, 8);
  credentials->capabilities = strtoull(field_of(status, "\nCapEff:"), NULL, 16);
  credentials->group_count = 0;
  const char *at = field_of(status, "\nGroups:");
  for (char *end; credentials->group_count < MOST_GROUPS; at = end) {
    while (*at == ' ' || *at == '\t') at++;
    const unsigned long group = strtoul(at, &end, 10);
    if (end == at) break;
    credentials->groups[credentials->group_count++] = (unsigned)group;
  }
  return 0;
}

static void set_capabilities(uint64_t wanted) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) < 0) fail("read our Linux capabilities");
  data[0].effective = (unsigned)wanted & data[0].permitted;
  data[1].effective = (unsigned)(wanted >> 32) & data[1].permitted;
  if (syscall(SYS_capset, &header, data) < 0) fail("set our Linux capabilities");
}

static void enter(int root, int cwd) {
  if (fchdir(root) < 0 || chroot(".") < 0 || fchdir(cwd) < 0) fail("enter a root");
}

static int make_directory(const char *path, mode_t mode) {
  char parent[PATH_MAX];
  strcpy(parent, path);
  char *name = strrchr(parent, '/');
  const char *folder = name == parent ? "/" : parent;
  if (name == NULL) return EINVAL;
  *name = '\0';
  const struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                               .resolve = RESOLVE_NO_MAGICLINKS};
  const int fd = (int)syscall(SYS_openat2, AT_FDCWD, folder, &how, sizeof how);
  if (fd < 0) return errno;
  const int error = mkdirat(fd, name + 1, mode) < 0 ? errno : 0;
  close(fd);
  return error;
}

// Where it acts, and as whom.
struct target {
  int root, cwd;
  struct credentials credentials;
};

// Where relative paths start.
static int open_base(pid_t tid, const struct seccomp_data *data) {
  char what[32] = "cwd";
  const int dirfd = (int)data->args[0];
  if (data->nr == SYS_openat && dirfd != AT_FDCWD) snprintf(what, sizeof what, "fd/%d", dirfd);
  return open_of(tid, what, O_PATH | O_DIRECTORY);
}

// Reads the path, too. False: the call is gone.
static bool find_target(struct agent *agent, int listener, struct target *target, int *error) {
  const struct seccomp_notif *notification = agent->notification;
  const pid_t tid = (pid_t)notification->pid;
  const int path_error = read_path(agent, tid, path_argument(&notification->data));
  target->root = open_of(tid, "root", O_PATH | O_DIRECTORY);
  target->cwd = open_base(tid, &notification->data);
  const int credentials_error = read_credentials(tid, &target->credentials);
  *error = path_error != 0 ? path_error : credentials_error;
  if (target->root < 0 || target->cwd < 0) *error = EIO;
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &notification->id) == 0;
}

static void forget_target(const struct target *target) {
  if (target->root >= 0) close(target->root);
  if (target->cwd >= 0) close(target->cwd);
}

// Raw calls: of this thread, and each needs what the last one takes away.
static void become(const struct target *target) {
  const struct credentials *credentials = &target->credentials;
  enter(target->root, target->cwd);
  syscall(SYS_setgroups, credentials->group_count, credentials->groups);
  syscall(SYS_setfsgid, credentials->gid);
  syscall(SYS_setfsuid, credentials->uid);
  set_capabilities(credentials->capabilities);
  umask(credentials->umask);
}

static void come_back(const struct agent *agent) {
  umask(0);
  set_capabilities(~UINT64_C(0));
  syscall(SYS_setfsuid, 0);
  syscall(SYS_setfsgid, 0);
  syscall(SYS_setgroups, 0, NULL);
  enter(agent->own_root, agent->own_cwd);
}

// False: the call is gone.
static bool mkdir_as_caller(struct agent *agent, int listener, int *error) {
  const struct seccomp_notif *notification = agent->notification;
  const uint64_t mode = notification->data.args[notification->data.nr == SYS_mkdirat ? 2 : 1];
  struct target target;
  const bool is_valid = find_target(agent, listener, &target, error);
  if (strlen(agent->path) + sizeof suffix > sizeof agent->path) *error = ENAMETOOLONG;
  if (is_valid && *error == 0) {
    strcat(agent->path, suffix);
    become(&target);
    *error = make_directory(agent->path, (mode_t)mode);
    come_back(agent);
  }
  forget_target(&target);
  return is_valid;
}

// ---- acting from the inside ----

struct order {
  uint64_t id, capabilities;
  unsigned mode, umask;
  char path[PATH_MAX];
};
enum { LISTENER, ROOT, CWD, ORDER_FDS };
union order_control {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(ORDER_FDS * sizeof(int))];
};

static void join_memory_cgroup(pid_t tid) {
  char line[PATH_MAX + 64], path[2 * PATH_MAX] = "";
  snprintf(path, sizeof path, "/proc/%d/cgroup", tid);
  FILE *file = fopen(path, "re");
  if (file == NULL) fail("read a cgroup");
  path[0] = '\0';
  while (fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    char *const controller = strchr(line, ':'), *const of = controller ? strchr(controller + 1, ':') : NULL;
    if (of == NULL) continue;
    *of = '\0';
    if (strcmp(controller + 1, "memory") == 0)
      snprintf(path, sizeof path, "/sys/fs/cgroup/memory%s/cgroup.procs", of + 1);
    else if (controller[1] == '\0' && path[0] == '\0')
      snprintf(path, sizeof path, "/sys/fs/cgroup%s/cgroup.procs", of + 1);
  }
  fclose(file);
  const int procs = open(path, O_WRONLY | O_CLOEXEC);
  if (procs < 0 || write(procs, "0", 1) != 1) fail("join a cgroup");
  close(procs);
}

_Noreturn static void serve_inside(const struct agent *agent, int orders, pid_t tid,
                                   const struct credentials *credentials) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  join_memory_cgroup(tid);
  const int mounts = open_of(tid, "ns/mnt", O_RDONLY);
  if (mounts < 0 || setns(mounts, CLONE_NEWNS) < 0) fail("enter a mount namespace");
  close(mounts);
  enum { KEEP_CAPS = 1 << 4, NO_SETUID_FIXUP = 1 << 2 };
  if (prctl(PR_SET_SECUREBITS, KEEP_CAPS | NO_SETUID_FIXUP) < 0) fail("keep Linux capabilities");
  syscall(SYS_setgroups, credentials->group_count, credentials->groups);
  if (syscall(SYS_setresgid, credentials->gid, credentials->gid, credentials->gid) < 0 ||
      syscall(SYS_setresuid, credentials->uid, credentials->uid, credentials->uid) < 0) {
    fail("become the caller");
  }
  static struct order order;
  for (;;) {
    union order_control control;
    struct iovec data = {&order, sizeof order};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    if (recvmsg(orders, &message, MSG_CMSG_CLOEXEC) <= 0) exit(0);
    int fds[ORDER_FDS];
    memcpy(fds, CMSG_DATA(&control.header), sizeof fds);
    set_capabilities(~UINT64_C(0));
    enter(fds[ROOT], fds[CWD]);
    set_capabilities(order.capabilities);
    umask(order.umask);
    const bool is_valid = ioctl(fds[LISTENER], SECCOMP_IOCTL_NOTIF_ID_VALID, &order.id) == 0;
    const int error = is_valid ? make_directory(order.path, order.mode) : 0;
    close(fds[ROOT]);
    close(fds[CWD]);
    memset(agent->response, 0, agent->sizes.seccomp_notif_resp);
    agent->response->id = order.id;
    agent->response->error = -error;
    if (is_valid && ioctl(fds[LISTENER], SECCOMP_IOCTL_NOTIF_SEND, agent->response) < 0 &&
        errno != ENOENT) {
      fail("answer");
    }
    close(fds[LISTENER]);
  }
}

static void start_inside(struct agent *agent, pid_t tid, const struct credentials *credentials) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) fail("make a socket pair");
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    close(ends[0]);
    serve_inside(agent, ends[1], tid, credentials);
  }
  close(ends[1]);
  agent->inside = ends[0];
}

// False: it has the call, or the call is gone.
static bool mkdir_inside(struct agent *agent, int listener, int *error) {
  const struct seccomp_notif *notification = agent->notification;
  struct target target;
  bool is_due = find_target(agent, listener, &target, error);
  if (strlen(agent->path) + sizeof suffix > sizeof agent->path) *error = ENAMETOOLONG;
  if (is_due && *error == 0) {
    if (agent->inside == 0)
      start_inside(agent, (pid_t)notification->pid, &target.credentials);
    static struct order order;
    order.id = notification->id;
    order.capabilities = target.credentials.capabilities;
    order.mode = (unsigned)notification->data.args[notification->data.nr == SYS_mkdirat ? 2 : 1];
    order.umask = target.credentials.umask;
    snprintf(order.path, sizeof order.path, "%s%s", agent->path, suffix);
    union order_control control = {.header = {.cmsg_len = CMSG_LEN(ORDER_FDS * sizeof(int)),
                                              .cmsg_level = SOL_SOCKET,
                                              .cmsg_type = SCM_RIGHTS}};
    const int fds[ORDER_FDS] = {listener, target.root, target.cwd};
    memcpy(CMSG_DATA(&control.header), fds, sizeof fds);
    struct iovec data = {&order, offsetof(struct order, path) + strlen(order.path) + 1};
    const struct msghdr message = {.msg_iov = &data,
                                   .msg_iovlen = 1,
                                   .msg_control = control.bytes,
                                   .msg_controllen = sizeof control.bytes};
    if (sendmsg(agent->inside, &message, MSG_NOSIGNAL) < 0) fail("send an order");
    is_due = false;
  }
  forget_target(&target);
  return is_due;
}

// False: the call is gone, or was answered with the descriptor.
static bool open_as_caller(struct agent *agent, int listener, int *error) {
  const struct seccomp_notif *notification = agent->notification;
  struct target target;
  bool is_due = find_target(agent, listener, &target, error);
  if (is_due && *error == 0) {
    const uint64_t flags = notification->data.args[2] & 0xffffffffu;
    const bool is_made = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    const struct open_how how = {.flags = flags,
                                 .mode = is_made ? notification->data.args[3] & 07777 : 0,
                                 .resolve = RESOLVE_NO_MAGICLINKS};
    become(&target);
    const int fd = (int)syscall(SYS_openat2, AT_FDCWD, agent->path, &how, sizeof how);
    *error = fd < 0 ? errno : 0;
    come_back(agent);
    if (fd >= 0) {
      struct seccomp_notif_addfd given = {.id = notification->id,
                                          .flags = SECCOMP_ADDFD_FLAG_SEND,
                                          .srcfd = (unsigned)fd,
                                          .newfd_flags = flags & O_CLOEXEC};
      if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &given) < 0 && errno != ENOENT)
        fail("give a descriptor");
      close(fd);
      is_due = false;
    }
  }
  forget_target(&target);
  return is_due;
}

// ---- answering ----

static void answer(struct agent *agent, int listener) {
  struct seccomp_notif *notification = agent->notification;
  memset(notification, 0, agent->sizes.seccomp_notif);
  // ENOENT: the caller is gone. If all users are, the next epoll_wait says so.
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, notification) < 0) return;

  struct seccomp_notif_resp *response = agent->response;
  memset(response, 0, agent->sizes.seccomp_notif_resp);
  response->id = notification->id;
  switch (agent->answer) {
    case ANSWER_ERRNO:
      response->error = -EBADMSG;
      break;
    case ANSWER_AFTER_READ: {
      const int error =
          read_path(agent, (pid_t)notification->pid, path_argument(&notification->data));
      if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &notification->id) < 0) return;
      response->error = -(error != 0 ? error : EBADMSG);
      break;
    }
    case ANSWER_MKDIR: {
      int error;
      if (!mkdir_as_caller(agent, listener, &error)) return;
      response->error = -error;
      break;
    }
    case ANSWER_INSIDE: {
      int error;
      if (!mkdir_inside(agent, listener, &error)) return;
      response->error = -error;
      break;
    }
    case ANSWER_OPEN: {
      int error;
      // the kernel installs no such descriptor
      if ((notification->data.args[2] & O_PATH) != 0) {
        response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        break;
      }
      if (!open_as_caller(agent, listener, &error)) return;
      response->error = -error;
      break;
    }
    case ANSWER_SUCCESS:
      break;
    case ANSWER_CONTINUE:
      response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
      break;
  }
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, response) < 0 && errno != ENOENT) fail("answer");
}

// ---- taking listeners ----

static void watch(const struct agent *agent, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(agent->epoll, EPOLL_CTL_ADD, fd, &event) < 0) fail("watch an fd");
}

static int receive_listener(int connection) {
  static char state[STATE_BYTES];
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  struct iovec data = {state, sizeof state};
  struct msghdr message = {.msg_iov = &data,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  if (recvmsg(connection, &message, MSG_CMSG_CLOEXEC) <= 0) return -1;
  const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header == NULL || header->cmsg_type != SCM_RIGHTS) return -1;
  int listener;
  memcpy(&listener, CMSG_DATA(header), sizeof listener);
  return listener;
}

static void take_listener(const struct agent *agent) {
  const int connection = accept4(agent->socket, NULL, NULL, SOCK_CLOEXEC);
  if (connection < 0) fail("accept");
  const struct timeval patience = {.tv_sec = 1};
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const int listener = receive_listener(connection);
  close(connection);
  if (listener < 0) return;
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) < 0)
    fail("set SYNC_WAKE_UP");
  watch(agent, listener);
}

static void run(struct agent *agent) {
  struct epoll_event events[MAX_EVENTS];
  for (;;) {
    const int count = epoll_wait(agent->epoll, events, MAX_EVENTS, -1);
    for (int i = 0; i < count; i++) {
      const int fd = events[i].data.fd;
      if (fd == agent->socket)
        take_listener(agent);
      else if ((events[i].events & EPOLLIN) != 0)
        answer(agent, fd);
      else
        close(fd);  // EPOLLHUP: nobody uses the filter any more
    }
  }
}

static int listen_at(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    fail("use the socket's path");
  }
  strcpy(address.sun_path, path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("bind the socket");
  if (listen(fd, BACKLOG) < 0) fail("listen");
  return fd;
}

int main(int argc, char **argv) {
  const char *path = NULL;
  static struct agent agent;
  bool is_valid = true;
  for (int letter; (letter = getopt(argc, argv, "s:m:")) != -1;) {
    if (letter == 's')
      path = optarg;
    else if (letter == 'm' && strcmp(optarg, "errno") == 0)
      agent.answer = ANSWER_ERRNO;
    else if (letter == 'm' && strcmp(optarg, "read") == 0)
      agent.answer = ANSWER_AFTER_READ;
    else if (letter == 'm' && strcmp(optarg, "success") == 0)
      agent.answer = ANSWER_SUCCESS;
    else if (letter == 'm' && strcmp(optarg, "continue") == 0)
      agent.answer = ANSWER_CONTINUE;
    else if (letter == 'm' && strcmp(optarg, "mkdir") == 0)
      agent.answer = ANSWER_MKDIR;
    else if (letter == 'm' && strcmp(optarg, "inside") == 0)
      agent.answer = ANSWER_INSIDE;
    else if (letter == 'm' && strcmp(optarg, "open") == 0)
      agent.answer = ANSWER_OPEN;
    else
      is_valid = false;
  }
  if (!is_valid || path == NULL || optind != argc) {
    fprintf(stderr, "usage: bare -s SOCKET [-m errno|read|success|continue|mkdir|inside|open]\n");
    return 2;
  }

  prctl(PR_SET_PDEATHSIG, SIGKILL);
  agent.page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
  if (syscall(__NR_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &agent.sizes) < 0) fail("ask the sizes");
  agent.notification = calloc(1, agent.sizes.seccomp_notif);
  agent.response = calloc(1, agent.sizes.seccomp_notif_resp);
  if (agent.notification == NULL || agent.response == NULL) fail("allocate");
  agent.own_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  agent.own_cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (agent.own_root < 0 || agent.own_cwd < 0) fail("open our own root");
  agent.epoll = epoll_create1(EPOLL_CLOEXEC);
  if (agent.epoll < 0) fail("make an epoll set");
  agent.socket = listen_at(path);
  watch(&agent, agent.socket);
  puts("ready");
  fflush(stdout);
  run(&agent);
}
