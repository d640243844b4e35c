// SPDX-License-Identifier: Apache-2.0
// Workers over one epoll set, see epoll(7) and seccomp_unotify(2).
#include "receiver.h"

#include <linux/audit.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "memory.h"

namespace seccompagent {
namespace {

constexpr std::uint32_t kX32Bit = 0x40000000;
// The epoll set knows the stop event by this token.
constexpr std::uint32_t kStopToken = 0;

[[nodiscard]] std::size_t table_index(const SyscallNumber& syscall) {
  return static_cast<std::size_t>(syscall.arch) * kNumbers + syscall.number;
}

[[nodiscard]] bool has_call(const Listener& listener) {
  pollfd readable = {.fd = listener.fd.get(), .events = POLLIN, .revents = 0};
  return poll(&readable, 1, 0) > 0 && (readable.revents & POLLIN) != 0;
}

[[nodiscard]] bool is_in_table(const SyscallNumber& syscall) {
  return syscall.arch != Arch::unknown && syscall.number < kNumbers;
}

}  // namespace

SyscallNumber syscall_number(std::uint32_t audit_arch, std::int32_t nr) {
  const auto number = static_cast<std::uint32_t>(nr);
  switch (audit_arch) {
    case AUDIT_ARCH_X86_64:
      // -1 as a number has the bit too, and is no call of x32
      if (nr >= 0 && (number & kX32Bit) != 0) return {Arch::x32, number & ~kX32Bit};
      return {Arch::x86_64, number};
    case AUDIT_ARCH_I386:
      return {Arch::i386, number};
    case AUDIT_ARCH_AARCH64:
      return {Arch::arm64, number};
    default:
      return {Arch::unknown, number};
  }
}

Receiver::Receiver(const NotifySizes& sizes, ReadTable table)
    : sizes_(sizes), table_(std::move(table)) {}

Result<std::shared_ptr<Receiver>> Receiver::make(ReadTable table) {
  if (table.size() != kArches * kNumbers * kArguments) return fail(EINVAL);
  const auto sizes = notify_sizes();
  if (!sizes) return std::unexpected(sizes.error());
  std::shared_ptr<Receiver> receiver(new Receiver(*sizes, std::move(table)));
  receiver->epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
  receiver->stop_event_.reset(eventfd(0, EFD_CLOEXEC));
  if (!receiver->epoll_.is_open() || !receiver->stop_event_.is_open()) return fail_errno();
  epoll_event event = {.events = EPOLLIN, .data = {.u64 = kStopToken}};
  if (epoll_ctl(receiver->epoll_.get(), EPOLL_CTL_ADD, receiver->stop_event_.get(), &event) == -1)
    return fail_errno();
  receiver->watcher_ = std::thread([self = receiver.get()] { self->watch_readers(); });
  return receiver;
}

void Receiver::leave_epoll() {
  reads_.fetch_add(1);
  has_reader_.store(false);
  if (is_watcher_asleep_.load() && is_watcher_asleep_.exchange(false)) watcher_wake_.release();
}

void Receiver::invite() {
  if (has_reader_.load() || sleeping_count_.load() == 0) return;
  {
    const std::lock_guard lock(mutex_);
    is_invited_ = true;
  }
  work_.notify_one();
}

void Receiver::watch_readers() {
  constexpr timespec kTick = {.tv_sec = 0, .tv_nsec = 8'000'000};
  constexpr int kQuietTicks = 25;
  std::uint64_t reads_before = 0;
  int quiet_ticks = 0;
  while (!is_stopping_.load()) {
    if (quiet_ticks == kQuietTicks) {
      quiet_ticks = 0;
      is_watcher_asleep_.store(true);
      // whoever leaves epoll from here on sees that we sleep
      if (has_reader_.load()) watcher_wake_.acquire();
      is_watcher_asleep_.store(false);
    }
    nanosleep(&kTick, nullptr);
    const std::uint64_t reads = reads_.load();
    if (has_reader_.load()) {
      quiet_ticks = reads == reads_before ? quiet_ticks + 1 : 0;
    } else if (reads == reads_before) {
      invite();
    }
    reads_before = reads;
  }
}

std::uint32_t Receiver::next_token() {
  do {
    ++last_token_;
  } while (last_token_ == kStopToken || listeners_.contains(last_token_) ||
           processes_.contains(last_token_));
  return last_token_;
}

Result<std::uint32_t> Receiver::add_listener(UniqueFd fd, std::string registry, ReadSet reads) {
  if (reads.size() != kArches * kNumbers) return fail(EINVAL);
  const auto request = probe_id_valid(fd.get());
  if (!request) return std::unexpected(request.error());
  // only faster: kernels before 6.6 do without
  (void)set_sync_wake_up(fd.get());
  const std::lock_guard lock(mutex_);
  const std::uint32_t token = next_token();
  const int raw = fd.get();
  listeners_.emplace(token, std::make_shared<Listener>(std::move(fd), *request, token,
                                                       std::move(reads), std::move(registry)));
  epoll_event event = {.events = EPOLLIN, .data = {.u64 = token}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, raw, &event) == -1) {
    const int error = errno;
    listeners_.erase(token);
    return fail(error);
  }
  return token;
}

Result<std::uint32_t> Receiver::watch_process(int pidfd) {
  const std::lock_guard lock(mutex_);
  const std::uint32_t token = next_token();
  processes_.emplace(token, pidfd);
  epoll_event event = {.events = EPOLLIN, .data = {.u64 = token}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, pidfd, &event) == -1) {
    const int error = errno;
    processes_.erase(token);
    return fail(error);
  }
  return token;
}

Receiver::~Receiver() {
  stop();
  if (watcher_.joinable()) watcher_.join();
}

void Receiver::stop() {
  is_stopping_.store(true);
  watcher_wake_.release();
  const std::uint64_t one = 1;
  // an eventfd takes 8 bytes at once and is never full here; nobody reads it, so it stays readable
  (void)!write(stop_event_.get(), &one, sizeof one);
  const std::lock_guard lock(mutex_);
  work_.notify_all();
}

std::size_t Receiver::listener_count() {
  const std::lock_guard lock(mutex_);
  return listeners_.size();
}

void Receiver::end_listener(const Listener& listener, const Worker& finder) {
  const std::lock_guard lock(mutex_);
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener.fd.get(), nullptr);
  for (Worker* worker : workers_) {
    worker->ended_.push_back({listener.token, worker == &finder});
    worker->has_ended_.store(true);
  }
  listeners_.erase(listener.token);
  work_.notify_all();
}

Worker::Worker(std::shared_ptr<Receiver> receiver, std::byte* inbox)
    : receiver_(std::move(receiver)),
      inbox_(reinterpret_cast<Inbox*>(inbox)),
      data_(inbox + sizeof(Inbox), kInboxData),
      buffers_(receiver_->sizes_) {
  const std::lock_guard lock(receiver_->mutex_);
  receiver_->workers_.push_back(this);
}

Worker::~Worker() {
  send_answer();
  invite();
  const std::lock_guard lock(receiver_->mutex_);
  std::erase(receiver_->workers_, this);
}

void Worker::invite() { receiver_->invite(); }

// Until there is something that this worker may have to do.
void Worker::sleep() {
  std::unique_lock lock(receiver_->mutex_);
  receiver_->sleeping_count_.fetch_add(1);
  receiver_->work_.wait(lock, [this] {
    return !receiver_->queue_.empty() || receiver_->is_invited_ || !receiver_->has_reader_.load() ||
           has_ended_.load() || receiver_->is_stopping_.load();
  });
  receiver_->sleeping_count_.fetch_sub(1);
  receiver_->is_invited_ = false;
}

bool Worker::take_ended() {
  if (!has_ended_.load()) return false;
  const std::lock_guard lock(receiver_->mutex_);
  const Ended ended = ended_.front();
  ended_.pop_front();
  has_ended_.store(!ended_.empty());
  // the last one who names the listener closes it
  if (last_listener_ && last_listener_->token == ended.token) last_listener_.reset();
  inbox_->token = ended.token;
  inbox_->is_first = ended.is_first ? 1 : 0;
  return true;
}

Result<EventKind> Worker::receive() {
  if (listener_) send_answer();
  for (;;) {
    if (take_ended()) return EventKind::ended;
    auto pending = take_queued();
    if (!pending) {
      // only now: a call that was received is answered
      if (receiver_->is_stopping_.load()) return EventKind::stopped;
      if (receiver_->has_reader_.exchange(true)) {
        sleep();
        continue;
      }
      auto read = read_pending();
      receiver_->leave_epoll();
      if (!read) return std::unexpected(read.error());
      pending = std::move(*read);
    }
    if (!pending) continue;
    if (!pending->listener) {
      inbox_->token = pending->token;
      return EventKind::exited;
    }
    if (!begin(*pending)) continue;
    if (receiver_->sleeping_count_.load() > 0 && is_more_pending()) invite();
    return EventKind::notification;
  }
}

std::optional<Pending> Worker::take_queued() {
  if (receiver_->queued_count_.load() == 0) return std::nullopt;
  const std::lock_guard lock(receiver_->mutex_);
  if (receiver_->queue_.empty()) return std::nullopt;
  Pending pending = std::move(receiver_->queue_.front());
  receiver_->queue_.pop_front();
  receiver_->queued_count_.store(receiver_->queue_.size());
  return pending;
}

// Waits in epoll and receives what is pending: the first for this worker, the rest for the queue.
Result<std::optional<Pending>> Worker::read_pending() {
  constexpr int kBatch = 16;
  std::array<epoll_event, kBatch> events;
  const int count =
      retry_eintr([&] { return epoll_wait(receiver_->epoll_.get(), events.data(), kBatch, -1); });
  if (count == -1) return fail_errno();
  std::optional<Pending> first;
  int queued = 0;
  bool is_first_event = true;
  for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(count))) {
    const auto token = static_cast<std::uint32_t>(event.data.u64);
    if (token == kStopToken) continue;
    const bool is_readable = (event.events & EPOLLIN) != 0;
    auto received = receive_one(token, is_readable, is_first_event);
    is_first_event = false;
    if (!received) continue;
    if (!first) {
      first = std::move(received);
      continue;
    }
    const std::lock_guard lock(receiver_->mutex_);
    receiver_->queue_.push_back(std::move(*received));
    receiver_->queued_count_.store(receiver_->queue_.size());
    ++queued;
  }
  for (int sleeping = receiver_->sleeping_count_.load(); queued > 0 && sleeping > 0; --sleeping) {
    receiver_->work_.notify_one();
    --queued;
  }
  return first;
}

// Empty: there was no call after all, or the listener has ended.
std::optional<Pending> Worker::receive_one(std::uint32_t token, bool is_readable, bool is_fresh) {
  auto listener = find_listener(token);
  if (!listener) {
    const std::lock_guard lock(receiver_->mutex_);
    const auto process = receiver_->processes_.extract(token);
    if (!process) return std::nullopt;
    epoll_ctl(receiver_->epoll_.get(), EPOLL_CTL_DEL, process.mapped(), nullptr);
    return Pending{.listener = nullptr, .notification = {}, .token = token, .was_queued = false};
  }
  if (is_readable) {
    // Somebody may have sent us one listener twice: then its one call has been received by now, and
    // RECV would block.
    if (!is_fresh && !has_call(*listener)) return std::nullopt;
    const auto notification = buffers_.receive(listener->fd.get());
    if (notification)
      return Pending{.listener = std::move(listener),
                     .notification = *notification,
                     .token = token,
                     .was_queued = !is_fresh};
    const Errno error = notification.error();
    if (error == Errno{ENOENT} || error == Errno{EINTR}) return std::nullopt;
  }
  // All users of the filter are gone: RECV would say ENOENT now and for ever. Or an error that
  // never ends: it is one listener's own and must not end the others.
  receiver_->end_listener(*listener, *this);
  return std::nullopt;
}

std::shared_ptr<Listener> Worker::find_listener(std::uint32_t token) {
  if (last_listener_ && last_listener_->token == token) return last_listener_;
  const std::lock_guard lock(receiver_->mutex_);
  const auto found = receiver_->listeners_.find(token);
  if (found == receiver_->listeners_.end()) return nullptr;
  last_listener_ = found->second;
  return last_listener_;
}

// Makes a received call this worker's own. False: it went away again.
bool Worker::begin(const Pending& pending) {
  const Notification& notification = pending.notification;
  listener_ = pending.listener;
  call_ = {.listener = listener_->fd.get(),
           .id_valid_request = listener_->id_valid_request,
           .id = notification.id,
           .tid = notification.tid};
  const SyscallNumber syscall = syscall_number(notification.arch, notification.nr);
  inbox_->token = pending.token;
  inbox_->tid = static_cast<std::uint32_t>(notification.tid);
  inbox_->arch = static_cast<std::uint32_t>(syscall.arch);
  inbox_->number = syscall.number;
  inbox_->registers = notification.arguments;
  inbox_->id = notification.id;
  inbox_->audit_arch = notification.arch;
  const bool is_read = read_pointers(notification, syscall);
  // in the queue it may have outlived its listener, which nobody is to meet again
  if (is_read &&
      (!pending.was_queued || id_valid(call_.listener, call_.id_valid_request, call_.id)))
    return true;
  listener_.reset();
  return false;
}

// False: the caller was gone when the reading was done, so what was read may be somebody else's.
bool Worker::read_pointers(const Notification& notification, const SyscallNumber& syscall) {
  for (auto& pointer : inbox_->pointers) pointer = {.length = kNotRead, .offset = 0};
  if (!is_in_table(syscall)) return true;
  const std::size_t index = table_index(syscall);
  if (listener_->reads[index] == 0) return true;

  std::size_t used = 0;
  for (std::size_t argument = 0; argument < kArguments; ++argument) {
    const ReadKind kind = receiver_->table_[index * kArguments + argument];
    if (kind == ReadKind::nothing) continue;
    auto& pointer = inbox_->pointers[argument];
    std::uint64_t address = notification.arguments[argument];
    if (syscall.arch == Arch::i386) address &= 0xffffffff;
    if (address == 0) {
      pointer.length = kNull;
      continue;
    }
    const auto room = data_.subspan(used, std::min(kPathMax, data_.size() - used));
    Result<std::size_t> length = fail(EFAULT);
    switch (kind) {
      case ReadKind::path:
        length = read_string(notification.tid, address, room, Errno{ENAMETOOLONG});
        break;
      case ReadKind::source:
        length = read_string(notification.tid, address, room, Errno{EINVAL});
        break;
      case ReadKind::mount_data:
        length = read_mount_data(notification.tid, address, room);
        break;
      case ReadKind::nothing:
        break;
    }
    pointer.offset = static_cast<std::uint32_t>(sizeof(Inbox) + used);
    pointer.length = length ? static_cast<std::int32_t>(*length) : -length.error().number;
    if (length) used += *length;
  }
  return id_valid(call_.listener, call_.id_valid_request, call_.id);
}

// Asking costs a system call, so a lone caller is asked for every eighth time only.
bool Worker::is_more_pending() {
  constexpr std::uint32_t kQuiet = 64;
  constexpr std::uint32_t kSeldom = 8;
  ++quiet_calls_;
  if (quiet_calls_ > kQuiet && quiet_calls_ % kSeldom != 0) return false;
  pollfd pending = {.fd = receiver_->epoll_.get(), .events = POLLIN, .revents = 0};
  if (poll(&pending, 1, 0) <= 0) return false;
  quiet_calls_ = 0;
  return true;
}

void Worker::send_answer() {
  if (!listener_) return;
  Response response = {.value = 0, .error = -EPERM, .is_continue = false};
  switch (const Inbox::Answer& answer = inbox_->answer; answer.kind) {
    case AnswerKind::value:
      response = {.value = answer.value, .error = 0, .is_continue = false};
      break;
    case AnswerKind::error:
      response.error = -answer.error;
      break;
    case AnswerKind::carry_on:
      response = {.value = 0, .error = 0, .is_continue = true};
      break;
    case AnswerKind::none:
      break;
  }
  inbox_->answer.kind = AnswerKind::none;
  const std::shared_ptr<Listener> listener = std::exchange(listener_, nullptr);
  // ENOENT is the only error that can be: the caller died or a signal took the call back
  inbox_->was_gone = buffers_.respond(listener->fd.get(), call_.id, response) ? 0 : 1;
}

Result<CallId> Worker::current() const {
  if (!listener_) return fail(ENOENT);
  return call_;
}

Result<std::string> Worker::registry(std::uint32_t token) {
  if (!listener_ || listener_->token != token) return fail(ENOENT);
  return listener_->registry;
}

}  // namespace seccompagent
