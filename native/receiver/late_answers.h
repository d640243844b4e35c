// SPDX-License-Identifier: Apache-2.0
// Late answers: one thread waits for the first that is due, by a timer, see timerfd_create(2), and
// sends it. Nobody who receives does: before an answer its caller is looked at.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "kernel/clock.h"
#include "kernel/notify.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"
#include "receiver/listener.h"

namespace seccompagent {

// The answer itself is among the kept calls of its listener.
struct LateAnswer {
  Nanoseconds due;
  std::weak_ptr<Listener> listener;
  pid_t tid;
  bool is_second_try;
  // How often the thread had got a processor when this was planned; nothing: nobody knows.
  std::optional<std::uint64_t> turns = std::nullopt;
};

class LateAnswers {
 public:
  [[nodiscard]] Result<void> open();
  // Readable when an answer is due, or all were sent.
  [[nodiscard]] int timer() const { return timer_.get(); }
  // Sends each when it is due, until all were sent.
  void run(NotifyBuffers& buffers);

  // False: all were sent already, and nobody would send this one.
  [[nodiscard]] bool add(LateAnswer late);
  // Those that are due, or a part of them: the timer then goes off again at once.
  void send_due(NotifyBuffers& buffers, Nanoseconds time);
  // All, before their time; there are none afterwards.
  void send_all(NotifyBuffers& buffers);
  // Number of planned answers, with those that nobody waits for any more.
  [[nodiscard]] std::size_t planned() const;

 private:
  enum class Take : std::uint8_t { some, all };
  [[nodiscard]] std::vector<LateAnswer> take_due(Nanoseconds time, Take take);
  static void send(const LateAnswer& late, NotifyBuffers& buffers, Nanoseconds time,
                   std::set<std::shared_ptr<Listener>>& held);
  void arm();
  void drop_forgotten();

  static constexpr std::size_t kFewLate = 1024;

  UniqueFd timer_;
  mutable std::mutex mutex_;
  // By when they are due.
  std::multimap<Nanoseconds, LateAnswer> late_;
  // With so many, those that nobody waits for any more are looked for.
  std::size_t late_to_look_ = kFewLate;
  bool is_closed_ = false;
};

}  // namespace seccompagent
