// SPDX-License-Identifier: Apache-2.0
// A thread of the pool's own ends helpers that nobody has used for a while.
#include "acting/helper_pool.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "acting/handed_calls.h"
#include "acting/helper_program.h"
#include "acting/helper_start.h"
#include "acting/living_helpers.h"
#include "kernel/notify.h"
#include "kernel/process_files.h"
#include "kernel/scheduling.h"
#include "process/child_starter.h"
#include "process/ending_children.h"

namespace seccompagent {

struct HelperPool::Parts {
  std::mutex mutex;
  std::condition_variable wake;
  UniqueFd program;
  // File of the locks of all helpers for mounts, see MountLock.
  UniqueFd locks;
  // All that nobody has killed, whoever has them.
  std::vector<Helper*> all;
  // The last one was used last.
  std::vector<std::unique_ptr<Helper>> idle;
  // Those that are being started, too, and none that was killed.
  LivingHelpers living;
  // The pool's thread has nothing to look after, and does not wake by itself.
  bool is_asleep = false;

  [[nodiscard]] bool has_room(Payer payer) {
    const std::lock_guard lock(mutex);
    return living.has_room(payer);
  }
  void run();
  template <typename Condition>
  void end_idle_if(Condition is_over);
  void end_idle(Nanoseconds before);
  void kill_all_of(std::uint32_t container);
  void make_room(const Owner& owner);
  [[nodiscard]] bool reserve(const Owner& owner, const Patience& patience);
  [[nodiscard]] std::unique_ptr<Helper> take_idle(const HelperIdentity& identity, int listener);
  [[nodiscard]] Result<ChildProcess> start(HelperLaunch& wanted, const UniqueFd& socket);
  void begin(Helper& helper, int listener);
  [[nodiscard]] bool use(Helper& helper, int listener);
  void forget(Helper& helper);
};

// Of one that is counted as living before it is started.
struct HelperPool::Reservation {
  Reservation(Parts& counted_by, Payer counted_for) : parts(counted_by), payer(counted_for) {}
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  ~Reservation() {
    if (is_used) return;
    const std::lock_guard lock(parts.mutex);
    parts.living.remove(payer);
  }

  Parts& parts;
  const Payer payer;
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
    std::erase(all, helper.get());
    end_now(std::move(helper->process_), helper->identity_.owner.payer);
    living.remove(helper->identity_.owner.payer);
    return true;
  });
}

void HelperPool::Parts::end_idle(Nanoseconds before) {
  end_idle_if([&](const Helper& helper) { return helper.last_used_ <= before; });
}

// All at once, before anything else is done about them. Whoever uses one hears of it, as of any
// helper that ends.
void HelperPool::Parts::kill_all_of(std::uint32_t container) {
  const std::lock_guard lock(mutex);
  std::erase_if(all, [container](Helper* helper) {
    if (helper->identity_.owner.container != container || helper->has_caller()) return false;
    const ChildProcess& child = helper->process_.child;
    // woken like that, it leaves its container's cgroup at once, which somebody removes now;
    // whoever waits for it sees that it does not stay so
    (void)become_real_time(child.pid);
    (void)syscall(SYS_pidfd_send_signal, child.pidfd.get(), SIGKILL, nullptr, 0);
    helper->is_killed_.store(true);
    return true;
  });
  end_idle_if([&](const Helper& helper) { return helper.identity_.owner.container == container; });
}

// nullptr: there is none. With the mutex held.
std::unique_ptr<Helper> HelperPool::Parts::take_idle(const HelperIdentity& identity, int listener) {
  const auto is_it = [&](const auto& helper) { return helper->identity_ == identity; };
  for (;;) {
    const auto found = std::ranges::find_if(idle, is_it);
    if (found == idle.end()) return nullptr;
    if ((*found)->is_lost()) {
      // with some processes of its container, or by whoever may kill it
      const Helper* const lost = found->get();
      end_idle_if([lost](const Helper& helper) { return &helper == lost; });
      continue;
    }
    auto helper = std::move(*found);
    idle.erase(found);
    helper->listener_ = listener;
    return helper;
  }
}

// For one helper more of a container: the longest unused ones end, first of all its own where it
// has many, as one has whose every call is of another user. With the mutex held.
void HelperPool::Parts::make_room(const Owner& owner) {
  const auto is_own = [&owner](const auto& helper) {
    return helper->identity_.owner.container == owner.container;
  };
  while (!living.has_room(owner.payer) && !idle.empty()) {
    const bool has_many = std::ranges::count_if(idle, is_own) > kMaxIdleIfNeeded;
    const Helper* chosen = (has_many ? std::ranges::find_if(idle, is_own) : idle.begin())->get();
    end_idle_if([chosen](const Helper& helper) { return &helper == chosen; });
  }
}

// Counts one more as living, when there is room: others come before it is started. False: there is
// none for as long as the patience lasts.
bool HelperPool::Parts::reserve(const Owner& owner, const Patience& patience) {
  TimeTaken taken;
  for (;;) {
    // those that have answered by themselves
    if (!has_room(owner.payer)) HandedCalls::of_process().collect();
    std::unique_lock lock(mutex);
    make_room(owner);
    if (living.has_room(owner.payer)) {
      living.add(owner.payer);
      return true;
    }
    if (!living.await_room(lock, patience, taken)) return false;
  }
}

void HelperPool::Parts::begin(Helper& helper, int listener) {
  const std::lock_guard lock(mutex);
  helper.listener_ = listener;
  all.push_back(&helper);
}

// False: it was killed. With the mutex held.
bool HelperPool::Parts::use(Helper& helper, int listener) {
  helper.listener_ = listener;
  return std::ranges::find(all, &helper) != all.end();
}

// It is killed now.
void HelperPool::Parts::forget(Helper& helper) {
  const std::lock_guard lock(mutex);
  std::erase(all, &helper);
  if (std::exchange(helper.is_counted_, false)) living.remove(helper.identity_.owner.payer);
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
  HandedCalls::of_process().start();
  return {};
}

// Never freed: its thread runs as long as the process.
HelperPool::HelperPool() : parts_(*new Parts) {}

HelperPool& HelperPool::of_process() {
  static HelperPool pool;
  return pool;
}

Helper::~Helper() {
  if (!process_.child.pidfd.is_open()) return;
  // it may have ended just before
  constexpr int kLooks = 100;
  constexpr Nanoseconds kMoment = 100 * kMicrosecond;
  int looks = 0;
  for (; before_ && !before_->is_answered() && looks < kLooks; ++looks) pause_for(kMoment);
  if (looks == kLooks) before_->fail_anyway(HelperFailure::ended);
  HelperPool::of_process().parts_.forget(*this);
  end_now(std::move(process_), identity_.owner.payer);
}

Result<std::unique_ptr<Helper>> HelperPool::take(const HelperCaller& caller, const Owner& owner,
                                                 const Patience& patience, const char*& step) {
  step = "look at the caller's namespaces";
  auto identity = identity_of(caller, owner);
  if (!identity) return std::unexpected(identity.error());
  return take(std::move(*identity), caller.call.listener, &caller, caller.cgroups, patience, step);
}

Result<std::unique_ptr<Helper>> HelperPool::take_for_mounts(const Owner& owner, const CallId& call,
                                                            const ActingCgroups* cgroups,
                                                            const Patience& patience,
                                                            const char*& step) {
  HelperIdentity identity = {};
  identity.role = HelperRole::mounts;
  identity.owner = owner;
  step = "look at the caller's cgroups";
  auto own = own_cgroups_of(call, cgroups);
  if (!own) return std::unexpected(own.error());
  identity.cgroups = std::move(*own);
  return take(std::move(identity), call.listener, nullptr, cgroups, patience, step);
}

// nullptr: there is none.
std::unique_ptr<Helper> HelperPool::take_unused(const HelperIdentity& identity, int listener) {
  // most calls come from where the one before came from
  auto helper = HandedCalls::of_process().take(identity);
  const std::lock_guard lock(parts_.mutex);
  if (helper && parts_.use(*helper, listener)) return helper;
  return parts_.take_idle(identity, listener);
}

Result<std::unique_ptr<Helper>> HelperPool::take(HelperIdentity identity, int listener,
                                                 const HelperCaller* caller,
                                                 const ActingCgroups* cgroups,
                                                 const Patience& patience, const char*& step) {
  if (auto helper = take_unused(identity, listener)) return helper;
  const ChildWait wait(patience);
  step = kTooManyHang;
  // what hangs is its container's own trouble, and no other's
  if (!EndingChildren::of_process().await_room(identity.owner.payer, patience)) return fail(EBUSY);
  step = "helpers: too many";
  if (!parts_.reserve(identity.owner, patience)) return fail(EBUSY);
  Reservation reservation(parts_, identity.owner.payer);
  step = "look at the container's cgroups";
  auto found = cgroups_of(identity, cgroups);
  if (!found) return std::unexpected(found.error());
  auto joined = std::make_shared<JoinedCgroups>(std::move(*found), cgroups != nullptr);
  step = "open the caller's namespaces";
  auto fds = caller == nullptr ? Result<StartFds>(StartFds{}) : namespaces_of(*caller);
  if (!fds) return std::unexpected(fds.error());
  // it is the first one
  if (identity.places.mount != 0)
    joined->hold(CallersFd(std::move(fds->opened.front()), identity.owner.payer));
  step = "socketpair and pipe";
  auto sockets = make_sockets();
  if (!sockets) return std::unexpected(sockets.error());
  auto lifeline = make_lifeline(identity);
  if (!lifeline) return std::unexpected(lifeline.error());
  step = "open of the locks";
  const auto locks = open_locks(parts_.locks, identity);
  if (!locks) return std::unexpected(locks.error());
  step = "memory of a completion";
  const auto completion = make_completion(identity);
  if (!completion) return std::unexpected(completion.error());
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
  if (locks->is_open()) fds->all.push_back(locks->get());
  if (lifeline->theirs.is_open()) fds->all.push_back(lifeline->theirs.get());
  if (*completion) fds->all.push_back((*completion)->fd());
  auto helper = std::make_unique<Helper>(
      HelperProcess{
          .child = std::move(*child), .lifeline = std::move(lifeline->ours), .cgroups = joined},
      std::move(sockets->ours), std::move(identity), *completion);
  parts_.begin(*helper, listener);
  // its container may have ended before, and then nobody else ends this one
  step = "start of the helper";
  if (!has_users(listener)) {
    // it still uses its stack
    joined->keep(std::move(start));
    return fail(ESRCH);
  }
  step = kMoveStep;
  auto lists = joined->open_lists();
  if (!lists) {
    joined->keep(std::move(start));
    return std::unexpected(lists.error());
  }
  const bool is_apart = joined->cgroups().are_charged_apart();
  const auto message = start_message(helper->identity_, is_apart, *lists);
  fds->add_first(std::move(*lists));
  step = "start of the helper";
  UniqueFd none;
  const auto answer = helper->ask(message, fds->all, patience, none);
  if (*completion) (*completion)->forget_fd();
  if (!answer) {
    // whether it still uses its stack nobody knows
    joined->keep(std::move(start));
    return std::unexpected(answer.error());
  }
  helper->root_mount_ = answer->root_mount;
  helper->is_started_ = true;
  if (answer->failed_step.empty()) return helper;
  // the answer's text does not outlive this call
  step = start_failure(answer->failed_step);
  return fail(answer->error);
}

Result<std::unique_ptr<Helper>> HelperPool::take_idle(const HelperCaller& caller,
                                                      const Owner& owner) {
  const auto identity = identity_of(caller, owner);
  if (!identity) return std::unexpected(identity.error());
  return take_unused(*identity, caller.call.listener);
}

void HelperPool::put_back(std::unique_ptr<Helper> helper) {
  helper->last_used_ = now();
  // it has had something to do since
  helper->before_.reset();
  if (helper->has_left() || helper->is_ending()) return;
  const std::lock_guard lock(parts_.mutex);
  if (!parts_.use(*helper, Helper::kNobody)) return;
  parts_.idle.push_back(std::move(helper));
  parts_.living.note_room();
  if (parts_.is_asleep) parts_.wake.notify_one();
}

void HelperPool::count_out(Helper& helper) {
  const std::lock_guard lock(parts_.mutex);
  if (std::exchange(helper.is_counted_, false)) parts_.living.remove(helper.identity_.owner.payer);
}

bool HelperPool::count_in(Helper& helper) {
  const std::lock_guard lock(parts_.mutex);
  const Payer payer = helper.identity_.owner.payer;
  if (!helper.is_counted_ && parts_.living.has_room(payer)) {
    helper.is_counted_ = true;
    parts_.living.add(payer);
  }
  return helper.is_counted_;
}

void HelperPool::end_of(std::uint32_t container) {
  parts_.kill_all_of(container);
  HandedCalls::of_process().end_of(container);
}

}  // namespace seccompagent
