// SPDX-License-Identifier: Apache-2.0
// The children that act inside a container. Between their start and their end they make raw
// system calls only; everything they need is prepared before.
#include "operation.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <atomic>
#include <cstring>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "child.h"
#include "raw_syscall.h"

namespace seccompagent {
namespace {

// How long a killed one may take to die.
constexpr int kDyingMs = 1000;
constexpr std::uint64_t kSysAdmin = 1ULL << CAP_SYS_ADMIN;

std::atomic<bool> pidns_option_is_refused = false;

// One makes a proc mount, one opens the mount point.
constexpr int kInnerChildren = 2;

struct RawOption {
  const char* key;
  const char* value;
};

// Everything a child reads and writes; it lives until the child has ended.
struct Job {
  const Target* target = nullptr;
  const char* path = nullptr;

  const char* type = nullptr;
  std::vector<RawOption> options;
  std::uint32_t attributes = 0;
  bool is_proc = false;
  bool may_use_pidns = true;
  int mount_fd = -1;
  int mount_point_fd = -1;
  bool may_enter_pid_namespace = false;
  void* inner_stack_top = nullptr;
  // Children of the child, made as ours: only we reap them, so the ids stay theirs. Written by
  // clone.
  pid_t inner_pids[kInnerChildren] = {};
  int inner_count = 0;

  Outcome outcome;
  // Whoever may send signals to the child can end it early: without this nothing it wrote counts.
  bool is_complete = false;
};

bool failed(long result) { return result < 0; }

// Our own failure, at a named step.
SECCOMPAGENT_CHILD_CODE bool broke(Job& job, const char* step, long result) {
  if (!failed(result)) return false;
  job.outcome.failed_step = step;
  job.outcome.failure = static_cast<int>(-result);
  return true;
}

// The caller's own error.
SECCOMPAGENT_CHILD_CODE bool refused(Job& job, long result) {
  if (!failed(result)) return false;
  job.outcome.answer = static_cast<int>(-result);
  return true;
}

SECCOMPAGENT_CHILD_CODE bool is_gone(Job& job) {
  const CallId& call = job.target->call;
  std::uint64_t id = call.id;
  if (!failed(raw_syscall(SYS_ioctl, call.listener, static_cast<long>(call.id_valid_request),
                          raw_pointer(&id)))) {
    return false;
  }
  job.outcome.is_gone = true;
  return true;
}

// Mount namespace, root and working directory.
SECCOMPAGENT_CHILD_CODE bool enter_container(Job& job) {
  const Target& target = *job.target;
  if (target.mount_namespace.is_open() &&
      broke(job, "setns of the mount namespace",
            raw_syscall(SYS_setns, target.mount_namespace.get(), CLONE_NEWNS))) {
    return false;
  }
  return !broke(job, "fchdir to the root", raw_syscall(SYS_fchdir, target.root.get())) &&
         !broke(job, "chroot", raw_syscall(SYS_chroot, raw_pointer("."))) &&
         !broke(job, "fchdir to the base", raw_syscall(SYS_fchdir, target.base.get()));
}

// Keeps those of the wanted Linux capabilities that we have, and no others.
SECCOMPAGENT_CHILD_CODE bool set_capabilities(Job& job, std::uint64_t wanted) {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  if (broke(job, "capget", raw_syscall(SYS_capget, raw_pointer(&header), raw_pointer(data)))) {
    return false;
  }
  for (int half = 0; half < 2; ++half) {
    const auto kept = static_cast<std::uint32_t>(wanted >> (32 * half)) & data[half].permitted;
    data[half].effective = kept;
    data[half].permitted = kept;
    data[half].inheritable = 0;
  }
  return !broke(job, "capset", raw_syscall(SYS_capset, raw_pointer(&header), raw_pointer(data)));
}

SECCOMPAGENT_CHILD_CODE bool take_groups(Job& job) {
  const auto& groups = job.target->credentials.groups;
  return !broke(
      job, "setgroups",
      raw_syscall(SYS_setgroups, static_cast<long>(groups.size()), raw_pointer(groups.data())));
}

// What the caller names by /proc/self/fd must not be ours: a child has copies of all descriptors of
// the agent. Only the listener, the two ends of a mount and the user namespace are still needed.
SECCOMPAGENT_CHILD_CODE bool close_others(Job& job) {
  int kept[] = {job.target->call.listener, job.mount_fd, job.mount_point_fd,
                job.target->user_namespace.get()};
  constexpr int kKept = 4;
  for (int first = 0; first < kKept; ++first) {
    for (int second = first + 1; second < kKept; ++second) {
      if (kept[second] >= kept[first]) continue;
      const int swapped = kept[first];
      kept[first] = kept[second];
      kept[second] = swapped;
    }
  }
  unsigned from = 0;
  for (const int fd : kept) {
    if (fd < 0) continue;
    const auto until = static_cast<unsigned>(fd);
    if (until > from && broke(job, "close_range", raw_syscall(SYS_close_range, from, until - 1)))
      return false;
    from = until + 1;
  }
  return !broke(job, "close_range", raw_syscall(SYS_close_range, from, ~0U));
}

// Ids, groups, user namespace, Linux capabilities and umask of the caller, for good.
SECCOMPAGENT_CHILD_CODE bool become_caller(Job& job) {
  const Target& target = *job.target;
  const UserIds& uid = target.credentials.uid;
  const UserIds& gid = target.credentials.gid;
  // without the fix-up, changing ids leaves the Linux capabilities that the next steps need
  if (broke(job, "prctl of the securebits",
            raw_syscall(SYS_prctl, PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP)) ||
      !take_groups(job) ||
      broke(job, "setresgid", raw_syscall(SYS_setresgid, gid.real, gid.effective, gid.saved)) ||
      broke(job, "setresuid", raw_syscall(SYS_setresuid, uid.real, uid.effective, uid.saved))) {
    return false;
  }
  raw_syscall(SYS_setfsgid, gid.fs);
  raw_syscall(SYS_setfsuid, uid.fs);
  if (target.user_namespace.is_open() &&
      broke(job, "setns of the user namespace",
            raw_syscall(SYS_setns, target.user_namespace.get(), CLONE_NEWUSER))) {
    return false;
  }
  if (!set_capabilities(job, target.credentials.effective_capabilities)) return false;
  raw_syscall(SYS_umask, target.credentials.umask);
  // A change of credentials clears the first, and where fs.suid_dumpable is 1 it undoes the second,
  // for the memory that we share.
  raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
  raw_syscall(SYS_prctl, PR_SET_DUMPABLE, 0);
  return true;
}

SECCOMPAGENT_CHILD_CODE bool has_ended(const Job& job) {
  return job.outcome.failed_step != nullptr || job.outcome.answer != 0 || job.outcome.is_gone;
}

// A further child of a child, sharing its descriptors too; the starting child waits for its end by
// vfork's rule. `made` is the descriptor that it is to bring.
SECCOMPAGENT_CHILD_CODE void run_inner_child(Job& job, ChildMain main, const int& made) {
  pid_t* const inner_pid = &job.inner_pids[job.inner_count++];
  // clone(3) writes errno only where it fails, and the thread it belongs to only polls meanwhile
  const pid_t pid = clone(main, job.inner_stack_top,
                          CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_PARENT | CLONE_PARENT_SETTID,
                          &job, inner_pid);
  if (broke(job, "clone", pid == -1 ? -EAGAIN : 0)) return;
  if (!has_ended(job)) (void)broke(job, "end of the inner child", made < 0 ? -EINTR : 0);
}

// The mount point, opened with the caller's own rights.
SECCOMPAGENT_CHILD_CODE int mount_point_child(void* argument) {
  Job& job = *static_cast<Job*>(argument);
  if (!become_caller(job)) return 0;
  const long fd =
      raw_syscall(SYS_openat, AT_FDCWD, raw_pointer(job.path), O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (!refused(job, fd)) job.mount_point_fd = static_cast<int>(fd);
  return 0;
}

SECCOMPAGENT_CHILD_CODE bool configure(Job& job, long context, unsigned command, const char* key,
                                       const char* value, int auxiliary) {
  return !refused(job, raw_syscall(SYS_fsconfig, context, command, raw_pointer(key),
                                   raw_pointer(value), auxiliary));
}

// Makes the detached mount from an open file system context.
SECCOMPAGENT_CHILD_CODE void make_mount(Job& job, long context) {
  for (const RawOption& option : job.options) {
    const unsigned command = option.value == nullptr ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    if (!configure(job, context, command, option.key, option.value, 0)) return;
  }
  if (!configure(job, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0)) return;
  const long fd = raw_syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, job.attributes);
  if (!refused(job, fd)) job.mount_fd = static_cast<int>(fd);
}

SECCOMPAGENT_CHILD_CODE int new_mount_child(void* argument) {
  Job& job = *static_cast<Job*>(argument);
  const long context = raw_syscall(SYS_fsopen, raw_pointer(job.type), FSOPEN_CLOEXEC);
  if (!refused(job, context)) make_mount(job, context);
  return 0;
}

// proc shows the pid namespace of whoever makes it. Linux 6.18 takes the namespace as an option;
// before, only a process inside the namespace can make it.
SECCOMPAGENT_CHILD_CODE void make_proc_mount(Job& job) {
  const UniqueFd& pid_namespace = job.target->pid_namespace;
  if (!pid_namespace.is_open()) {
    (void)new_mount_child(&job);
    return;
  }
  if (job.may_use_pidns) {
    const long context = raw_syscall(SYS_fsopen, raw_pointer(job.type), FSOPEN_CLOEXEC);
    if (refused(job, context)) return;
    if (!failed(raw_syscall(SYS_fsconfig, context, FSCONFIG_SET_FD, raw_pointer("pidns"), 0,
                            pid_namespace.get()))) {
      make_mount(job, context);
      return;
    }
    raw_syscall(SYS_close, context);
  }
  // Whoever could take the maker over in there would have all that we have, our memory included.
  if (broke(job, "proc for a container with CAP_SYS_PTRACE, which needs Linux 6.18",
            job.may_enter_pid_namespace ? 0 : -EPERM)) {
    return;
  }
  if (!broke(job, "setns of the pid namespace",
             raw_syscall(SYS_setns, pid_namespace.get(), CLONE_NEWPID))) {
    run_inner_child(job, new_mount_child, job.mount_fd);
  }
}

// Paths that the file system itself opens (its source) are judged with the caller's ids;
// CAP_SYS_ADMIN is added to what the caller has.
SECCOMPAGENT_CHILD_CODE bool lend_sys_admin(Job& job) {
  const Target& target = *job.target;
  if (broke(job, "prctl of the securebits",
            raw_syscall(SYS_prctl, PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP)) ||
      !take_groups(job)) {
    return false;
  }
  raw_syscall(SYS_setfsgid, target.credentials.gid.fs);
  raw_syscall(SYS_setfsuid, target.credentials.uid.fs);
  // Linux capabilities in the caller's own user namespace are none in ours
  const bool is_ours = !target.user_namespace.is_open();
  return set_capabilities(job,
                          kSysAdmin | (is_ours ? target.credentials.effective_capabilities : 0));
}

// Some file systems show the network, queues or cgroups of their maker.
SECCOMPAGENT_CHILD_CODE bool enter_shown_namespaces(Job& job) {
  const Target& target = *job.target;
  const struct {
    int fd;
    int kind;
  } shown[] = {{target.net_namespace.get(), CLONE_NEWNET},
               {target.ipc_namespace.get(), CLONE_NEWIPC},
               {target.cgroup_namespace.get(), CLONE_NEWCGROUP}};
  for (const auto& [fd, kind] : shown) {
    if (fd >= 0 && broke(job, "setns for a mount", raw_syscall(SYS_setns, fd, kind))) return false;
  }
  return true;
}

SECCOMPAGENT_CHILD_CODE void make_and_move_mount(Job& job) {
  // Inside a mount namespace whose user namespace has masked proc mounts, even we get EPERM for a
  // new one: the kernel looks at the mount namespace we are in, so proc is made out here.
  if (job.is_proc) make_proc_mount(job);
  if (has_ended(job) || !enter_shown_namespaces(job) || !enter_container(job) ||
      !close_others(job)) {
    return;
  }
  if (job.mount_point_fd < 0) run_inner_child(job, mount_point_child, job.mount_point_fd);
  if (has_ended(job) || !lend_sys_admin(job)) return;
  // as in become_caller
  raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
  raw_syscall(SYS_prctl, PR_SET_DUMPABLE, 0);
  if (!job.is_proc) (void)new_mount_child(&job);
  if (has_ended(job) || is_gone(job)) return;
  (void)refused(job,
                raw_syscall(SYS_move_mount, job.mount_fd, raw_pointer(""), job.mount_point_fd,
                            raw_pointer(""), MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

SECCOMPAGENT_CHILD_CODE int mount_child(void* argument) {
  Job& job = *static_cast<Job*>(argument);
  make_and_move_mount(job);
  job.is_complete = true;
  return 0;
}

// Whether this kernel's proc takes the option `pidns` (Linux 6.18).
bool has_pidns_option(const Job& job) {
  if (!job.may_use_pidns) return false;
  const UniqueFd context(static_cast<int>(syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC)));
  return context.is_open() && syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_FD, "pidns",
                                      nullptr, job.target->pid_namespace.get()) == 0;
}

// All that a child uses, owned together: one that can't be killed keeps everything it points to.
struct Run {
  Target target;
  std::string path;
  MountRequest request;
  ChildStack stack;
  ChildStack inner_stack;
  Job job;
};

Result<std::unique_ptr<Run>> make_run(Target target, std::string path, MountRequest request) {
  auto stack = ChildStack::make();
  if (!stack) return std::unexpected(stack.error());
  auto inner_stack = ChildStack::make();
  if (!inner_stack) return std::unexpected(inner_stack.error());
  auto made = std::make_unique<Run>(std::move(target), std::move(path), std::move(request),
                                    std::move(*stack), std::move(*inner_stack), Job{});
  made->job.target = &made->target;
  made->job.path = made->path.c_str();
  made->job.inner_stack_top = made->inner_stack.top();
  return made;
}

// False: one still lives, and uses the memory of its job.
bool end_inner_children(Job& job, int patience_ms) {
  bool have_all_ended = true;
  for (pid_t& pid : job.inner_pids) {
    if (pid == 0) continue;
    if (end_child(pid, patience_ms)) {
      pid = 0;
    } else {
      have_all_ended = false;
    }
  }
  return have_all_ended;
}

// What could not be killed: a task in a file system that never answers. It is looked after each
// time an operation starts, and there is a limit to how much of it we bear.
class GivenUp {
 public:
  static constexpr std::size_t kMost = 64;

  void add(std::unique_ptr<Run> run, pid_t pid) {
    const std::lock_guard lock(mutex_);
    runs_.emplace_back(std::move(run), pid);
  }
  // Frees those that have ended by now; false: there are too many that have not.
  bool clear() {
    const std::lock_guard lock(mutex_);
    std::erase_if(runs_, [](auto& given_up) {
      auto& [run, pid] = given_up;
      if (pid != 0 && end_child(pid, 0)) pid = 0;
      return end_inner_children(run->job, 0) && pid == 0;
    });
    return runs_.size() < kMost;
  }

 private:
  std::mutex mutex_;
  std::list<std::pair<std::unique_ptr<Run>, pid_t>> runs_;
};

GivenUp& given_up() {
  // of the process, like the children in it
  static GivenUp runs;
  return runs;
}

Outcome run(std::unique_ptr<Run> started, ChildMain main, const Patience& patience) {
  if (!given_up().clear()) return our_failure("operation: too many hang", Errno{EBUSY});
  auto child = start_child(started->stack, main, &started->job);
  if (!child) return our_failure("clone", child.error());
  const pid_t pid = child->pid;
  const auto ended = await_child(std::move(*child), patience);
  const bool is_stuck = !ended && ended.error() == Errno{EBUSY};
  if (!end_inner_children(started->job, kDyingMs) || is_stuck) {
    given_up().add(std::move(started), is_stuck ? pid : 0);
    return {.answer = ETIMEDOUT, .is_gone = false, .failed_step = nullptr, .failure = 0};
  }
  if (!ended) return {.answer = ETIMEDOUT, .is_gone = false, .failed_step = nullptr, .failure = 0};
  if (!started->job.is_complete) return our_failure("end of the child", Errno{EINTR});
  return started->job.outcome;
}

}  // namespace

Outcome mount_filesystem(Target target, MountRequest request, const Patience& patience) {
  if (target.base_error != 0) return {.answer = target.base_error};
  std::string path = request.target;
  auto made = make_run(std::move(target), std::move(path), std::move(request));
  if (!made) return our_failure("mmap of a stack", made.error());
  const MountRequest& kept = (*made)->request;
  Job& job = (*made)->job;
  job.type = kept.type.c_str();
  for (const MountOption& option : kept.options) {
    job.options.push_back({option.key.c_str(), option.value ? option.value->c_str() : nullptr});
  }
  job.attributes = kept.attributes;
  job.is_proc = kept.type == "proc";
  // open already, by what only the caller can name
  if (kept.target.empty()) job.mount_point_fd = (*made)->target.base.get();
  job.may_use_pidns = !pidns_option_is_refused.load();
  if (job.is_proc && (*made)->target.pid_namespace.is_open() && !has_pidns_option(job)) {
    const auto is_traced = has_tracer((*made)->target.pid_namespace);
    if (!is_traced) return our_failure("look at the container's processes", is_traced.error());
    job.may_enter_pid_namespace = !*is_traced;
  }
  return run(std::move(*made), mount_child, patience);
}

void refuse_pidns_option(bool is_refused) { pidns_option_is_refused.store(is_refused); }

}  // namespace seccompagent
