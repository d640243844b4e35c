// SPDX-License-Identifier: Apache-2.0
// The closing of what users have sent to the agent socket. For some files and sockets that takes as
// long as their owner wants, as for a FUSE that does not answer or a socket that lingers: each user
// has a thread for it, and nobody else waits.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "kernel/unique_fd.h"

namespace seccompagent {

class UsersClosing {
 public:
  // From so many on that wait, a user is to send no more.
  static constexpr std::size_t kMaxWaiting = 64;

  void close(uid_t user, std::vector<UniqueFd> fds);
  [[nodiscard]] bool has_too_many(uid_t user) const;
  // Of whom something waits; for tests.
  [[nodiscard]] std::size_t user_count() const;

 private:
  struct Queue {
    std::vector<UniqueFd> waiting;
    bool has_thread = false;
  };
  // They outlive us in a thread that hangs.
  struct Queues {
    std::mutex mutex;
    std::map<uid_t, Queue> by_user;
  };
  struct Thread {
    std::shared_ptr<Queues> queues;
    uid_t user;
  };
  static void* run(void* thread);

  std::shared_ptr<Queues> queues_ = std::make_shared<Queues>();
};

}  // namespace seccompagent
