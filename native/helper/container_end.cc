// SPDX-License-Identifier: Apache-2.0
// See seccomp_unotify(2) for POLLHUP.
#include "helper/container_end.h"

#include <poll.h>
#include <sys/socket.h>

#include "helper/wire.h"

namespace seccompagent {

Result<ReceivedMessage> ContainerEnd::receive(std::span<std::byte> into) const {
  if (listener_.is_open()) {
    pollfd wanted[] = {{.fd = kHelperSocket, .events = POLLIN, .revents = 0},
                       {.fd = listener_.get(), .events = 0, .revents = 0}};
    (void)retry_eintr([&] { return poll(wanted, 2, -1); });
    // what the agent has sent by now is served; from now on it hears that nobody is here
    if (wanted[0].revents == 0) shutdown(kHelperSocket, SHUT_RD);
  }
  return receive_message(kHelperSocket, into);
}

}  // namespace seccompagent
