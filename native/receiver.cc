// SPDX-License-Identifier: Apache-2.0
// Leader and followers over one epoll set, see epoll(7) and seccomp_unotify(2).
#include "receiver.h"

#include <linux/audit.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

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
  return receiver;
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

void Receiver::stop() {
  is_stopping_.store(true);
  const std::uint64_t one = 1;
  // an eventfd takes 8 bytes at once and is never full here; nobody reads it, so it stays readable
  (void)!write(stop_event_.get(), &one, sizeof one);
  const std::lock_guard lock(mutex_);
  leadership_.notify_all();
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
  leadership_.notify_all();
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
  hand_on();
  const std::lock_guard lock(receiver_->mutex_);
  std::erase(receiver_->workers_, this);
}

void Worker::hand_on() {
  if (!is_leader_) return;
  is_leader_ = false;
  {
    const std::lock_guard lock(receiver_->mutex_);
    receiver_->has_leader_ = false;
  }
  receiver_->leadership_.notify_one();
}

// False: there is something else to report.
bool Worker::become_leader() {
  std::unique_lock lock(receiver_->mutex_);
  receiver_->follower_count_.fetch_add(1);
  receiver_->leadership_.wait(lock, [this] {
    return !receiver_->has_leader_ || has_ended_.load() || receiver_->is_stopping_.load();
  });
  receiver_->follower_count_.fetch_sub(1);
  if (has_ended_.load() || receiver_->is_stopping_.load()) {
    // the one who was woken to lead may be this one
    if (!receiver_->has_leader_) receiver_->leadership_.notify_one();
    return false;
  }
  receiver_->has_leader_ = true;
  is_leader_ = true;
  return true;
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
    if (receiver_->is_stopping_.load()) {
      hand_on();
      return EventKind::stopped;
    }
    if (take_ended()) return EventKind::ended;
    if (!is_leader_ && !become_leader()) continue;

    epoll_event event = {};
    const int count =
        retry_eintr([&] { return epoll_wait(receiver_->epoll_.get(), &event, 1, -1); });
    if (count == -1) return fail_errno();
    const auto token = static_cast<std::uint32_t>(event.data.u64);
    if (token == kStopToken) continue;

    const std::shared_ptr<Listener> listener = find_listener(token);
    if (!listener) {
      const std::lock_guard lock(receiver_->mutex_);
      const auto process = receiver_->processes_.extract(token);
      if (!process) continue;
      epoll_ctl(receiver_->epoll_.get(), EPOLL_CTL_DEL, process.mapped(), nullptr);
      inbox_->token = token;
      return EventKind::exited;
    }
    if ((event.events & EPOLLIN) == 0) {
      // All users of the filter are gone. RECV would say ENOENT now and for ever.
      receiver_->end_listener(*listener, *this);
      continue;
    }
    const auto received = receive_from(listener);
    if (received && *received) return EventKind::notification;
    // an error that never ends is one listener's own: it must not end the others
    if (!received) receiver_->end_listener(*listener, *this);
  }
}

std::shared_ptr<Listener> Worker::find_listener(std::uint32_t token) {
  if (last_listener_ && last_listener_->token == token) return last_listener_;
  const std::lock_guard lock(receiver_->mutex_);
  const auto found = receiver_->listeners_.find(token);
  if (found == receiver_->listeners_.end()) return nullptr;
  last_listener_ = found->second;
  return last_listener_;
}

// False: the call went away again.
Result<bool> Worker::receive_from(const std::shared_ptr<Listener>& listener) {
  const auto notification = buffers_.receive(listener->fd.get());
  if (!notification) {
    const Errno error = notification.error();
    if (error == Errno{ENOENT} || error == Errno{EINTR}) return false;
    return std::unexpected(error);
  }
  listener_ = listener;
  call_ = {.listener = listener->fd.get(),
           .id_valid_request = listener->id_valid_request,
           .id = notification->id,
           .tid = notification->tid};
  const SyscallNumber syscall = syscall_number(notification->arch, notification->nr);
  inbox_->token = listener->token;
  inbox_->tid = static_cast<std::uint32_t>(notification->tid);
  inbox_->arch = static_cast<std::uint32_t>(syscall.arch);
  inbox_->number = syscall.number;
  inbox_->registers = notification->arguments;
  inbox_->id = notification->id;
  inbox_->audit_arch = notification->arch;
  if (!read_pointers(*notification, syscall)) {
    listener_.reset();
    return false;
  }
  if (receiver_->follower_count_.load() > 0 && is_more_pending()) hand_on();
  return true;
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
