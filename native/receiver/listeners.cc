// SPDX-License-Identifier: Apache-2.0
#include "receiver/listeners.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "kernel/listener_ends.h"
#include "kernel/listener_guard.h"
#include "process/watch_user.h"

namespace seccompagent {
namespace {

// Tokens of containers that have one listener, for all we know, which is behind it; of the others
// there are not so many.
constexpr std::uint32_t kUnnamed = 1U << 31;
// For how long a container is taken to have kept workers whose component has exceeded its deadline.
constexpr Nanoseconds kDistrust = kSecond;

// Whoever has sent it may keep us waiting, see ListenerGuard.
[[nodiscard]] Result<unsigned long> first_look(int fd) {
  const ListenerGuard::Asking asking;
  const auto request = probe_id_valid(fd);
  // only faster: kernels before 6.6 do without
  if (request) (void)set_sync_wake_up(fd);
  return request;
}

}  // namespace

// With the lock held.
std::uint32_t Listeners::next_token() {
  do {
    ++last_token_;
  } while (last_token_ == kStopToken || last_token_ == kWakeToken ||
           listeners_.contains(last_token_) || processes_.contains(last_token_));
  return last_token_;
}

// Two readers of one listener would block each other in RECV. With the lock held.
bool Listeners::has(int fd) const {
  constexpr int kKcmpFile = 0;
  const pid_t self = getpid();
  return std::ranges::any_of(listeners_, [&](const auto& entry) {
    return syscall(SYS_kcmp, self, self, kKcmpFile, fd, entry.second->fd.get()) == 0;
  });
}

// Takes this process's facts from when another listener of its container came: by now it may see
// what it has made itself. With the lock held.
void Listeners::take_earlier(FirstProcess& first, uid_t peer_uid) const {
  for (const auto& [token, listener] : listeners_) {
    const bool is_same =
        first.pid > 0 && listener->first_pid == first.pid && listener->peer_uid == peer_uid &&
        syscall(SYS_pidfd_send_signal, listener->first_process.get(), 0, nullptr, 0) == 0;
    if (!is_same) continue;
    first.masks = listener->masks;
    first.cgroups = listener->cgroups;
    first.paths = listener->paths;
    first.places = listener->places;
    return;
  }
}

// With the lock held.
std::shared_ptr<Container> Listeners::take_container(std::uint32_t token, uid_t peer_uid,
                                                     std::uint32_t sender) {
  const auto is_it = [token](const auto& container) { return container->token == token; };
  const auto living = std::ranges::find_if(
      listeners_, [&](const auto& entry) { return is_it(entry.second->container); });
  if (living != listeners_.end()) return living->second->container;
  const auto ended = std::ranges::find_if(ended_, is_it);
  if (ended == ended_.end()) {
    const Payer payer = payer_of(token, peer_uid);
    auto container = std::make_shared<Container>(token, payer, senders_.of(sender));
    // a user may have any number of containers
    const auto other = std::ranges::find_if(
        listeners_, [&](const auto& entry) { return entry.second->container->payer == payer; });
    if (other != listeners_.end()) container->kept = other->second->container->kept;
    return container;
  }
  auto container = std::move(*ended);
  ended_.erase(ended);
  return container;
}

// Whether that was its last listener; with the lock held.
bool Listeners::leave_container(const std::shared_ptr<Container>& container) {
  constexpr std::size_t kMaxEnded = 256;
  const bool has_others = std::ranges::any_of(
      listeners_, [&](const auto& entry) { return entry.second->container == container; });
  if (has_others) return false;
  if ((container->token & kUnnamed) == 0) ended_.push_back(container);
  if (ended_.size() > kMaxEnded) ended_.pop_front();
  return true;
}

Result<std::shared_ptr<Listener>> Listeners::add(UniqueFd fd, ListenerFacts facts) {
  const auto request = first_look(fd.get());
  if (!request) return std::unexpected(request.error());
  FirstProcess& first = facts.first;
  const std::lock_guard lock(mutex_);
  if (has(fd.get())) return fail(EEXIST);
  const std::uint32_t token = next_token();
  const std::uint32_t named = facts.container == 0 ? kUnnamed | token : facts.container;
  take_earlier(first, facts.peer_uid);
  auto listener = std::make_shared<Listener>(
      std::move(fd), *request, token, take_container(named, facts.peer_uid, facts.sender),
      std::make_unique<CurrentTerms>(std::move(facts.terms)), std::move(first.pidfd),
      facts.waits_killable, first.pid, facts.peer_uid, std::move(first.masks),
      std::move(first.paths), std::move(first.cgroups), std::move(first.places));
  // a user's runtime may name any process
  if (facts.peer_uid != 0) listener->cgroups.reset();
  distrust(*listener);
  note_listener(listener->fd.get());
  listeners_.emplace(token, listener);
  return listener;
}

Listeners::Removed Listeners::remove(const Listener& listener) {
  const std::lock_guard lock(mutex_);
  if (listeners_.erase(listener.token) == 0) return Removed::was_gone;
  return leave_container(listener.container) ? Removed::last : Removed::one_of_several;
}

std::shared_ptr<Listener> Listeners::find(std::uint32_t token) {
  const std::lock_guard lock(mutex_);
  const auto found = listeners_.find(token);
  return found == listeners_.end() ? nullptr : found->second;
}

std::size_t Listeners::size() {
  const std::lock_guard lock(mutex_);
  return listeners_.size();
}

std::size_t Listeners::late_count() {
  const std::lock_guard lock(mutex_);
  std::size_t late = 0;
  for (const auto& [token, listener] : listeners_) late += listener->kept.late_count();
  return late;
}

std::uint32_t Listeners::add_process(int pidfd) {
  const std::lock_guard lock(mutex_);
  const std::uint32_t token = next_token();
  processes_.emplace(token, pidfd);
  return token;
}

std::optional<int> Listeners::remove_process(std::uint32_t token) {
  const std::lock_guard lock(mutex_);
  const auto process = processes_.extract(token);
  return process ? std::optional(process.mapped()) : std::nullopt;
}

std::vector<pid_t> Listeners::other_firsts(const Listener& listener) {
  const std::lock_guard lock(mutex_);
  std::vector<pid_t> others;
  for (const auto& [token, other] : listeners_) {
    if (other->first_pid > 0 && other->first_pid != listener.first_pid)
      others.push_back(other->first_pid);
  }
  return others;
}

void Listeners::note_frozen(const Listener& listener, bool is_frozen) {
  const std::lock_guard lock(mutex_);
  for (const auto& [token, each] : listeners_) {
    if (each->first_pid == listener.first_pid && each->peer_uid == listener.peer_uid)
      each->is_frozen.store(is_frozen);
  }
}

std::shared_ptr<Listener> Listeners::note_kept(std::uint32_t sender, std::uint32_t token,
                                               Nanoseconds kept, Nanoseconds time) {
  const std::lock_guard lock(mutex_);
  senders_.note(sender, kept, time);
  const auto found = listeners_.find(token);
  if (found == listeners_.end()) return nullptr;
  found->second->container->worker_time.note(kept, time);
  return found->second;
}

std::shared_ptr<Container> Listeners::ended_container(std::uint32_t sender) {
  const std::lock_guard lock(mutex_);
  return std::make_shared<Container>(0, Payer{}, senders_.of(sender));
}

void Listeners::share_quarantine(const Quarantine& quarantine) {
  const std::lock_guard lock(mutex_);
  quarantine_ = quarantine;
}

// A container with a component that has exceeded its deadline in another one is slow until it was
// quick for a while: if nobody knows of it, or both have the same `sender`, or one by handlers.
// `component`: the one that just did; empty: any that has. With the lock held.
void Listeners::distrust(const Listener& listener, std::string_view component,
                         std::uint32_t sender) const {
  const Nanoseconds time = now();
  WorkerTime& worker_time = listener.container->worker_time;
  const std::uint32_t own_sender = listener.container->sender->number;
  const bool is_of_sender = sender != 0 && (own_sender == sender ||
                                            (is_by_handlers(own_sender) && is_by_handlers(sender)));
  if (worker_time.is_slow(time) || (worker_time.is_known() && !is_of_sender)) return;
  const auto terms = listener.terms->get();
  for (std::size_t place = 0; place < terms->quarantine.size(); ++place) {
    const std::string_view own = terms->component(place);
    const bool is_overdue =
        component.empty() ? overdue_components_.has(own, time) : own == component;
    if (!is_overdue) continue;
    worker_time.suspect(kDistrust, time);
    return;
  }
}

void Listeners::report_overdue(const Terms& terms, std::uint32_t link, std::uint32_t sender,
                               ReceiverEvent event) {
  const std::lock_guard lock(mutex_);
  if (link != 0) {
    const std::size_t place = link - 1;
    if (const auto component = terms.component(place); !component.empty()) {
      overdue_components_.note(component, now());
      for (const auto& [token, each] : listeners_) distrust(*each, component, sender);
    }
    // of a listener that has ended, others may have its handlers' places
    if (listeners_.contains(event.token) && place < terms.quarantine.size())
      event.quarantine_ms = quarantine_.note_overdue(terms.quarantine[place], now());
  }
  events_.tell(event);
}

void Listeners::report_broken(const Terms& terms, ReceiverEvent event) {
  const std::lock_guard lock(mutex_);
  if (!listeners_.contains(event.token)) return;
  const std::size_t place = event.link - 1;
  const std::int32_t handler = place < terms.quarantine.size() ? terms.quarantine[place] : -1;
  event.quarantine_ms = quarantine_.note_broken(handler, now());
  events_.tell(event);
}

}  // namespace seccompagent
