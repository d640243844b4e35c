// SPDX-License-Identifier: Apache-2.0
// The listeners of a receiver by their tokens, with their containers and who has sent them.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "kernel/clock.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"
#include "receiver/events.h"
#include "receiver/listener.h"
#include "receiver/quarantine.h"
#include "receiver/sender.h"
#include "receiver/worker_time.h"

namespace seccompagent {

// The end of a listener is told after what is reported of it.
class Listeners {
 public:
  explicit Listeners(EventQueue& events) : events_(events) {}

  // Tokens of what else is in the epoll set.
  static constexpr std::uint32_t kStopToken = 0;
  static constexpr std::uint32_t kWakeToken = 0xffffffff;

  // ENOTTY: the descriptor is no listener. EEXIST: it is one that we have.
  [[nodiscard]] Result<std::shared_ptr<Listener>> add(UniqueFd fd, ListenerFacts facts);
  // The last one: of its container.
  enum class Removed { was_gone, one_of_several, last };
  Removed remove(const Listener& listener);
  [[nodiscard]] std::shared_ptr<Listener> find(std::uint32_t token);
  [[nodiscard]] std::size_t size();
  // Late answers of all.
  [[nodiscard]] std::size_t late_count();

  // Processes whose end is an event; the descriptor stays the caller's.
  [[nodiscard]] std::uint32_t add_process(int pidfd);
  // Its descriptor; nothing: there is none.
  [[nodiscard]] std::optional<int> remove_process(std::uint32_t token);

  // The first processes of other containers.
  [[nodiscard]] std::vector<pid_t> other_firsts(const Listener& listener);
  // Of all listeners with the same first process that come from the same user: others may have
  // named that process, too.
  void note_frozen(const Listener& listener, bool is_frozen);
  // A call of a sender and a listener, which may have ended, has kept a worker for so long.
  [[nodiscard]] std::shared_ptr<Listener> note_kept(std::uint32_t sender, std::uint32_t token,
                                                    Nanoseconds kept, Nanoseconds time);

  // In place of one of this sender's that has ended, by which what it still does counts for him.
  [[nodiscard]] std::shared_ptr<Container> ended_container(std::uint32_t sender);

  // Quarantine for handlers; else there is none.
  void share_quarantine(const Quarantine& quarantine);
  // Tells the event of a handler of these terms that has exceeded its deadline, and distrusts
  // containers with the same component. `link`: 1 + its place in the chain; 0: it is no handler's
  // fault. `sender`: of the container whose call it was.
  void report_overdue(const Terms& terms, std::uint32_t link, std::uint32_t sender,
                      ReceiverEvent event);
  // Tells the event of a worker that has ended within a handler, unless the listener has ended.
  void report_broken(const Terms& terms, ReceiverEvent event);

 private:
  [[nodiscard]] std::uint32_t next_token();
  [[nodiscard]] bool has(int fd) const;
  [[nodiscard]] std::shared_ptr<Container> take_container(std::uint32_t token, uid_t peer_uid,
                                                          std::uint32_t sender);
  [[nodiscard]] bool leave_container(const std::shared_ptr<Container>& container);
  void take_earlier(FirstProcess& first, uid_t peer_uid) const;
  void distrust(const Listener& listener, std::string_view component = {},
                std::uint32_t sender = 0) const;

  EventQueue& events_;
  std::mutex mutex_;
  std::map<std::uint32_t, std::shared_ptr<Listener>> listeners_;
  std::map<std::uint32_t, int> processes_;
  std::uint32_t last_token_ = 0;
  // Containers that had listeners, the last ones last: each program that is executed in one may
  // have the only listener, and begins with what the one before has done.
  std::deque<std::shared_ptr<Container>> ended_;
  Senders senders_;
  Quarantine quarantine_;
  OverdueComponents overdue_components_;
};

}  // namespace seccompagent
