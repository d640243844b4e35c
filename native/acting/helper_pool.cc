// SPDX-License-Identifier: Apache-2.0
// A thread of the pool's own ends helpers that nobody has used for a while.
#include "acting/helper_pool.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>

#include "caller/namespaces.h"
#include "kernel/notify.h"
#include "kernel/process_files.h"
#include "kernel/raw_syscall.h"
#include "process/child_starter.h"
#include "process/ending_children.h"

namespace seccompagent {
namespace {

constexpr const char* kProgramName = "seccompagent-helper";
// How often a waiting worker looks at the time.
constexpr Nanoseconds kLook = 100 * kMillisecond;

// The program beside the addon.
[[nodiscard]] std::string program_path() {
  Dl_info info = {};
  if (dladdr(reinterpret_cast<const void*>(&program_path), &info) == 0 ||
      info.dli_fname == nullptr) {
    return kProgramName;
  }
  const std::string self = info.dli_fname;
  return self.substr(0, self.rfind('/') + 1) + kProgramName;
}

// A copy that nobody can change, not even who reaches it through /proc/PID/exe: on a file system of
// its own, which is mounted nowhere. A memfd would do where no sysctl forbids to execute it, see
// vm.memfd_noexec.
[[nodiscard]] Result<UniqueFd> fixed_program() {
  const UniqueFd file(open(program_path().c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return fail_errno();
  struct stat found = {};
  if (fstat(file.get(), &found) == -1) return fail_errno();
  const UniqueFd context(static_cast<int>(syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
  if (!context.is_open() ||
      syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == -1) {
    return fail_errno();
  }
  const UniqueFd mount(static_cast<int>(
      syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)));
  if (!mount.is_open()) return fail_errno();
  constexpr mode_t kExecutable = 0555;
  UniqueFd copy(
      openat(mount.get(), kProgramName, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, kExecutable));
  if (!copy.is_open() || fchmod(copy.get(), kExecutable) == -1) return fail_errno();
  for (off_t at = 0; at < found.st_size;) {
    const ssize_t sent =
        sendfile(copy.get(), file.get(), &at, static_cast<std::size_t>(found.st_size - at));
    if (sent <= 0) return sent == 0 ? fail(EIO) : fail_errno();
  }
  // nobody executes what is open for writing, and nothing is written from now on
  copy.reset();
  mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (syscall(SYS_mount_setattr, mount.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) ==
      -1) {
    return fail_errno();
  }
  UniqueFd readable(openat(mount.get(), kProgramName, O_RDONLY | O_CLOEXEC));
  if (!readable.is_open()) return fail_errno();
  return readable;
}

// What the child is given, in this order.
constexpr int kGivenProgram = ChildStarter::kFirstGiven;
constexpr int kGivenSocket = kGivenProgram + 1;

// What the child uses until it is another program.
struct HelperLaunch {
  explicit HelperLaunch(ChildStack own_stack) : stack(std::move(own_stack)) {
    std::snprintf(parent, sizeof parent, "%d", getpid());
  }

  ChildStack stack;
  char name[32] = "seccompagent-helper";
  // Our pid, which is the same for the helper: whose children are in another pid namespace can
  // start no threads.
  char parent[16] = "";
  char* argv[3] = {name, parent, nullptr};
  char* envp[1] = {};

  static SECCOMPAGENT_CHILD_CODE int child_main(void* argument) {
    const HelperLaunch& launch = *static_cast<HelperLaunch*>(argument);
    if (raw_syscall(SYS_dup3, kGivenSocket, kHelperSocket, 0) < 0) return 1;
    raw_syscall(SYS_execveat, kGivenProgram, raw_pointer(""), raw_pointer(launch.argv),
                raw_pointer(launch.envp), AT_EMPTY_PATH);
    return 1;
  }
};

struct Work {
  // Whether it computes or is about to: it does not wait for anything but a processor. Nothing:
  // nobody can tell.
  std::optional<bool> is_working;
  Nanoseconds computed;
};

// Of a helper, and what it has started for an operation.
[[nodiscard]] Work work_of(pid_t helper) {
  bool is_working = is_runnable(helper);
  Nanoseconds computed = computed_by(helper);
  const std::string name = std::to_string(helper);
  const auto children = read_file("/proc/" + name + "/task/" + name + "/children");
  if (!children && !is_working) return {.is_working = std::nullopt, .computed = computed};
  std::istringstream list(children.value_or(""));
  for (pid_t child = 0; list >> child;) {
    is_working = is_working || is_runnable(child);
    computed += computed_by(child);
  }
  return {.is_working = is_working, .computed = computed};
}

void end_now(HelperProcess process, Payer payer) {
  syscall(SYS_pidfd_send_signal, process.child.pidfd.get(), SIGKILL, nullptr, 0);
  EndingChildren::of_process().add({.process = std::move(process.child),
                                    .payer = payer,
                                    .since = now(),
                                    .lifeline = std::move(process.lifeline),
                                    .used = std::move(process.used)});
}

}  // namespace

struct HelperPool::Parts {
  std::mutex mutex;
  std::condition_variable wake;
  UniqueFd program;
  // What all helpers for mounts have their locks in, see MountLock.
  UniqueFd locks;
  // The last one was used last.
  std::vector<std::unique_ptr<Helper>> idle;
  // Those that are being started, too, and none that was killed.
  std::size_t living = 0;
  // The pool's thread has nothing to look after, and does not wake by itself.
  bool is_asleep = false;

  void run();
  template <typename Condition>
  void end_idle_if(Condition is_over);
  void end_idle(Nanoseconds before);
  void make_room(std::uint32_t container);
  [[nodiscard]] std::unique_ptr<Helper> take_idle(const HelperIdentity& identity);
  [[nodiscard]] Result<ChildProcess> start(HelperLaunch& wanted, const UniqueFd& socket);
  void end(HelperProcess process, Payer payer);
};

// Of one that is counted as living before it is started.
struct HelperPool::Reservation {
  explicit Reservation(Parts& counted_by) : parts(counted_by) {}
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  ~Reservation() {
    if (is_used) return;
    const std::lock_guard lock(parts.mutex);
    --parts.living;
  }

  Parts& parts;
  bool is_used = false;
};

// With the mutex held.
void HelperPool::Parts::run() {
  std::unique_lock lock(mutex);
  for (;;) {
    end_idle(now() - kIdle);
    if (!idle.empty()) {
      wake.wait_for(lock, std::chrono::seconds(1));
    } else {
      is_asleep = true;
      wake.wait(lock);
      is_asleep = false;
    }
  }
}

// With the mutex held: a helper's own end would take it.
template <typename Condition>
void HelperPool::Parts::end_idle_if(Condition is_over) {
  std::erase_if(idle, [&](const std::unique_ptr<Helper>& helper) {
    if (!is_over(*helper)) return false;
    end_now(std::move(helper->process_), helper->identity_.owner.payer);
    --living;
    return true;
  });
}

void HelperPool::Parts::end_idle(Nanoseconds before) {
  end_idle_if([&](const Helper& helper) { return helper.last_used_ <= before; });
}

// Nothing: there is none.
std::unique_ptr<Helper> HelperPool::Parts::take_idle(const HelperIdentity& identity) {
  const std::lock_guard lock(mutex);
  const auto found =
      std::ranges::find_if(idle, [&](const auto& helper) { return helper->identity_ == identity; });
  if (found == idle.end()) return nullptr;
  auto helper = std::move(*found);
  idle.erase(found);
  return helper;
}

// For one helper more of a container: the longest unused ones end, first of all its own where it
// has many, as one has whose every call is of another user. With the mutex held.
void HelperPool::Parts::make_room(std::uint32_t container) {
  const auto is_own = [container](const auto& helper) {
    return helper->identity_.owner.container == container;
  };
  while (living >= kMost && !idle.empty()) {
    const bool has_many = std::ranges::count_if(idle, is_own) > kMostIdleIfNeeded;
    const Helper* chosen = (has_many ? std::ranges::find_if(idle, is_own) : idle.begin())->get();
    end_idle_if([chosen](const Helper& helper) { return &helper == chosen; });
  }
}

void HelperPool::Parts::end(HelperProcess process, Payer payer) {
  end_now(std::move(process), payer);
  const std::lock_guard lock(mutex);
  --living;
}

// With the mutex not held.
Result<ChildProcess> HelperPool::Parts::start(HelperLaunch& wanted, const UniqueFd& socket) {
  int file = -1;
  {
    const std::lock_guard lock(mutex);
    file = program.get();
  }
  if (file < 0) return fail(ENOENT);
  const std::array given = {file, socket.get()};
  return ChildStarter::of_process().start_child(wanted.stack, HelperLaunch::child_main, &wanted,
                                                given);
}

Result<void> HelperPool::load() {
  const std::lock_guard lock(parts_.mutex);
  if (parts_.program.is_open()) return {};
  auto program = fixed_program();
  if (!program) return std::unexpected(program.error());
  parts_.locks.reset(memfd_create("seccompagent-locks", MFD_CLOEXEC));
  if (!parts_.locks.is_open()) return fail_errno();
  parts_.program = std::move(*program);
  std::thread([parts = &parts_] { parts->run(); }).detach();
  return {};
}

// Never freed: its thread runs as long as the process.
HelperPool::HelperPool() : parts_(*new Parts) {}

HelperPool& HelperPool::of_process() {
  static HelperPool pool;
  return pool;
}

Helper::Helper(HelperProcess process, UniqueFd socket, HelperIdentity identity)
    : process_(std::move(process)), socket_(std::move(socket)), identity_(std::move(identity)) {}

Helper::~Helper() {
  if (process_.child.pidfd.is_open())
    HelperPool::of_process().parts_.end(std::move(process_), identity_.owner.payer);
}

Result<HelperAnswer> Helper::ask(std::span<const std::byte> message, std::span<const int> fds,
                                 const Patience& patience, UniqueFd& fd) {
  const Awaiting awaiting(patience);
  if (!message.empty()) {
    if (const auto sent = send_message(socket_.get(), message, fds); !sent)
      return std::unexpected(sent.error());
  }
  TimeTaken taken;
  auto answer = await_answer(patience, taken);
  if (!answer || answer->held < 0) return answer;
  fd.reset(static_cast<int>(syscall(SYS_pidfd_getfd, process_.child.pidfd.get(), answer->held, 0)));
  if (!fd.is_open()) return fail_errno();
  const std::byte has_taken = {};
  if (const auto sent = send_message(socket_.get(), std::span(&has_taken, 1), {}); !sent)
    return std::unexpected(sent.error());
  answer = await_answer(patience, taken);
  if (answer && answer->held >= 0) return fail(EBADMSG);
  return answer;
}

Result<HelperAnswer> Helper::await_answer(const Patience& patience, TimeTaken& taken) {
  static thread_local std::vector<std::byte> buffer(kMostMessage);
  int looks_without_work = 0;
  for (;;) {
    const auto received = receive_message(socket_.get(), buffer);
    if (received) return decode_answer(std::span(buffer).first(received->length));
    if (received.error() != Errno{EAGAIN}) return std::unexpected(received.error());
    // where the machine is busy, helpers may be slow without anybody's doing
    const Work work = work_of(process_.child.pid);
    taken.note(work.is_working.value_or(false), TimeTaken::kMostSeen, work.computed);
    if (taken.left(patience) == 0) return fail(ETIMEDOUT);
    const bool has_to_end = patience.is_given_up() && !work.is_working.value_or(true);
    looks_without_work = has_to_end ? looks_without_work + 1 : 0;
    if (looks_without_work == 2) return fail(ETIMEDOUT);
  }
}

namespace {

// -1: ours.
[[nodiscard]] Result<HelperNamespace> namespace_of(int fd) {
  if (fd < 0) return HelperNamespace{};
  struct stat found = {};
  if (fstat(fd, &found) == -1) return fail_errno();
  return HelperNamespace{.device = found.st_dev, .inode = found.st_ino};
}

[[nodiscard]] Result<HelperPlaces> places_of(pid_t tid) {
  const auto mount = foreign_namespace(tid, Namespace::mount);
  const auto net = foreign_namespace(tid, Namespace::net);
  const auto ipc = foreign_namespace(tid, Namespace::ipc);
  const auto uts = foreign_namespace(tid, Namespace::uts);
  for (const auto* place : {&mount, &net, &ipc, &uts}) {
    if (!*place) return std::unexpected(place->error());
  }
  return HelperPlaces{.mount = *mount, .net = *net, .ipc = *ipc, .uts = *uts};
}

[[nodiscard]] Result<HelperIdentity> identity_of(const HelperCaller& caller, const Owner& owner) {
  const auto user_namespace = namespace_of(caller.user_namespace);
  if (!user_namespace) return std::unexpected(user_namespace.error());
  const auto places = places_of(caller.call.tid);
  if (!places) return std::unexpected(places.error());
  return HelperIdentity{.role = HelperRole::files,
                        .owner = owner,
                        .uid = caller.credentials.uid,
                        .gid = caller.credentials.gid,
                        .groups = caller.credentials.groups,
                        .user_namespace = *user_namespace,
                        .label = caller.label,
                        .places = *places};
}

// The bits of ForeignNamespaces.
[[nodiscard]] std::uint32_t foreign_of(const HelperIdentity& identity) {
  const HelperPlaces& places = identity.places;
  return (places.mount != 0 ? ForeignNamespaces::kMount : 0U) |
         (identity.user_namespace.inode != 0 ? ForeignNamespaces::kUser : 0U) |
         (places.net != 0 ? ForeignNamespaces::kNet : 0U) |
         (places.ipc != 0 ? ForeignNamespaces::kIpc : 0U) |
         (places.uts != 0 ? ForeignNamespaces::kUts : 0U);
}

[[nodiscard]] std::vector<std::byte> start_message(const HelperIdentity& identity) {
  const UserIds& uid = identity.uid;
  const UserIds& gid = identity.gid;
  return encode(HelperStart{.role = identity.role,
                            .uids = {uid.real, uid.effective, uid.saved, uid.fs},
                            .gids = {gid.real, gid.effective, gid.saved, gid.fs},
                            .groups = identity.groups,
                            .namespaces = foreign_of(identity),
                            .label = identity.label});
}

// What comes along with a start; those that are opened here are held.
struct StartFds {
  std::vector<UniqueFd> opened;
  std::vector<int> all;
};

[[nodiscard]] Result<void> add_place(StartFds& fds, pid_t tid, Namespace kind,
                                     std::uint64_t place) {
  if (place == 0) return {};
  auto fd = open_foreign_namespace(tid, kind);
  if (!fd) return std::unexpected(fd.error());
  struct stat found = {};
  // another thread has the number by now
  if (fstat(fd->get(), &found) == -1 || found.st_ino != place) return fail(ESRCH);
  fds.all.push_back(fd->get());
  fds.opened.push_back(std::move(*fd));
  return {};
}

// In the order of ForeignNamespaces.
[[nodiscard]] Result<StartFds> namespaces_of(const HelperCaller& caller,
                                             const HelperPlaces& places) {
  StartFds fds;
  const pid_t tid = caller.call.tid;
  auto added = add_place(fds, tid, Namespace::mount, places.mount);
  if (caller.user_namespace >= 0) fds.all.push_back(caller.user_namespace);
  if (added) added = add_place(fds, tid, Namespace::net, places.net);
  if (added) added = add_place(fds, tid, Namespace::ipc, places.ipc);
  if (added) added = add_place(fds, tid, Namespace::uts, places.uts);
  if (!added) return std::unexpected(added.error());
  const CallId& call = caller.call;
  if (!id_valid(call.listener, call.id_valid_request, call.id)) return fail(ESRCH);
  return fds;
}

struct SocketPair {
  UniqueFd ours;
  UniqueFd theirs;
};

[[nodiscard]] Result<SocketPair> make_sockets() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == -1) return fail_errno();
  SocketPair pair = {UniqueFd(ends[0]), UniqueFd(ends[1])};
  const timeval look = {.tv_sec = 0, .tv_usec = kLook / kMicrosecond};
  if (setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &look, sizeof look) == -1) return fail_errno();
  return pair;
}

// Opened anew, since locks are those of an open file. Closed: the role needs none.
[[nodiscard]] Result<UniqueFd> open_locks(const UniqueFd& locks, const HelperIdentity& identity) {
  if (identity.role != HelperRole::mounts) return UniqueFd();
  const std::string link = "/proc/self/fd/" + std::to_string(locks.get());
  UniqueFd opened(open(link.c_str(), O_RDWR | O_CLOEXEC));
  if (!opened.is_open()) return fail_errno();
  return opened;
}

// Both are closed where no lifeline is needed.
struct Lifeline {
  UniqueFd ours;
  UniqueFd theirs;
};

[[nodiscard]] Result<Lifeline> make_lifeline(const HelperIdentity& identity) {
  const bool has_children = identity.role == HelperRole::mounts || identity.label.is_foreign();
  if (!has_children) return Lifeline{};
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) == -1) return fail_errno();
  return Lifeline{.ours = UniqueFd(ends[1]), .theirs = UniqueFd(ends[0])};
}

}  // namespace

Result<std::unique_ptr<Helper>> HelperPool::take(const HelperCaller& caller, const Owner& owner,
                                                 const Patience& patience, const char*& step) {
  step = "look at the caller's namespaces";
  auto identity = identity_of(caller, owner);
  if (!identity) return std::unexpected(identity.error());
  return take(std::move(*identity), &caller, patience, step);
}

Result<std::unique_ptr<Helper>> HelperPool::take_for_mounts(const Owner& owner,
                                                            const Patience& patience,
                                                            const char*& step) {
  HelperIdentity identity = {};
  identity.role = HelperRole::mounts;
  identity.owner = owner;
  return take(std::move(identity), nullptr, patience, step);
}

Result<std::unique_ptr<Helper>> HelperPool::take(HelperIdentity identity,
                                                 const HelperCaller* caller,
                                                 const Patience& patience, const char*& step) {
  if (auto helper = parts_.take_idle(identity)) return helper;
  const Awaiting awaiting(patience);
  step = kTooManyHang;
  // what hangs is its container's own trouble, and no other's
  if (!EndingChildren::of_process().await_room(identity.owner.payer, patience)) return fail(EBUSY);
  {
    const std::lock_guard lock(parts_.mutex);
    step = "helpers: too many";
    parts_.make_room(identity.owner.container);
    if (parts_.living >= kMost) return fail(EBUSY);
    // here, since others come before it is started
    ++parts_.living;
  }
  Reservation reservation(parts_);
  step = "open the caller's namespaces";
  auto fds =
      caller == nullptr ? Result<StartFds>(StartFds{}) : namespaces_of(*caller, identity.places);
  if (!fds) return std::unexpected(fds.error());
  step = "socketpair";
  auto sockets = make_sockets();
  if (!sockets) return std::unexpected(sockets.error());
  step = "pipe";
  auto lifeline = make_lifeline(identity);
  if (!lifeline) return std::unexpected(lifeline.error());
  step = "open of the locks";
  const auto locks = open_locks(parts_.locks, identity);
  if (!locks) return std::unexpected(locks.error());
  step = "mmap of a stack";
  auto stack = ChildStack::make();
  if (!stack) return std::unexpected(stack.error());
  auto start = std::make_shared<HelperLaunch>(std::move(*stack));
  step = "start of the helper";
  auto child = parts_.start(*start, sockets->theirs);
  if (!child) return std::unexpected(child.error());
  // with ours open, nobody would notice the end of the helper
  sockets->theirs.reset();
  reservation.is_used = true;
  const std::vector<std::byte> message = start_message(identity);
  if (locks->is_open()) fds->all.push_back(locks->get());
  if (lifeline->theirs.is_open()) fds->all.push_back(lifeline->theirs.get());
  auto helper = std::make_unique<Helper>(
      HelperProcess{.child = std::move(*child), .lifeline = std::move(lifeline->ours)},
      std::move(sockets->ours), std::move(identity));
  UniqueFd none;
  const auto answer = helper->ask(message, fds->all, patience, none);
  if (!answer) {
    // whether it still uses its stack nobody knows
    helper->process_.used = std::move(start);
    return std::unexpected(answer.error());
  }
  if (answer->failed_step.empty()) return helper;
  // longer than this call only if it is a literal, so the wire's text is not handed on
  step = "a helper becoming what it is for";
  return fail(answer->error);
}

void HelperPool::give_back(std::unique_ptr<Helper> helper, const CallId& call) {
  const std::uint32_t container = helper->identity_.owner.container;
  helper->last_used_ = now();
  {
    const std::lock_guard lock(parts_.mutex);
    parts_.idle.push_back(std::move(helper));
    if (parts_.is_asleep) parts_.wake.notify_one();
  }
  // The container may have ended before, and then nobody else ends this one. If it ends from here
  // on, it is found.
  if (!has_users(call.listener)) end_of(container);
}

void HelperPool::end_of(std::uint32_t container) {
  const std::lock_guard lock(parts_.mutex);
  parts_.end_idle_if(
      [&](const Helper& helper) { return helper.identity_.owner.container == container; });
}

}  // namespace seccompagent
