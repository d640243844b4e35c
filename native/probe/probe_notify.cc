// SPDX-License-Identifier: Apache-2.0
#include "probe/probe_notify.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <expected>
#include <utility>
#include <vector>

#include "kernel/clock.h"
#include "kernel/notify.h"
#include "kernel/unique_fd.h"
#include "probe/probe_child.h"
#include "process/bpf.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace seccompagent {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kNative = AUDIT_ARCH_X86_64;
#else
constexpr std::uint32_t kNative = AUDIT_ARCH_AARCH64;
#endif

struct Exchange {
  // The child's number of its listener.
  std::atomic<int> listener = -1;
  std::atomic<int> error = 0;
  std::atomic<bool> may_go = false;
  std::atomic<bool> is_done = false;
  std::atomic<long> result = 0;
  // Number of its calls that came back with a value.
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
    ProbeChild child([&] {
      heed_signals();
      install(*filter, flags, *exchange);
      while (!exchange->may_go.load()) pause_for(kProbeLook);
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
  [[nodiscard]] const ProbeChild& child() const { return child_; }
  void go() { exchange_->may_go.store(true); }
  void interrupt() const { kill(child_.pid(), SIGUSR1); }

  [[nodiscard]] bool is_pending() const {
    pollfd pending = {.fd = listener(), .events = POLLIN, .revents = 0};
    const int ms = static_cast<int>(kProbeStep / kMillisecond);
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
  Caller(ProbeChild child, Exchange* exchange)
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

  ProbeChild child_;
  Exchange* exchange_;
  UniqueFd listener_;
  NotifyBuffers buffers_;
};

void call_once(Exchange& exchange) { exchange.result.store(make_call()); }

// The result of the call is a descriptor of the child then.
void call_for_descriptor(Exchange& exchange) {
  const long number = make_call();
  exchange.result.store(fcntl(static_cast<int>(number), F_GETFD) == -1 ? -1 : 1);
}

}  // namespace

ProbeOutcome answer_call() {
  auto caller = Caller::start(0, call_once);
  if (!caller) return caller.error();
  Notification notification = {};
  if (const ProbeOutcome got = caller->receive_first(notification); !got.works) return got;
  const auto sent = caller->respond(notification.id, kAnswer);
  if (!sent) return failed("ioctl SECCOMP_IOCTL_NOTIF_SEND", sent.error().number);
  return caller->has_result(kAnswer);
}

ProbeOutcome wake_up_in_sync() {
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
    pause_for(kProbeLook);
  }
  const auto sent = caller->respond(notification.id, kAnswer);
  if (!sent) return failed("ioctl SECCOMP_IOCTL_NOTIF_SEND", sent.error().number);
  return caller->has_result(kAnswer);
}

// A signal comes right before the call is received and answered at once: with the flag, an answer
// that was taken is the call's result. Kernels before the fix of that race let the caller have
// EINTR.
ProbeOutcome reply_fast() {
  constexpr int kEnough = 200;
  auto caller = Caller::start(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, [](Exchange& exchange) {
    while (true) {
      if (make_call() == kAnswer) exchange.values.fetch_add(1);
    }
  });
  if (!caller) return caller.error();
  caller->go();
  const Nanoseconds end = now() + kProbeStep;
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

}  // namespace seccompagent
