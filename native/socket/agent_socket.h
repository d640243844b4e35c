// SPDX-License-Identifier: Apache-2.0
// The agent socket: accepts connections and hands out what arrives on them, one event at a time.
#pragma once

#include <sys/stat.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "acting/container_masks.h"
#include "caller/first_process.h"
#include "kernel/blocked_signals_thread.h"
#include "kernel/result.h"
#include "kernel/scm_rights.h"
#include "kernel/unique_fd.h"
#include "process/users_closing.h"
#include "socket/connection_rates.h"

namespace seccompagent {

// `crowded`: the peer's user connects too often, or what he has sent takes too long to close.
// That come with a connection: a message carries one, and some runtimes send others along.
constexpr std::size_t kMaxFds = 8;

enum class SocketEventKind { opened, data, closed, refused, crowded };

struct SocketEvent {
  SocketEventKind kind;
  // Never given twice. 0 with `refused` and `crowded`.
  std::uint32_t connection = 0;
  // With `opened` and `crowded`.
  PeerCredentials peer = {};
  // With `data`: bytes read, whether descriptors were lost, and how many there are by now.
  std::size_t length = 0;
  bool is_truncated = false;
  std::size_t fd_count = 0;
  // With `closed` and `refused`: 0 or why.
  int error = 0;
};

// Used by one thread. A second thread of its own only waits: it writes a byte to the wake pipe when
// there is something for `next`, and waits until `next` has found nothing more. A third one accepts
// connections, so that users who connect again and again keep nobody from anything.
class AgentSocket {
 public:
  // EADDRINUSE: another agent listens there. ENOTSOCK: the path is something else than a socket.
  // A socket that nobody listens on is replaced. EOPNOTSUPP: see allow_users.
  // `users`: who may connect besides the owner.
  [[nodiscard]] static Result<std::unique_ptr<AgentSocket>> listen(const std::string& path,
                                                                   std::span<const uid_t> users);
  // Removes the socket file, unless another agent has put its own there.
  ~AgentSocket();
  AgentSocket(const AgentSocket&) = delete;
  AgentSocket& operator=(const AgentSocket&) = delete;

  // The read end of the wake pipe, given away once.
  [[nodiscard]] int take_wake_fd() { return wake_read_.release(); }
  // The next event, bytes of `data` in `buffer`; empty when there is none, until the next wake-up.
  [[nodiscard]] std::optional<SocketEvent> next(std::span<std::byte> buffer);
  // Whether somebody has connected of whom `next` knows nothing yet.
  [[nodiscard]] bool has_pending();
  // The index-th descriptor that came with the connection. EBADF: there is none. EINVAL: it is no
  // listener.
  [[nodiscard]] Result<UniqueFd> take_fd(std::uint32_t connection, std::size_t index);
  // Listens to the peer no more: the index-th descriptor that came along stays until the connection
  // is closed by us, and no other one.
  void hold_connection(std::uint32_t connection, std::size_t index);
  // Listens to the peer no more; what came along stays until the connection is closed by us.
  void mute_connection(std::uint32_t connection);
  // Whether no process has the filter any more whose listener the index-th descriptor is; also
  // where there is no such descriptor. Nothing else is asked: that may wait for its owner.
  [[nodiscard]] bool is_connection_over(std::uint32_t connection, std::size_t index);
  // Processes to ask about the container whose listener has come: they may end soon.
  void keep_asked(std::uint32_t connection, AskedProcesses asked);
  // None is open: there were none.
  [[nodiscard]] AskedProcesses take_asked(std::uint32_t connection);
  // Of the first process of the container whose listener has come: what it sees later, when
  // somebody takes the listener, may be of its own making.
  void keep_first(std::uint32_t connection, FirstProcess first);
  // That process, for as long as somebody looks for paths in it. Not open: nobody has looked.
  [[nodiscard]] UniqueFd copy_first(std::uint32_t connection);
  // The facts that were found of them; memory of all that is kept of it.
  std::size_t keep_paths(std::uint32_t connection, std::shared_ptr<const HeldPaths> paths);
  // That look. None: nobody has looked.
  [[nodiscard]] FirstProcess take_first(std::uint32_t connection);
  // Closes the connection and every descriptor that came with it.
  void close_connection(std::uint32_t connection);

 private:
  struct Connection {
    UniqueFd socket;
    uid_t user;
    std::vector<UniqueFd> fds;
    AskedProcesses asked = {};
    FirstProcess first = {};
  };

  struct Accepted {
    UniqueFd socket;
    PeerCredentials peer;
  };

  AgentSocket() = default;
  [[nodiscard]] Result<void> open(const std::string& path, std::span<const uid_t> users);
  // Of the third thread.
  void accept_all();
  // False: nothing can be accepted for now.
  [[nodiscard]] bool accept_one();
  // These with the mutex held.
  [[nodiscard]] bool is_admitted(const PeerCredentials& peer);
  void turn_away(const SocketEvent& event);
  void tell_of_accepted();

  void renew_access();
  // Its callers do not wait for users.
  void close_all(uid_t user, UniqueFd socket, std::vector<UniqueFd> fds = {});
  [[nodiscard]] std::optional<SocketEvent> take_accepted();
  [[nodiscard]] std::optional<SocketEvent> read(std::uint32_t id, Connection& connection,
                                                std::span<std::byte> buffer);
  void wait_and_wake();

  std::string path_;
  struct stat file_ = {};
  std::vector<uid_t> users_;
  // To change who may connect, where that is limited by a list.
  UniqueFd held_file_;
  UniqueFd listener_;
  // Given up for a moment to accept and close a connection when no descriptor is left.
  UniqueFd spare_;
  UniqueFd epoll_;
  UniqueFd stop_;
  UniqueFd wake_read_;
  UniqueFd wake_write_;
  std::map<std::uint32_t, Connection> connections_;
  std::uint32_t last_id_ = 0;
  // Of the third thread.
  ConnectionRates rates_;

  UsersClosing closing_;

  std::mutex mutex_;
  std::condition_variable rearmed_;
  bool is_armed_ = true;
  bool is_stopping_ = false;
  // For `next`, with an eventfd that is readable as long as there is something.
  std::deque<Accepted> accepted_;
  // One of those that were closed at once stands for all until it is read.
  std::optional<SocketEvent> turned_away_;
  UniqueFd has_accepted_;
  JoinedThread waiter_;
  JoinedThread acceptor_;
};

}  // namespace seccompagent
