// SPDX-License-Identifier: Apache-2.0
// Functions that make containers of small C programs: a filter, a listener, an agent to hand it to.
#pragma once

#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define HELPER __attribute__((unused)) static

struct container {
  const char *socket;    // the agent socket
  const char *metadata;  // NULL: the key is absent, as without listenerMetadata
  const char *id;        // NULL: container-PID
  const char *bundle;    // the OCI bundle; NULL: one that is not there
  int pid;               // of its first process, for the agent; 0: that of who sends the listener
  bool wait_killable;
};

// Pid of this process for the agent, also from within a pid namespace of its own.
HELPER int pid_outside(void) {
  char text[16] = "";
  return readlink("/proc/self", text, sizeof text - 1) < 0 ? getpid() : atoi(text);
}

_Noreturn HELPER void fail(const char *what) {
  fprintf(stderr, "%s: cannot %s: %s\n", program_invocation_short_name, what, strerror(errno));
  exit(1);
}

HELPER uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

HELPER void sleep_ns(uint64_t ns) {
  struct timespec left = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
  while (nanosleep(&left, &left) < 0 && errno == EINTR) {
  }
}

// The name of an answer: OK, or the errno's.
HELPER const char *answer_name(int error) {
  const char *name = error == 0 ? "OK" : strerrorname_np(error);
  return name == NULL ? "UNKNOWN" : name;
}

// The errno, negated, of an agent that does not listen.
HELPER int try_to_connect_agent(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return -ENAMETOOLONG;
  strcpy(address.sun_path, path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("make a socket");
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  const int reason = errno;
  close(fd);
  return -reason;
}

HELPER int connect_agent(const char *path) {
  const int fd = try_to_connect_agent(path);
  if (fd >= 0) return fd;
  errno = -fd;
  fail("connect to the agent socket");
}

// As runtimes have it by default, see capabilities(7).
HELPER void keep_capabilities_of_containers(void) {
  static const int kept[] = {CAP_CHOWN,       CAP_DAC_OVERRIDE, CAP_FSETID,  CAP_FOWNER,
                             CAP_MKNOD,       CAP_NET_RAW,      CAP_SETGID,  CAP_SETUID,
                             CAP_SETFCAP,     CAP_SETPCAP,      CAP_KILL,    CAP_NET_BIND_SERVICE,
                             CAP_AUDIT_WRITE, CAP_SYS_CHROOT};
  uint64_t mask = 0;
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) mask |= UINT64_C(1) << kept[i];
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
    const bool is_kept = (mask >> capability & 1) != 0;
    if (!is_kept && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
      fail("leave the bounding set");
  }
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {0};
  for (int half = 0; half < 2; half++)
    data[half].effective = data[half].permitted = (uint32_t)(mask >> (32 * half));
  if (syscall(SYS_capset, &header, data) < 0) fail("give up Linux capabilities");
}

// Notifies these system calls of the native architecture.
HELPER int load_filter(const long *numbers, size_t count, bool wait_killable) {
  enum { MOST = 48 };
  struct sock_filter code[2 + 2 * MOST];
  unsigned short length = 0;
  if (count > MOST) abort();
  code[length++] =
      (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (size_t i = 0; i < count; i++) {
    code[length++] =
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)numbers[i], 0, 1);
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
  }
  code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  const struct sock_fprog program = {.len = length, .filter = code};
  unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
  if (wait_killable) flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  const long listener = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  if (listener < 0) fail("load the filter");
  return (int)listener;
}

HELPER void send_listener(int agent_fd, int listener, const struct container *container) {
  char own_id[32];
  const int pid = container->pid != 0 ? container->pid : pid_outside();
  snprintf(own_id, sizeof own_id, "container-%d", pid);
  // a JSON object, for whoever wants to be somebody to Kubernetes
  const char *annotations = getenv("TEST_ANNOTATIONS");
  char state[12288], metadata[8192] = "";
  if (container->metadata != NULL)
    snprintf(metadata, sizeof metadata, "\"metadata\":\"%s\",", container->metadata);
  const int length =
      snprintf(state, sizeof state,
               "{\"ociVersion\":\"1.2.0\",\"fds\":[\"seccompFd\"],\"pid\":%d,%s"
               "\"state\":{\"ociVersion\":\"1.2.0\",\"id\":\"%s\",\"status\":\"creating\","
               "\"pid\":%d,\"bundle\":\"%s\",\"annotations\":%s}}",
               pid, metadata, container->id != NULL ? container->id : own_id, pid,
               container->bundle != NULL ? container->bundle : "/bundle",
               annotations != NULL ? annotations : "{}");
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
                          .cmsg_level = SOL_SOCKET,
                          .cmsg_type = SCM_RIGHTS}};
  memcpy(CMSG_DATA(&control.header), &listener, sizeof listener);
  struct iovec data = {state, (size_t)length};
  const struct msghdr message = {.msg_iov = &data,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = sizeof control.bytes};
  if (sendmsg(agent_fd, &message, MSG_NOSIGNAL) != length) fail("send the state");
}

// Becomes a container whose calls of these numbers the agent answers. Gives a listener of our own,
// which keeps the filter's users from hanging when the agent goes: close it if that is not wanted.
HELPER int enter_container(const struct container *container, const long *numbers, size_t count) {
  const int agent_fd = connect_agent(container->socket);
  const int listener = load_filter(numbers, count, container->wait_killable);
  send_listener(agent_fd, listener, container);
  close(agent_fd);
  return listener;
}

HELPER long make_directory(const char *path) {
#ifdef __NR_mkdir
  return syscall(__NR_mkdir, path, 0755);
#else
  return syscall(__NR_mkdirat, -100L, path, 0755);
#endif
}

#ifdef __NR_mkdir
#define MAKE_DIRECTORY_NUMBER __NR_mkdir
#else
#define MAKE_DIRECTORY_NUMBER __NR_mkdirat
#endif
