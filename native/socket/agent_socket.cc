// SPDX-License-Identifier: Apache-2.0
// The agent socket, see unix(7) and epoll(7).
#include "socket/agent_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "kernel/listener_guard.h"
#include "process/watch_user.h"
#include "socket/access_list.h"
#include "socket/socket_file.h"

namespace seccompagent {
namespace {

// runc connects without blocking: a full backlog fails the container's start at once.
constexpr int kBacklog = 4096;
// Pause if nothing can be accepted, not even to be closed.
constexpr int kPauseMs = 10;

// Root and whoever owns the socket are not limited.
[[nodiscard]] bool is_limited(uid_t user) { return user != 0 && user != geteuid(); }

// Closing a connection closes what it has brought and nobody has received, too.
[[nodiscard]] bool has_unread(int socket) {
  // from here on nothing comes any more
  (void)shutdown(socket, SHUT_RDWR);
  int bytes = 0;
  return ioctl(socket, FIONREAD, &bytes) == -1 || bytes > 0;
}

// The name in procfs is the kernel's own. What else it may be is not asked: that may wait for its
// owner.
[[nodiscard]] bool is_listener(int fd) {
  constexpr std::string_view kName = "anon_inode:seccomp notify";
  std::array<char, kName.size() + 1> name;
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = readlink(path.c_str(), name.data(), name.size());
  return length >= 0 && std::string_view(name.data(), static_cast<std::size_t>(length)) == kName;
}

// For poll(2): -1 is for ever.
[[nodiscard]] int milliseconds_until(std::optional<Nanoseconds> time) {
  if (!time) return -1;
  return static_cast<int>(std::max<Nanoseconds>(0, *time - now()) / kMillisecond) + 1;
}

[[nodiscard]] Result<void> watch(int epoll, int fd, std::uint32_t id) {
  epoll_event event = {.events = EPOLLIN, .data = {.u64 = id}};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == -1) return fail_errno();
  return {};
}

}  // namespace

Result<std::unique_ptr<AgentSocket>> AgentSocket::listen(const std::string& path,
                                                         std::span<const uid_t> users) {
  std::unique_ptr<AgentSocket> made(new AgentSocket());
  if (auto opened = made->open(path, users); !opened) return std::unexpected(opened.error());
  const auto wait = [](void* socket) -> void* {
    static_cast<AgentSocket*>(socket)->wait_and_wake();
    return nullptr;
  };
  const auto accept = [](void* socket) -> void* {
    static_cast<AgentSocket*>(socket)->accept_all();
    return nullptr;
  };
  if (const auto started = made->waiter_.start(wait, made.get()); !started)
    return std::unexpected(started.error());
  if (const auto started = made->acceptor_.start(accept, made.get()); !started)
    return std::unexpected(started.error());
  return made;
}

Result<void> AgentSocket::open(const std::string& path, std::span<const uid_t> users) {
  auto bound = bind_socket_file(path);
  if (!bound) return std::unexpected(bound.error());
  listener_ = std::move(*bound);
  path_ = path;
  if (lstat(path.c_str(), &file_) == -1) return fail_errno();

  spare_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  auto epoll = make_epoll();
  if (!epoll) return std::unexpected(epoll.error());
  epoll_ = std::move(*epoll);
  stop_.reset(eventfd(0, EFD_CLOEXEC));
  has_accepted_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  std::array<int, 2> wake = {-1, -1};
  if (!stop_.is_open() || !has_accepted_.is_open() || pipe2(wake.data(), O_CLOEXEC) == -1) {
    return fail_errno();
  }
  wake_read_.reset(wake[0]);
  wake_write_.reset(wake[1]);

  users_.assign(users.begin(), users.end());
  if (!users_.empty()) {
    auto held = hold_socket_file(path);
    if (!held) return std::unexpected(held.error());
    held_file_ = std::move(*held);
    if (auto allowed = allow_users(held_file_.get(), users_); !allowed) return allowed;
  }
  if (::listen(listener_.get(), kBacklog) == -1) return fail_errno();
  return watch(epoll_.get(), has_accepted_.get(), 0);
}

AgentSocket::~AgentSocket() {
  if (waiter_.is_started()) {
    {
      const std::lock_guard lock(mutex_);
      is_stopping_ = true;
    }
    rearmed_.notify_one();
    const std::uint64_t one = 1;
    // an eventfd takes 8 bytes at once and is never full here
    (void)!write(stop_.get(), &one, sizeof one);
    waiter_.join();
    acceptor_.join();
  }
  while (!connections_.empty()) close_connection(connections_.begin()->first);
  for (Accepted& one : accepted_) close_all(one.peer.uid, std::move(one.socket));
  struct stat now = {};
  if (!path_.empty() && lstat(path_.c_str(), &now) == 0 && now.st_ino == file_.st_ino &&
      now.st_dev == file_.st_dev) {
    unlink(path_.c_str());
  }
}

void AgentSocket::wait_and_wake() {
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    lock.unlock();
    std::array<pollfd, 2> waiting = {pollfd{.fd = epoll_.get(), .events = POLLIN, .revents = 0},
                                     pollfd{.fd = stop_.get(), .events = POLLIN, .revents = 0}};
    (void)retry_eintr([&] { return poll(waiting.data(), waiting.size(), -1); });
    lock.lock();
    if (is_stopping_ || waiting[0].revents == 0) continue;
    is_armed_ = false;
    // one byte at most is in the pipe, so this never blocks
    (void)!retry_eintr([&] { return write(wake_write_.get(), "", 1); });
    rearmed_.wait(lock, [this] { return is_armed_ || is_stopping_; });
  }
}

std::optional<SocketEvent> AgentSocket::next(std::span<std::byte> buffer) {
  for (;;) {
    epoll_event event = {};
    if (retry_eintr([&] { return epoll_wait(epoll_.get(), &event, 1, 0); }) <= 0) {
      {
        const std::lock_guard lock(mutex_);
        is_armed_ = true;
      }
      rearmed_.notify_one();
      return std::nullopt;
    }
    const auto id = static_cast<std::uint32_t>(event.data.u64);
    const auto found = connections_.find(id);
    const auto happened =
        found == connections_.end() ? take_accepted() : read(id, found->second, buffer);
    if (happened) return happened;
  }
}

void AgentSocket::accept_all() {
  for (;;) {
    std::array<pollfd, 2> waiting = {pollfd{.fd = listener_.get(), .events = POLLIN, .revents = 0},
                                     pollfd{.fd = stop_.get(), .events = POLLIN, .revents = 0}};
    const int wait_ms = milliseconds_until(rates_.next_end());
    (void)retry_eintr([&] { return poll(waiting.data(), waiting.size(), wait_ms); });
    if (waiting[1].revents != 0) return;
    const auto is_held = [this](uid_t user) { return closing_.has_too_many(user); };
    if (rates_.end_until(now(), is_held)) renew_access();
    if (waiting[0].revents != 0 && !accept_one()) (void)poll(&waiting[1], 1, kPauseMs);
  }
}

bool AgentSocket::accept_one() {
  const std::lock_guard lock(mutex_);
  UniqueFd socket(retry_eintr(
      [&] { return accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK); }));
  if (!socket.is_open()) {
    const int error = errno;
    if (error == EAGAIN || error == ECONNABORTED) return true;
    if (error != EMFILE && error != ENFILE) return false;
    turn_away({.kind = SocketEventKind::refused, .error = error});
    // Left pending, the connection would wake us for ever: it is accepted to be closed.
    spare_.reset();
    socket.reset(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const bool is_accepted = socket.is_open();
    if (const auto peer = peer_credentials(socket.get()); peer) {
      close_all(peer->uid, std::move(socket));
    } else {
      socket.reset();
    }
    spare_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return is_accepted;
  }
  const auto peer = peer_credentials(socket.get());
  if (!peer) return true;
  if (is_admitted(*peer)) {
    accepted_.push_back({std::move(socket), *peer});
    tell_of_accepted();
  } else {
    turn_away({.kind = SocketEventKind::crowded, .peer = *peer});
    close_all(peer->uid, std::move(socket));
  }
  return true;
}

bool AgentSocket::is_admitted(const PeerCredentials& peer) {
  if (!is_limited(peer.uid)) return true;
  const Admission admission = closing_.has_too_many(peer.uid) ? rates_.shut_out(peer.uid, now())
                                                              : rates_.connected(peer.uid, now());
  if (admission == Admission::shut_out) renew_access();
  return admission == Admission::granted;
}

void AgentSocket::turn_away(const SocketEvent& event) {
  turned_away_ = event;
  tell_of_accepted();
}

// The list of who may connect is what keeps users who are shut out from the backlog, also those who
// wait for a place in it.
void AgentSocket::renew_access() {
  if (!held_file_.is_open()) return;
  std::vector<uid_t> allowed;
  std::ranges::copy_if(users_, std::back_inserter(allowed),
                       [this](uid_t user) { return !rates_.is_shut_out(user); });
  // where it fails, they are closed one by one
  (void)allow_users(held_file_.get(), allowed);
}

void AgentSocket::tell_of_accepted() {
  const std::uint64_t one = 1;
  (void)!write(has_accepted_.get(), &one, sizeof one);
}

bool AgentSocket::has_pending() {
  const std::lock_guard lock(mutex_);
  pollfd listener = {.fd = listener_.get(), .events = POLLIN, .revents = 0};
  return !accepted_.empty() || poll(&listener, 1, 0) == 1;
}

std::optional<SocketEvent> AgentSocket::take_accepted() {
  const std::lock_guard lock(mutex_);
  if (accepted_.empty()) {
    if (turned_away_) return std::exchange(turned_away_, std::nullopt);
    eventfd_t count;
    (void)eventfd_read(has_accepted_.get(), &count);
    return std::nullopt;
  }
  Accepted taken = std::move(accepted_.front());
  accepted_.pop_front();
  // 0 is what was accepted
  if (++last_id_ == 0) ++last_id_;
  const std::uint32_t id = last_id_;
  if (const auto watched = watch(epoll_.get(), taken.socket.get(), id); !watched)
    return SocketEvent{.kind = SocketEventKind::refused, .error = watched.error().number};
  connections_.emplace(id, Connection{std::move(taken.socket), taken.peer.uid, {}});
  return SocketEvent{.kind = SocketEventKind::opened, .connection = id, .peer = taken.peer};
}

std::optional<SocketEvent> AgentSocket::read(std::uint32_t id, Connection& connection,
                                             std::span<std::byte> buffer) {
  Result<Chunk> chunk = closing_.has_too_many(connection.user)
                            ? fail(EBUSY)
                            : receive_chunk(connection.socket.get(), buffer);
  if (!chunk && chunk.error() == Errno{EAGAIN}) return std::nullopt;
  if (chunk) {
    // whoever sends more than these is up to something else
    const std::size_t room = kMaxFds - connection.fds.size();
    const auto kept = static_cast<std::ptrdiff_t>(std::min(room, chunk->fds.size()));
    const auto beyond = chunk->fds.begin() + kept;
    chunk->is_truncated |= beyond != chunk->fds.end();
    std::move(chunk->fds.begin(), beyond, std::back_inserter(connection.fds));
    close_all(connection.user, {},
              {std::move_iterator(beyond), std::move_iterator(chunk->fds.end())});
    if (chunk->length > 0) {
      return SocketEvent{.kind = SocketEventKind::data,
                         .connection = id,
                         .length = chunk->length,
                         .is_truncated = chunk->is_truncated,
                         .fd_count = connection.fds.size()};
    }
  }
  const int error = chunk ? 0 : chunk.error().number;
  close_connection(id);
  return SocketEvent{.kind = SocketEventKind::closed, .connection = id, .error = error};
}

Result<UniqueFd> AgentSocket::take_fd(std::uint32_t connection, std::size_t index) {
  const auto found = connections_.find(connection);
  if (found == connections_.end() || index >= found->second.fds.size() ||
      !found->second.fds[index].is_open()) {
    return fail(EBADF);
  }
  if (!is_listener(found->second.fds[index].get())) return fail(EINVAL);
  return std::move(found->second.fds[index]);
}

void AgentSocket::mute_connection(std::uint32_t connection) {
  const auto found = connections_.find(connection);
  if (found == connections_.end() || !found->second.socket.is_open()) return;
  Connection& muted = found->second;
  // it may be closed later, by another thread
  (void)epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, muted.socket.get(), nullptr);
  close_all(muted.user, std::move(muted.socket));
}

void AgentSocket::hold_connection(std::uint32_t connection, std::size_t index) {
  const auto found = connections_.find(connection);
  if (found == connections_.end()) return;
  Connection& held = found->second;
  mute_connection(connection);
  std::vector<UniqueFd> fds = std::exchange(held.fds, {});
  held.fds.resize(fds.size());
  if (index < fds.size()) held.fds[index] = std::move(fds[index]);
  close_all(held.user, {}, std::move(fds));
}

bool AgentSocket::is_connection_over(std::uint32_t connection, std::size_t index) {
  const auto found = connections_.find(connection);
  if (found == connections_.end() || index >= found->second.fds.size()) return true;
  const UniqueFd& fd = found->second.fds[index];
  if (!fd.is_open()) return true;
  if (!is_listener(fd.get())) return false;
  pollfd polled = {.fd = fd.get(), .events = 0, .revents = 0};
  // one that is held is not over
  const ListenerGuard::Asking asking;
  return poll(&polled, 1, 0) == 1 && (polled.revents & POLLHUP) != 0;
}

void AgentSocket::keep_asked(std::uint32_t connection, AskedProcesses asked) {
  const auto found = connections_.find(connection);
  if (found != connections_.end()) found->second.asked = std::move(asked);
}

AskedProcesses AgentSocket::take_asked(std::uint32_t connection) {
  const auto found = connections_.find(connection);
  return found == connections_.end() ? AskedProcesses{} : std::exchange(found->second.asked, {});
}

void AgentSocket::keep_first(std::uint32_t connection, FirstProcess first) {
  const auto found = connections_.find(connection);
  if (found != connections_.end()) found->second.first = std::move(first);
}

UniqueFd AgentSocket::copy_first(std::uint32_t connection) {
  const auto found = connections_.find(connection);
  if (found == connections_.end()) return {};
  return UniqueFd(fcntl(found->second.first.pidfd.get(), F_DUPFD_CLOEXEC, 0));
}

std::size_t AgentSocket::keep_paths(std::uint32_t connection,
                                    std::shared_ptr<const HeldPaths> paths) {
  const auto found = connections_.find(connection);
  if (found == connections_.end()) return 0;
  found->second.first.paths = std::move(paths);
  return bytes_of(found->second.first);
}

FirstProcess AgentSocket::take_first(std::uint32_t connection) {
  const auto found = connections_.find(connection);
  return found == connections_.end() ? FirstProcess{} : std::exchange(found->second.first, {});
}

void AgentSocket::close_connection(std::uint32_t connection) {
  auto node = connections_.extract(connection);
  if (!node) return;
  Connection& closed = node.mapped();
  close_all(closed.user, std::move(closed.socket), std::move(closed.fds));
}

void AgentSocket::close_all(uid_t user, UniqueFd socket, std::vector<UniqueFd> fds) {
  if (!is_limited(user)) return;
  if (socket.is_open() && has_unread(socket.get())) fds.push_back(std::move(socket));
  closing_.close(user, std::move(fds));
}

}  // namespace seccompagent
