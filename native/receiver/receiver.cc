// SPDX-License-Identifier: Apache-2.0
// The receiver as the addon uses it, and its threads' beginning and end.
#include "receiver/receiver.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "acting/handed_calls.h"
#include "acting/helper_pool.h"
#include "acting/mount_budget.h"
#include "container/cgroup.h"
#include "container/memory_room.h"
#include "kernel/interrupt_signal.h"
#include "kernel/listener_guard.h"
#include "kernel/own_processes.h"
#include "kernel/scheduling.h"
#include "process/child_starter.h"
#include "process/ending_children.h"
#include "process/last_closing.h"
#include "process/patient_answers.h"
#include "process/watch_user.h"
#include "receiver/worker.h"

namespace seccompagent {

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
  auto ends = make_epoll();
  if (!ends) return std::unexpected(ends.error());
  receiver->ends_ = std::move(*ends);
  receiver->stop_event_.reset(eventfd(0, EFD_CLOEXEC));
  if (!receiver->stop_event_.is_open()) return fail_errno();
  receiver->wake_event_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!receiver->wake_event_.is_open()) return fail_errno();
  if (const auto opened = receiver->late_answers_.open(); !opened)
    return std::unexpected(opened.error());
  if (const auto opened = receiver->events_.open(); !opened) return std::unexpected(opened.error());
  for (const auto& [fd, token] : {std::pair(receiver->stop_event_.get(), Listeners::kStopToken),
                                  std::pair(receiver->wake_event_.get(), Listeners::kWakeToken)}) {
    if (const auto watched = watch(receiver->epoll_, fd, token); !watched)
      return std::unexpected(watched.error());
  }
  if (const auto watched =
          watch(receiver->ends_, receiver->stop_event_.get(), Listeners::kStopToken);
      !watched)
    return std::unexpected(watched.error());
  if (const auto installed = install_interrupt_signal(); !installed)
    return std::unexpected(installed.error());
  // descriptors that stay are opened before any container comes
  if (const auto known = open_own_processes(); !known) return std::unexpected(known.error());
  (void)MemoryRoom::of_process();
  ListenerGuard::start();
  if (const auto started = ChildStarter::of_process().start(); !started)
    return std::unexpected(started.error());
  EndingChildren::of_process().start();
  LastClosing::of_process().start();
  // only who needs a helper fails without its program
  (void)HelperPool::of_process().load();
  receiver->fallback_ = std::thread([self = receiver.get()] { self->read_as_fallback(); });
  receiver->watcher_ = std::thread([self = receiver.get()] { self->watch_workers(); });
  receiver->ender_ = std::thread([self = receiver.get()] { self->await_ends(); });
  receiver->late_sender_ = std::thread([self = receiver.get()] { self->send_late(); });
  return receiver;
}

Receiver::~Receiver() {
  stop();
  is_closing_.store(true);
  watcher_wake_.release();
  if (fallback_.joinable()) fallback_.join();
  if (watcher_.joinable()) watcher_.join();
  if (ender_.joinable()) ender_.join();
  // each holds the listeners that hold it
  for (const auto& container : waiting_) container->queue.clear();
}

Result<void> Receiver::watch(const UniqueFd& epoll, int fd, std::uint32_t token) {
  epoll_event event = {.events = EPOLLIN, .data = {.u64 = token}};
  const ListenerGuard::Asking asking;
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) == -1) return fail_errno();
  return {};
}

Result<std::uint32_t> Receiver::add_listener(UniqueFd fd, ListenerFacts facts) {
  if (facts.terms.reads.size() != kArches * kNumbers) return fail(EINVAL);
  const auto added = listeners_.add(std::move(fd), std::move(facts));
  if (!added) return std::unexpected(added.error());
  const Listener& listener = **added;
  MountBudget::of_process().begin(listener.container->payer, listener.container->sender->number);
  auto watched = watch_end(listener, EPOLL_CTL_ADD);
  if (watched) watched = watch(epoll_, listener.fd.get(), listener.token);
  if (!watched) {
    // it may have ended meanwhile, which somebody has seen to
    if (listeners_.remove(listener) != Listeners::Removed::was_gone)
      MountBudget::of_process().end_of(listener.container->payer);
    return std::unexpected(watched.error());
  }
  return listener.token;
}

Result<void> Receiver::replace_terms(std::uint32_t token, Terms terms) {
  if (terms.reads.size() != kArches * kNumbers) return fail(EINVAL);
  const auto listener = listeners_.find(token);
  if (!listener) return fail(ENOENT);
  listener->terms->replace(std::move(terms));
  return {};
}

Result<std::vector<int>> Receiver::path_errors(std::uint32_t token,
                                               const std::vector<std::string>& paths) {
  const auto listener = listeners_.find(token);
  if (!listener) return fail(ENOENT);
  std::vector<int> errors;
  errors.reserve(paths.size());
  for (const std::string& path : paths) errors.push_back(listener->paths->error_of(path));
  return errors;
}

Result<void> Receiver::kill_container(std::uint32_t token, Urgency urgency) {
  const auto listener = listeners_.find(token);
  if (!listener || !listener->first_process.is_open()) return fail(ESRCH);
  const auto others = listeners_.other_firsts(*listener);
  // not before: everybody waits for those locks
  if (urgency == Urgency::after_others) lower_priority(0);
  return kill_all_of({.first_process = listener->first_process,
                      .user = listener->peer_uid,
                      .other_firsts = others});
}

Result<void> Receiver::kill_first_process(std::uint32_t token) {
  const auto listener = listeners_.find(token);
  if (!listener || !listener->first_process.is_open()) return fail(ESRCH);
  return kill_first_of(
      {.first_process = listener->first_process, .user = listener->peer_uid, .other_firsts = {}});
}

Result<void> Receiver::freeze_container(std::uint32_t token, bool is_frozen, Urgency urgency) {
  const auto listener = listeners_.find(token);
  if (!listener || !listener->first_process.is_open()) return fail(ESRCH);
  // before: calls are taken back as soon as it freezes
  if (is_frozen) {
    if (Worker* const own = worker_of_thread(token)) own->know_program();
    listeners_.note_frozen(*listener, true);
  }
  const auto others = listeners_.other_firsts(*listener);
  if (urgency == Urgency::after_others) lower_priority(0);
  const auto done = freeze_cgroup_of({.first_process = listener->first_process,
                                      .user = listener->peer_uid,
                                      .other_firsts = others},
                                     is_frozen);
  if (done.has_value() != is_frozen) listeners_.note_frozen(*listener, false);
  return done;
}

// The worker of this thread, if it has a call of this listener; else null.
Worker* Receiver::worker_of_thread(std::uint32_t token) {
  const std::lock_guard lock(mutex_);
  const pid_t thread = gettid();
  const auto own = std::ranges::find_if(places_, [&](const Place& place) {
    return place.worker != nullptr && place.tid == thread && place.key.load() >> 32 == token;
  });
  return own == places_.end() ? nullptr : own->worker;
}

Result<Resources> Receiver::container_resources(std::uint32_t token) {
  const auto listener = listeners_.find(token);
  if (!listener || !listener->first_process.is_open()) return fail(ESRCH);
  return resources_of(listener->first_process, listener->places.get());
}

Result<std::uint32_t> Receiver::watch_process(int pidfd) {
  const std::uint32_t token = listeners_.add_process(pidfd);
  if (const auto watched = watch(epoll_, pidfd, token); !watched) {
    (void)listeners_.remove_process(token);
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
  late_answers_.send_all(buffers);
  // what it has taken is sent as well
  if (late_sender_.joinable()) late_sender_.join();
  HandedCalls::of_process().answer_all();
  PatientAnswers::of_process().await(kSecond);
  const std::lock_guard lock(mutex_);
  wake_all();
  parked_.notify_all();
  interrupt_exclusive(std::nullopt);
}

void Receiver::send_late() {
  shorten_slice(0);
  NotifyBuffers buffers(sizes_);
  late_answers_.run(buffers);
}

void Receiver::end_process(std::uint32_t token) {
  const auto process = listeners_.remove_process(token);
  if (!process) return;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, *process, nullptr);
  events_.tell({.kind = ReceiverEvent::Kind::exited, .token = token});
}

void Receiver::tell_shortage(const Place* except) {
  {
    const std::lock_guard lock(mutex_);
    for (Place& place : places_) {
      if (place.worker != nullptr && &place != except) place.is_shortage_told.store(true);
    }
    wake_all();
  }
  wake_reader();
}

ReceiverFigures Receiver::figures() {
  ReceiveDelays delays;
  receive_delays_.add_to(delays);
  for (const Place& place : used_places()) place.receive_delays.add_to(delays);
  std::uint64_t busy = 0;
  {
    const std::lock_guard lock(mutex_);
    for (const Place& place : places_) {
      if (place.worker != nullptr && place.phase.load() != Phase::idle) ++busy;
    }
  }
  return {.received = received_count_.load(),
          .queued = queued_count_.load(),
          .queue_refused = refused_count_.load(),
          .restarted = restarted_count_.load(),
          .late_answers = listeners_.late_count(),
          .workers = worker_count_.load(),
          .busy_workers = busy,
          .listeners = listeners_.size(),
          .fallback_received = fallback_read_count_.load(),
          .receive_delay_buckets = delays.counts(),
          .receive_delay_sum_ns = delays.sum(),
          .receive_delay_count = std::reduce(delays.counts().begin(), delays.counts().end()),
          .withdrawn = withdrawn_count_.load()};
}

}  // namespace seccompagent
