// SPDX-License-Identifier: Apache-2.0
#include "socket/socket_file.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace seccompagent {
namespace {

[[nodiscard]] Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(ENAMETOOLONG);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

// Makes way for bind(2): a socket file that nobody listens on any more is removed.
[[nodiscard]] Result<void> clear_path(const std::string& path, const sockaddr_un& address) {
  struct stat file = {};
  if (lstat(path.c_str(), &file) == -1) {
    if (errno == ENOENT) return {};
    return fail_errno();
  }
  if (!S_ISSOCK(file.st_mode)) return fail(ENOTSOCK);
  const UniqueFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe.is_open()) return fail_errno();
  // EAGAIN: somebody listens and has a full backlog
  if (connect(probe.get(), generic(address), sizeof address) == 0 || errno == EAGAIN)
    return fail(EADDRINUSE);
  if (errno != ECONNREFUSED) return fail_errno();
  if (unlink(path.c_str()) == -1 && errno != ENOENT) return fail_errno();
  return {};
}

}  // namespace

Result<UniqueFd> bind_socket_file(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return std::unexpected(address.error());
  if (auto cleared = clear_path(path, *address); !cleared) return std::unexpected(cleared.error());
  UniqueFd bound(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!bound.is_open()) return fail_errno();
  // The file's mode comes from the socket's: nobody else can connect at any moment.
  if (fchmod(bound.get(), S_IRUSR | S_IWUSR) == -1) return fail_errno();
  const mode_t before = umask(0);
  const int result = bind(bound.get(), generic(*address), sizeof *address);
  const int error = errno;
  umask(before);
  if (result == -1) return fail(error);
  return bound;
}

}  // namespace seccompagent
