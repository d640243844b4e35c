// SPDX-License-Identifier: Apache-2.0
// Tries what the agent needs of the kernel. Each probe runs in a process that is forked for it, so
// that nothing is changed here, and a filter that kills for a call kills that process only. glibc
// lets such a process use memory of the heap, whatever our other threads were at.
#include "probe/probe.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <expected>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/clock.h"
#include "kernel/notify.h"
#include "kernel/unique_fd.h"
#include "probe/probe_security.h"
#include "process/bpf.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace seccompagent {
namespace {

// Of a whole probe; machines may be busy.
constexpr Nanoseconds kMost = 30 * kSecond;
// Of a step of one.
constexpr Nanoseconds kStep = 10 * kSecond;
constexpr Nanoseconds kLook = 200 * kMicrosecond;

#if defined(__x86_64__)
constexpr std::uint32_t kNative = AUDIT_ARCH_X86_64;
#else
constexpr std::uint32_t kNative = AUDIT_ARCH_AARCH64;
#endif

// Memory that a child shares with us; it lives as long as the process that tries.
template <typename T>
T* shared() {
  void* memory =
      mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : new (memory) T();
}

// A child that is killed when it is not needed any more.
class Child {
 public:
  template <typename Main>
  explicit Child(Main main) : pid_(fork()) {
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    main();
    _exit(0);
  }
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child& operator=(Child&&) = delete;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    (void)retry_eintr([&] { return waitpid(pid_, nullptr, __WALL); });
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool has_ended() const {
    siginfo_t info = {};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid != 0;
  }
  [[nodiscard]] UniqueFd pidfd() const {
    return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  }

 private:
  pid_t pid_;
};

[[noreturn]] void sleep_for_ever() {
  while (true) pause();
}

template <typename Condition>
bool wait_until(const Child& child, Condition condition) {
  const Nanoseconds end = now() + kStep;
  while (!condition()) {
    if (now() > end || child.has_ended()) return condition();
    pause_for(kLook);
  }
  return true;
}

// --- a caller under a filter ---------------------------------------------------------------------

struct Exchange {
  // The child's number of its listener.
  std::atomic<int> listener = -1;
  std::atomic<int> error = 0;
  std::atomic<bool> may_go = false;
  std::atomic<bool> is_done = false;
  std::atomic<long> result = 0;
  // How many of its calls came back with a value, and how many without.
  std::atomic<int> values = 0;
};

constexpr long kAnswer = 4711;

void do_nothing(int /*signal*/) {}

// The one call that its filter notifies.
long make_call() { return syscall(SYS_getppid); }

// A signal ends its calls: there is a handler, and no SA_RESTART.
void heed_signals() {
  struct sigaction action = {};
  action.sa_handler = do_nothing;
  sigaction(SIGUSR1, &action, nullptr);
}

class Caller {
 public:
  template <typename Main>
  static std::expected<Caller, ProbeOutcome> start(unsigned long flags, Main main) {
    auto* exchange = shared<Exchange>();
    if (exchange == nullptr) return std::unexpected(failed("mmap", errno));
    const auto filter =
        assemble_filter({{.arch = kNative, .numbers = {static_cast<std::uint32_t>(SYS_getppid)}}});
    if (!filter) return std::unexpected(failed("the filter", filter.error().number));
    Child child([&] {
      heed_signals();
      install(*filter, flags, *exchange);
      while (!exchange->may_go.load()) pause_for(kLook);
      main(*exchange);
      exchange->is_done.store(true);
      sleep_for_ever();
    });
    if (child.pid() == -1) return std::unexpected(failed("fork", errno));
    Caller caller(std::move(child), exchange);
    if (const ProbeOutcome taken = caller.take(); !taken.works) return std::unexpected(taken);
    return caller;
  }

  [[nodiscard]] int listener() const { return listener_.get(); }
  [[nodiscard]] const Exchange& exchange() const { return *exchange_; }
  [[nodiscard]] const Child& child() const { return child_; }
  void go() { exchange_->may_go.store(true); }
  void interrupt() const { kill(child_.pid(), SIGUSR1); }

  [[nodiscard]] bool is_pending() const {
    pollfd pending = {.fd = listener(), .events = POLLIN, .revents = 0};
    const int ms = static_cast<int>(kStep / kMillisecond);
    return retry_eintr([&] { return poll(&pending, 1, ms); }) == 1 &&
           (pending.revents & POLLIN) != 0;
  }

  [[nodiscard]] Result<void> receive(Notification& notification) {
    return buffers_.receive(listener(), notification);
  }
  [[nodiscard]] Result<void> respond(std::uint64_t id, std::int64_t value) {
    return buffers_.respond(listener(), id, {.value = value, .error = 0, .is_continue = false});
  }

  [[nodiscard]] ProbeOutcome receive_first(Notification& notification) {
    go();
    if (!is_pending()) return failed("poll of the listener", errno);
    const auto received = receive(notification);
    if (!received) return failed("ioctl SECCOMP_IOCTL_NOTIF_RECV", received.error().number);
    if (notification.tid != child_.pid()) return failed("the caller's pid");
    return kWorks;
  }

  [[nodiscard]] ProbeOutcome has_result(long expected) const {
    if (!wait_until(child_, [&] { return exchange_->is_done.load(); }))
      return failed("the end of the call");
    return exchange_->result.load() == expected ? kWorks : failed("the result of the call");
  }

 private:
  Caller(Child child, Exchange* exchange)
      : child_(std::move(child)), exchange_(exchange), buffers_(sizes()) {}

  static NotifySizes sizes() {
    const auto known = notify_sizes();
    return known ? *known : NotifySizes{.notification = 80, .response = 24, .data = 64};
  }

  static void install(const std::vector<sock_filter>& filter, unsigned long flags,
                      Exchange& exchange) {
    const sock_fprog program = {.len = static_cast<unsigned short>(filter.size()),
                                .filter = const_cast<sock_filter*>(filter.data())};
    // whoever lacks CAP_SYS_ADMIN needs it
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                  SECCOMP_FILTER_FLAG_NEW_LISTENER | flags, &program);
    if (listener == -1) {
      exchange.error.store(errno);
      _exit(1);
    }
    exchange.listener.store(static_cast<int>(listener));
  }

  [[nodiscard]] ProbeOutcome take() {
    if (!wait_until(child_, [&] { return exchange_->listener.load() >= 0; }))
      return failed("seccomp with a listener", exchange_->error.load());
    const UniqueFd pidfd = child_.pidfd();
    if (!pidfd.is_open()) return failed("pidfd_open", errno);
    const long taken = syscall(SYS_pidfd_getfd, pidfd.get(), exchange_->listener.load(), 0);
    if (taken == -1) return failed("pidfd_getfd", errno);
    listener_.reset(static_cast<int>(taken));
    return kWorks;
  }

  Child child_;
  Exchange* exchange_;
  UniqueFd listener_;
  NotifyBuffers buffers_;
};

void call_once(Exchange& exchange) { exchange.result.store(make_call()); }

ProbeOutcome notify() {
  auto caller = Caller::start(0, call_once);
  if (!caller) return caller.error();
  Notification notification = {};
  if (const ProbeOutcome got = caller->receive_first(notification); !got.works) return got;
  const auto sent = caller->respond(notification.id, kAnswer);
  if (!sent) return failed("ioctl SECCOMP_IOCTL_NOTIF_SEND", sent.error().number);
  return caller->has_result(kAnswer);
}

ProbeOutcome sync_wake_up() {
  auto caller = Caller::start(0, call_once);
  if (!caller) return caller.error();
  const auto set = set_sync_wake_up(caller->listener());
  return set ? kWorks : failed("ioctl SECCOMP_IOCTL_NOTIF_SET_FLAGS", set.error().number);
}

// A signal comes while a received call waits for its answer.
ProbeOutcome wait_killable() {
  constexpr int kLooks = 100;
  auto caller = Caller::start(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, call_once);
  if (!caller) return caller.error();
  const auto id_valid_request = probe_id_valid(caller->listener());
  if (!id_valid_request)
    return failed("ioctl SECCOMP_IOCTL_NOTIF_ID_VALID", id_valid_request.error().number);
  Notification notification = {};
  if (const ProbeOutcome got = caller->receive_first(notification); !got.works) return got;
  caller->interrupt();
  for (int look = 0; look < kLooks; ++look) {
    if (!id_valid(caller->listener(), *id_valid_request, notification.id))
      return failed("a received call that a signal does not end");
    pause_for(kLook);
  }
  const auto sent = caller->respond(notification.id, kAnswer);
  if (!sent) return failed("ioctl SECCOMP_IOCTL_NOTIF_SEND", sent.error().number);
  return caller->has_result(kAnswer);
}

// A signal comes right before the call is received and answered at once: with the flag, an answer
// that was taken is the call's result. Kernels before the fix of that race let the caller have
// EINTR.
ProbeOutcome fast_reply() {
  constexpr int kEnough = 200;
  auto caller = Caller::start(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, [](Exchange& exchange) {
    while (true) {
      if (make_call() == kAnswer) exchange.values.fetch_add(1);
    }
  });
  if (!caller) return caller.error();
  caller->go();
  const Nanoseconds end = now() + kStep;
  int sent = 0;
  while (sent < kEnough && now() < end) {
    if (!caller->is_pending()) return failed("poll of the listener", errno);
    caller->interrupt();
    Notification notification = {};
    if (!caller->receive(notification)) continue;
    if (caller->respond(notification.id, kAnswer)) ++sent;
  }
  // its next call is there once it has had the answer of the last one
  if (!caller->is_pending()) return failed("poll of the listener", errno);
  if (sent == 0) return failed("a call that is answered between signals");
  return caller->exchange().values.load() >= sent ? kWorks : failed("an answer that is not lost");
}

// What the call returns is a descriptor of the child then.
void call_for_descriptor(Exchange& exchange) {
  const long number = make_call();
  exchange.result.store(fcntl(static_cast<int>(number), F_GETFD) == -1 ? -1 : 1);
}

ProbeOutcome add_descriptor() {
  auto caller = Caller::start(0, call_for_descriptor);
  if (!caller) return caller.error();
  const UniqueFd given(eventfd(0, EFD_CLOEXEC));
  Notification notification = {};
  if (const ProbeOutcome got = caller->receive_first(notification); !got.works) return got;
  const auto added = add_fd(caller->listener(), notification.id, given.get(), -1, true);
  if (!added) return failed("ioctl SECCOMP_IOCTL_NOTIF_ADDFD", added.error().number);
  const auto sent = caller->respond(notification.id, *added);
  if (!sent) return failed("ioctl SECCOMP_IOCTL_NOTIF_SEND", sent.error().number);
  return caller->has_result(1);
}

ProbeOutcome add_descriptor_and_send() {
  auto caller = Caller::start(0, call_for_descriptor);
  if (!caller) return caller.error();
  const UniqueFd given(eventfd(0, EFD_CLOEXEC));
  Notification notification = {};
  if (const ProbeOutcome got = caller->receive_first(notification); !got.works) return got;
  const auto sent = respond_with_fd(caller->listener(), notification.id, given.get(), true);
  if (!sent) return failed("SECCOMP_ADDFD_FLAG_SEND", sent.error().number);
  return caller->has_result(1);
}

// --- another process -----------------------------------------------------------------------------

ProbeOutcome take_descriptor() {
  const UniqueFd own(eventfd(0, EFD_CLOEXEC));
  const Child child(sleep_for_ever);
  if (child.pid() == -1) return failed("fork", errno);
  const UniqueFd pidfd = child.pidfd();
  if (!pidfd.is_open()) return failed("pidfd_open", errno);
  const UniqueFd taken(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), own.get(), 0)));
  return taken.is_open() ? kWorks : failed("pidfd_getfd", errno);
}

constexpr std::array<char, 8> kBefore = {"before"};
constexpr std::array<char, 8> kAfter = {"after"};

ProbeOutcome read_memory(bool is_dumpable) {
  auto text = kBefore;
  auto* is_written = shared<std::atomic<bool>>();
  if (is_written == nullptr) return failed("mmap", errno);
  const Child child([&] {
    if (!is_dumpable) prctl(PR_SET_DUMPABLE, 0);
    const volatile char* from = kAfter.data();
    volatile char* to = text.data();
    for (std::size_t at = 0; at < text.size(); ++at) to[at] = from[at];
    is_written->store(true);
    sleep_for_ever();
  });
  if (child.pid() == -1) return failed("fork", errno);
  if (!wait_until(child, [&] { return is_written->load(); })) return failed("a child");
  std::array<char, 8> read = {};
  const iovec local = {.iov_base = read.data(), .iov_len = read.size()};
  const iovec remote = {.iov_base = text.data(), .iov_len = text.size()};
  if (process_vm_readv(child.pid(), &local, 1, &remote, 1, 0) == -1)
    return failed("process_vm_readv", errno);
  return read == kAfter ? kWorks : failed("what process_vm_readv has read");
}

ProbeOutcome memory() { return read_memory(true); }
ProbeOutcome hidden_memory() { return read_memory(false); }

// Not of Child, which counts on it.
ProbeOutcome send_signal() {
  constexpr int kLifeMs = 500;
  const pid_t child = fork();
  if (child == -1) return failed("fork", errno);
  if (child == 0) {
    poll(nullptr, 0, kLifeMs);
    _exit(0);
  }
  const int error = kill(child, SIGKILL) == -1 ? errno : 0;
  (void)retry_eintr([&] { return waitpid(child, nullptr, 0); });
  return error == 0 ? kWorks : failed("kill", error);
}

// --- files and mounts ----------------------------------------------------------------------------

ProbeOutcome resolve_in_root() {
  open_how how = {};
  how.flags = O_PATH | O_CLOEXEC | O_DIRECTORY;
  how.resolve = RESOLVE_IN_ROOT;
  const UniqueFd opened(static_cast<int>(syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof how)));
  return opened.is_open() ? kWorks : failed("openat2", errno);
}

using Configure = ProbeOutcome (*)(int context);

// A mount that is nowhere.
std::expected<UniqueFd, ProbeOutcome> detached(const char* type, Configure configure) {
  const UniqueFd context(static_cast<int>(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC)));
  if (!context.is_open()) return std::unexpected(failed("fsopen", errno));
  if (const ProbeOutcome set = configure(context.get()); !set.works) return std::unexpected(set);
  if (syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == -1)
    return std::unexpected(failed("fsconfig", errno));
  UniqueFd made(static_cast<int>(syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0)));
  if (!made.is_open()) return std::unexpected(failed("fsmount", errno));
  return made;
}

ProbeOutcome as_it_is(int /*context*/) { return kWorks; }

ProbeOutcome new_mounts() {
  if (unshare(CLONE_NEWNS) == -1) return failed("unshare of the mount namespace", errno);
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1)
    return failed("mount of / as private", errno);
  const auto made = detached("tmpfs", as_it_is);
  if (!made) return made.error();
  if (syscall(SYS_move_mount, made->get(), "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) == -1)
    return failed("move_mount", errno);
  return kWorks;
}

ProbeOutcome of_own_processes(int context) {
  const UniqueFd processes(open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));
  if (!processes.is_open()) return failed("/proc/self/ns/pid", errno);
  if (syscall(SYS_fsconfig, context, FSCONFIG_SET_FD, "pidns", nullptr, processes.get()) == -1)
    return failed("the option pidns of proc", errno);
  return kWorks;
}

ProbeOutcome proc_pidns() {
  const auto made = detached("proc", of_own_processes);
  return made ? kWorks : made.error();
}

// A process in a user namespace of its own, and in what else the flags say.
struct Apart {
  Child child;
  ProbeOutcome outcome;
};

Apart apart(int flags) {
  auto* error = shared<std::atomic<int>>();
  if (error == nullptr) return {Child(sleep_for_ever), failed("mmap", errno)};
  error->store(-1);
  Child child([&] {
    error->store(unshare(CLONE_NEWUSER | flags) == -1 ? errno : 0);
    sleep_for_ever();
  });
  const bool is_told = wait_until(child, [&] { return error->load() >= 0; });
  const int number = is_told ? error->load() : 0;
  const ProbeOutcome outcome =
      is_told && number == 0 ? kWorks : failed("unshare of a user namespace", number);
  return {std::move(child), outcome};
}

UniqueFd open_of(pid_t pid, const char* name, int flags) {
  std::array<char, 64> path = {};
  (void)snprintf(path.data(), path.size(), "/proc/%d/%s", pid, name);
  return UniqueFd(open(path.data(), flags | O_CLOEXEC));
}

ProbeOutcome write_map(pid_t pid, const char* name) {
  constexpr std::string_view kMap = "0 100000 1\n";
  const UniqueFd map = open_of(pid, name, O_WRONLY);
  if (!map.is_open() || write(map.get(), kMap.data(), kMap.size()) == -1)
    return failed("the map of a user namespace", errno);
  return kWorks;
}

ProbeOutcome idmapped_mounts() {
  const Apart other = apart(0);
  if (!other.outcome.works) return other.outcome;
  for (const char* name : {"uid_map", "gid_map"}) {
    if (const ProbeOutcome wrote = write_map(other.child.pid(), name); !wrote.works) return wrote;
  }
  const UniqueFd mapping = open_of(other.child.pid(), "ns/user", O_RDONLY);
  if (!mapping.is_open()) return failed("a user namespace of proc", errno);
  const auto made = detached("tmpfs", as_it_is);
  if (!made) return made.error();
  mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<std::uint64_t>(mapping.get());
  if (syscall(SYS_mount_setattr, made->get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) ==
      -1)
    return failed("mount_setattr", errno);
  return kWorks;
}

// As helpers do it, for containers with namespaces of their own.
ProbeOutcome enter_namespaces() {
  const Apart other = apart(CLONE_NEWNS | CLONE_NEWNET);
  if (!other.outcome.works) return other.outcome;
  const pid_t pid = other.child.pid();
  // the user namespace last: power over the others is ours, not of whoever is in there
  const std::array<std::pair<const char*, int>, 3> namespaces = {
      {{"ns/net", CLONE_NEWNET}, {"ns/mnt", CLONE_NEWNS}, {"ns/user", CLONE_NEWUSER}}};
  std::array<UniqueFd, namespaces.size()> opened = {};
  for (std::size_t at = 0; at < namespaces.size(); ++at) {
    opened[at] = open_of(pid, namespaces[at].first, O_RDONLY);
    if (!opened[at].is_open()) return failed("a namespace of proc", errno);
  }
  for (std::size_t at = 0; at < namespaces.size(); ++at) {
    if (setns(opened[at].get(), namespaces[at].second) == -1) return failed("setns", errno);
  }
  return kWorks;
}

// --- all of them ---------------------------------------------------------------------------------

struct Probe {
  std::string_view name;
  ProbeOutcome (*run)();
};

constexpr std::array<Probe, 28> kProbes = {{{"signals", send_signal},
                                            {"notify", notify},
                                            {"sync-wake-up", sync_wake_up},
                                            {"wait-killable", wait_killable},
                                            {"fast-reply", fast_reply},
                                            {"add-fd", add_descriptor},
                                            {"add-fd-send", add_descriptor_and_send},
                                            {"pidfd-getfd", take_descriptor},
                                            {"caller-memory", memory},
                                            {"hidden-memory", hidden_memory},
                                            {"openat2", resolve_in_root},
                                            {"new-mounts", new_mounts},
                                            {"proc-pidns", proc_pidns},
                                            {"idmapped-mounts", idmapped_mounts},
                                            {"namespaces", enter_namespaces},
                                            {"labelled-memory", read_labelled_memory},
                                            {"labels", take_labels},
                                            {"CAP_CHOWN", use_chown},
                                            {"CAP_DAC_OVERRIDE", use_dac_override},
                                            {"CAP_FOWNER", use_fowner},
                                            {"CAP_FSETID", use_fsetid},
                                            {"CAP_KILL", use_kill},
                                            {"CAP_MKNOD", use_mknod},
                                            {"CAP_SETGID", use_setgid},
                                            {"CAP_SETPCAP", use_setpcap},
                                            {"CAP_SETUID", use_setuid},
                                            {"CAP_SYS_CHROOT", use_sys_chroot},
                                            {"CAP_SYS_NICE", use_sys_nice}}};

struct Report {
  std::atomic<bool> is_done = false;
  ProbeOutcome outcome = {};
};

ProbeOutcome await(const Child& child, const Report& report) {
  const Nanoseconds end = now() + kMost;
  while (!child.has_ended()) {
    if (now() > end) return failed("an end of it");
    pause_for(kLook);
  }
  if (report.is_done.load()) return report.outcome;
  siginfo_t info = {};
  const bool is_known =
      waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
  ProbeOutcome outcome = failed("the process that tries it");
  if (is_known && info.si_code != CLD_EXITED) outcome.signal = info.si_status;
  return outcome;
}

ProbeOutcome run_apart(const Probe& probe) {
  auto* report = shared<Report>();
  if (report == nullptr) return failed("mmap", errno);
  ProbeOutcome outcome = {};
  {
    const Child child([&] {
      report->outcome = probe.run();
      report->is_done.store(true);
    });
    outcome = child.pid() == -1 ? failed("fork", errno) : await(child, *report);
  }
  munmap(report, sizeof *report);
  return outcome;
}

}  // namespace

ProbeOutcome run_probe(std::string_view name) {
  for (const Probe& probe : kProbes) {
    if (probe.name == name) return run_apart(probe);
  }
  return failed("");
}

}  // namespace seccompagent
