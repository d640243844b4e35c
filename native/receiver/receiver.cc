// SPDX-License-Identifier: Apache-2.0
// What a receiver knows: listeners, processes, and what the main thread is told of them.
#include "receiver/receiver.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "acting/container_budget.h"
#include "acting/helper_pool.h"
#include "container/cgroup.h"
#include "container/memory_room.h"
#include "files/thread_role.h"
#include "kernel/interrupt_signal.h"
#include "process/child_starter.h"
#include "process/ending_children.h"
#include "process/last_closing.h"
#include "process/watch_user.h"
#include "receiver/worker.h"

namespace seccompagent {
namespace {

// Tokens of containers that have one listener, for all we know, which is behind it; of the others
// there are not so many.
constexpr std::uint32_t kUnnamed = 1U << 31;

}  // namespace

Receiver::Receiver(const NotifySizes& sizes, ReadTable table, PoolShape shape)
    : sizes_(sizes), table_(std::move(table)), shape_(shape) {}

Result<std::shared_ptr<Receiver>> Receiver::make(ReadTable table, PoolShape shape) {
  if (table.size() != kArches * kNumbers * kArguments) return fail(EINVAL);
  const auto sizes = notify_sizes();
  if (!sizes) return std::unexpected(sizes.error());
  std::shared_ptr<Receiver> receiver(new Receiver(*sizes, std::move(table), shape));
  auto epoll = make_epoll();
  if (!epoll) return std::unexpected(epoll.error());
  receiver->epoll_ = std::move(*epoll);
  receiver->stop_event_.reset(eventfd(0, EFD_CLOEXEC));
  receiver->late_timer_.reset(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  int wake[2];
  if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) == -1) return fail_errno();
  receiver->wake_read_.reset(wake[0]);
  receiver->wake_write_.reset(wake[1]);
  if (!receiver->stop_event_.is_open() || !receiver->late_timer_.is_open()) return fail_errno();
  for (const auto& [fd, token] : {std::pair(receiver->stop_event_.get(), kStopToken),
                                  std::pair(receiver->late_timer_.get(), kLateToken)}) {
    if (const auto watched = receiver->watch(fd, token); !watched)
      return std::unexpected(watched.error());
  }
  if (const auto installed = install_interrupt_signal(); !installed)
    return std::unexpected(installed.error());
  // descriptors that stay are opened before any container comes
  if (const auto known = ThreadRole::know_own_places(); !known)
    return std::unexpected(known.error());
  (void)MemoryRoom::of_process();
  if (const auto started = ChildStarter::of_process().start(); !started)
    return std::unexpected(started.error());
  EndingChildren::of_process().start();
  LastClosing::of_process().start();
  // only who needs a helper fails without its program
  (void)HelperPool::of_process().load();
  receiver->fallback_ = std::thread([self = receiver.get()] { self->read_as_fallback(); });
  receiver->watcher_ = std::thread([self = receiver.get()] { self->watch_workers(); });
  return receiver;
}

void Receiver::share_quarantine(const Quarantine& quarantine) {
  const std::lock_guard lock(mutex_);
  quarantine_ = quarantine;
}

Receiver::~Receiver() {
  stop();
  is_closing_.store(true);
  watcher_wake_.release();
  if (fallback_.joinable()) fallback_.join();
  if (watcher_.joinable()) watcher_.join();
  // each holds the listeners that hold it
  for (const auto& container : waiting_) container->queue.clear();
}

Result<void> Receiver::watch(int fd, std::uint32_t token) {
  epoll_event event = {.events = EPOLLIN, .data = {.u64 = token}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == -1) return fail_errno();
  return {};
}

std::uint32_t Receiver::next_token() {
  do {
    ++last_token_;
  } while (last_token_ == kStopToken || last_token_ == kLateToken ||
           listeners_.contains(last_token_) || processes_.contains(last_token_));
  return last_token_;
}

// Two readers of one listener would block each other in RECV. With the mutex held.
bool Receiver::has_listener(int fd) const {
  constexpr int kKcmpFile = 0;
  const pid_t self = getpid();
  return std::ranges::any_of(listeners_, [&](const auto& entry) {
    return syscall(SYS_kcmp, self, self, kKcmpFile, fd, entry.second->fd.get()) == 0;
  });
}

// What was seen of this process when another listener of its container came: by now it may see what
// it has made itself. With the mutex held.
void Receiver::take_earlier(FirstProcess& first, uid_t peer_uid) const {
  for (const auto& [token, listener] : listeners_) {
    const bool is_same =
        first.pid > 0 && listener->first_pid == first.pid && listener->peer_uid == peer_uid &&
        syscall(SYS_pidfd_send_signal, listener->first_process.get(), 0, nullptr, 0) == 0;
    if (!is_same) continue;
    first.masks = listener->masks;
    first.paths = listener->paths;
    return;
  }
}

// With the mutex held.
std::shared_ptr<Container> Receiver::take_container(std::uint32_t token, uid_t peer_uid) {
  const auto is_it = [token](const auto& container) { return container->token == token; };
  const auto living = std::ranges::find_if(
      listeners_, [&](const auto& entry) { return is_it(entry.second->container); });
  if (living != listeners_.end()) return living->second->container;
  const auto ended = std::ranges::find_if(ended_, is_it);
  if (ended == ended_.end())
    return std::make_shared<Container>(token, payer_of(token, peer_uid), senders_.of(peer_uid));
  auto container = std::move(*ended);
  ended_.erase(ended);
  return container;
}

// Whether that was its last listener; with the mutex held.
bool Receiver::leave_container(const std::shared_ptr<Container>& container) {
  constexpr std::size_t kMaxEnded = 256;
  const bool has_others = std::ranges::any_of(
      listeners_, [&](const auto& entry) { return entry.second->container == container; });
  if (has_others) return false;
  if ((container->token & kUnnamed) == 0) ended_.push_back(container);
  if (ended_.size() > kMaxEnded) ended_.pop_front();
  return true;
}

Result<std::uint32_t> Receiver::add_listener(UniqueFd fd, ListenerFacts facts) {
  if (facts.terms.reads.size() != kArches * kNumbers) return fail(EINVAL);
  const auto request = probe_id_valid(fd.get());
  if (!request) return std::unexpected(request.error());
  // only faster: kernels before 6.6 do without
  (void)set_sync_wake_up(fd.get());
  // before the container can have anything mounted by us
  FirstProcess first =
      facts.first.pid == facts.first_pid ? std::move(facts.first) : look_at_first(facts.first_pid);
  std::unique_lock lock(mutex_);
  if (has_listener(fd.get())) return fail(EEXIST);
  const std::uint32_t token = next_token();
  const std::uint32_t named = facts.container == 0 ? kUnnamed | token : facts.container;
  take_earlier(first, facts.peer_uid);
  lock.unlock();
  if (!first.paths) first.paths = HeldPaths::find(first.pid, first.pidfd, facts.paths, named);
  lock.lock();
  const int raw = fd.get();
  auto container = take_container(named, facts.peer_uid);
  auto listener =
      std::make_shared<Listener>(std::move(fd), *request, token, std::move(container),
                                 std::make_unique<CurrentTerms>(std::move(facts.terms)),
                                 std::move(first.pidfd), facts.waits_killable, facts.first_pid,
                                 facts.peer_uid, std::move(first.masks), std::move(first.paths));
  const Payer payer = listener->container->payer;
  distrust(*listener);
  listeners_.emplace(token, std::move(listener));
  for (ContainerBudget* budget : {&ContainerBudget::of_memory(), &ContainerBudget::of_mounts()})
    budget->begin(payer);
  if (const auto watched = watch(raw, token); !watched) {
    for (ContainerBudget* budget : {&ContainerBudget::of_memory(), &ContainerBudget::of_mounts()})
      budget->end_of(payer);
    listeners_.erase(token);
    return std::unexpected(watched.error());
  }
  return token;
}

Result<void> Receiver::replace_terms(std::uint32_t token, Terms terms) {
  if (terms.reads.size() != kArches * kNumbers) return fail(EINVAL);
  const auto listener = find_listener(token);
  if (!listener) return fail(ENOENT);
  listener->terms->replace(std::move(terms));
  return {};
}

Result<std::vector<int>> Receiver::path_errors(std::uint32_t token,
                                               const std::vector<std::string>& paths) {
  const auto listener = find_listener(token);
  if (!listener) return fail(ENOENT);
  std::vector<int> errors;
  errors.reserve(paths.size());
  for (const std::string& path : paths) errors.push_back(listener->paths->error_of(path));
  return errors;
}

Result<void> Receiver::kill_container(std::uint32_t token) {
  const auto listener = find_listener(token);
  if (!listener || !listener->first_process.is_open()) return fail(ESRCH);
  const auto others = other_firsts(*listener);
  return kill_all_of({.first_process = listener->first_process,
                      .user = listener->peer_uid,
                      .other_firsts = others});
}

Result<void> Receiver::freeze_container(std::uint32_t token, bool is_frozen) {
  const auto listener = find_listener(token);
  if (!listener || !listener->first_process.is_open()) return fail(ESRCH);
  // before: calls are taken back as soon as it freezes
  if (is_frozen) {
    if (Worker* const own = worker_of_thread(token)) (void)own->note_program();
    note_frozen(listener->first_pid, true);
  }
  const auto others = other_firsts(*listener);
  const auto done = freeze_cgroup_of({.first_process = listener->first_process,
                                      .user = listener->peer_uid,
                                      .other_firsts = others},
                                     is_frozen);
  if (done.has_value() != is_frozen) note_frozen(listener->first_pid, false);
  return done;
}

// Whose call of a listener it is that this thread has; null: it has none.
Worker* Receiver::worker_of_thread(std::uint32_t token) {
  const std::lock_guard lock(mutex_);
  const pid_t thread = gettid();
  const auto own = std::ranges::find_if(places_, [&](const Place& place) {
    return place.worker != nullptr && place.worker->tid_ == thread &&
           place.key.load() >> 32 == token;
  });
  return own == places_.end() ? nullptr : own->worker;
}

std::vector<pid_t> Receiver::other_firsts(const Listener& listener) {
  const std::lock_guard lock(mutex_);
  std::vector<pid_t> others;
  for (const auto& [token, other] : listeners_) {
    if (other->first_pid > 0 && other->first_pid != listener.first_pid)
      others.push_back(other->first_pid);
  }
  return others;
}

void Receiver::note_frozen(pid_t first_pid, bool is_frozen) {
  const std::lock_guard lock(mutex_);
  for (const auto& [token, listener] : listeners_) {
    if (listener->first_pid == first_pid) listener->is_frozen.store(is_frozen);
  }
}

Result<Resources> Receiver::container_resources(std::uint32_t token) {
  const auto listener = find_listener(token);
  if (!listener || !listener->first_process.is_open()) return fail(ESRCH);
  return resources_of(listener->first_process);
}

Result<std::uint32_t> Receiver::watch_process(int pidfd) {
  const std::lock_guard lock(mutex_);
  const std::uint32_t token = next_token();
  processes_.emplace(token, pidfd);
  if (const auto watched = watch(pidfd, token); !watched) {
    processes_.erase(token);
    return std::unexpected(watched.error());
  }
  return token;
}

void Receiver::stop() {
  if (is_stopping_.exchange(true)) return;
  fallback_wake_.release();
  watcher_wake_.release();
  const std::uint64_t one = 1;
  // an eventfd takes 8 bytes at once and is never full here; nobody reads it, so it stays readable
  (void)!write(stop_event_.get(), &one, sizeof one);
  NotifyBuffers buffers(sizes_);
  send_late(buffers, std::numeric_limits<Nanoseconds>::max());
  const std::lock_guard lock(mutex_);
  wake_all();
  parked_.notify_all();
  interrupt_exclusive(std::nullopt);
}

std::size_t Receiver::listener_count() {
  const std::lock_guard lock(mutex_);
  return listeners_.size();
}

std::shared_ptr<Listener> Receiver::find_listener(std::uint32_t token) {
  const std::lock_guard lock(mutex_);
  const auto found = listeners_.find(token);
  return found == listeners_.end() ? nullptr : found->second;
}

void Receiver::end_listener(const Listener& listener) {
  const std::uint32_t token = listener.token;
  const std::uint32_t container = listener.container->token;
  bool is_last = false;
  {
    const std::lock_guard lock(mutex_);
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener.fd.get(), nullptr);
    for (const Place& place : places_) {
      if (place.worker == nullptr) continue;
      place.worker->ended_.push_back(token);
      place.worker->has_ended_.store(true);
    }
    listeners_.erase(token);
    is_last = leave_container(listener.container);
    interrupt_exclusive(token);
  }
  // without the mutex, for which every call waits
  if (is_last) HelperPool::of_process().end_of(container);
  ContainerBudget::of_memory().end_of(listener.container->payer);
  ContainerBudget::of_mounts().end_of(listener.container->payer);
  const std::lock_guard lock(mutex_);
  tell({.kind = ReceiverEvent::Kind::ended, .token = token, .worker = 0, .link = 0});
  wake_all();
}

void Receiver::end_process(std::uint32_t token) {
  const std::lock_guard lock(mutex_);
  const auto process = processes_.extract(token);
  if (!process) return;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, process.mapped(), nullptr);
  tell({.kind = ReceiverEvent::Kind::exited, .token = token, .worker = 0, .link = 0});
}

// With the mutex held.
void Receiver::tell(const ReceiverEvent& event) {
  const bool was_empty = events_.empty();
  events_.push_back(event);
  // a full pipe wakes the reader just as well
  if (was_empty) (void)!write(wake_write_.get(), "", 1);
}

UniqueFd Receiver::take_wake_fd() { return std::move(wake_read_); }

std::optional<ReceiverEvent> Receiver::next_event() {
  const std::lock_guard lock(mutex_);
  if (events_.empty()) return std::nullopt;
  const ReceiverEvent event = events_.front();
  events_.pop_front();
  return event;
}

ReceiverFigures Receiver::figures() {
  ReceiveDelays delays;
  receive_delays_.add_to(delays);
  for (const Place& place : used_places()) place.receive_delays.add_to(delays);
  std::uint64_t late = 0;
  std::uint64_t busy = 0;
  std::uint64_t listeners = 0;
  {
    const std::lock_guard lock(mutex_);
    listeners = listeners_.size();
    for (const auto& [token, listener] : listeners_) late += listener->kept.late_count();
    for (const Place& place : places_) {
      if (place.worker != nullptr && place.phase.load() != Phase::idle) ++busy;
    }
  }
  return {.received = received_count_.load(),
          .queued = queued_count_.load(),
          .queue_refused = refused_count_.load(),
          .restarted = restarted_count_.load(),
          .late_answers = late,
          .workers = worker_count_.load(),
          .busy_workers = busy,
          .listeners = listeners,
          .fallback_received = fallback_read_count_.load(),
          .receive_delay_buckets = delays.counts(),
          .receive_delay_sum_ns = delays.sum(),
          .receive_delay_count = std::reduce(delays.counts().begin(), delays.counts().end()),
          .withdrawn = withdrawn_count_.load()};
}

}  // namespace seccompagent
