// SPDX-License-Identifier: Apache-2.0
// See seccomp_unotify(2) for POLLHUP.
#include "helper/container_end.h"

#include <poll.h>
#include <sys/socket.h>

#include "helper/wire.h"

namespace seccompagent {

Result<ReceivedMessage> ContainerEnd::receive(std::span<std::byte> into) const {
  while (listener_.is_open()) {
    pollfd wanted[] = {{.fd = kHelperSocket, .events = POLLIN, .revents = 0},
                       {.fd = listener_.get(), .events = 0, .revents = 0}};
    // poll(2) goes on by restart_syscall(2) where its thread was frozen or stopped meanwhile
    if (ppoll(wanted, 2, nullptr, nullptr) <= 0) continue;
    if (wanted[0].revents != 0) break;
    if ((wanted[1].revents & POLLHUP) == 0) continue;
    // what the agent has sent by now is served; from now on it hears that nobody is here
    shutdown(kHelperSocket, SHUT_RD);
    break;
  }
  return receive_message(kHelperSocket, into);
}

}  // namespace seccompagent
