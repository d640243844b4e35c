// SPDX-License-Identifier: Apache-2.0
// Looks at callers that wait for another process: a signal for one ends its wait, and so does a
// pause of its container. A look may wait for the caller's file system (caller/memory_use.h), so it
// has a thread of its own, which is left where it is and replaced.
#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <semaphore>
#include <utility>
#include <vector>

#include "acting/handed_calls_parts.h"
#include "acting/helper_start.h"
#include "caller/caller_state.h"
#include "kernel/blocked_signals_thread.h"

namespace seccompagent {
namespace {

// Time of one look, beyond what a scheduler mostly takes: if it was no more than that, the looker
// that was left ends when it comes back.
constexpr Nanoseconds kPatience = kSecond;

}  // namespace

struct HandedCalls::Parts::Looker {
  explicit Looker(Parts& all) : parts(all) {}

  // `argument`: a shared_ptr of the looker, which is taken.
  static void* main(void* argument) {
    const std::unique_ptr<std::shared_ptr<Looker>> given(
        static_cast<std::shared_ptr<Looker>*>(argument));
    Looker& self = **given;
    while (!self.is_left.load()) {
      self.asked.acquire();
      self.parts.look_for_interruptions(self);
      self.is_looking.store(false);
    }
    const std::lock_guard lock(self.parts.mutex);
    self.parts.kept_looking.erase(self.payer.load());
    return nullptr;
  }

  Parts& parts;
  std::counting_semaphore<> asked{0};
  std::atomic<bool> is_looking = false;
  // Of the caller that it looks at, and since when.
  std::atomic<Payer> payer = 0;
  std::atomic<Nanoseconds> since = 0;
  // Another one looks from here on.
  std::atomic<bool> is_left = false;
};

// By the thread of all calls, which waits for none.
void HandedCalls::Parts::have_interruptions_looked_for() {
  const std::lock_guard lock(mutex);
  const auto waits = [](const auto& entry) { return entry.second.is_waiting; };
  if (std::ranges::none_of(all, waits)) return;
  if (looker && looker->is_looking.load()) {
    if (now() - looker->since.load() < kPatience) return;
    kept_looking.insert(looker->payer.load());
    looker->is_left.store(true);
    // it may have come back just now
    looker->asked.release();
    looker.reset();
  }
  if (!looker) {
    auto next = std::make_unique<std::shared_ptr<Looker>>(std::make_shared<Looker>(*this));
    const auto started = *next;
    // the next look is soon
    if (!start_blocked_signals_thread(Looker::main, next.get())) return;
    (void)next.release();
    looker = started;
  }
  looker->since.store(now());
  looker->is_looking.store(true);
  looker->asked.release();
}

// At all calls that wait. With the mutex not held: what is read may be much.
void HandedCalls::Parts::look_for_interruptions(Looker& by) {
  struct Waiting {
    std::uint64_t number;
    std::shared_ptr<HandedCall> call;
    std::shared_ptr<JoinedCgroups> cgroups;
  };
  std::vector<Waiting> waiting;
  {
    const std::lock_guard lock(mutex);
    for (const auto& [number, handed] : all) {
      // the kernel takes others back itself
      if (!handed.is_waiting || handed.call->comes_again() || handed.call->seen()) continue;
      if (!kept_looking.contains(handed.call->payer()))
        waiting.push_back({number, handed.call, handed.helper->process_.cgroups});
    }
  }
  for (const auto& [number, call, cgroups] : waiting) {
    if (by.is_left.load()) return;
    by.payer.store(call->payer());
    by.since.store(now());
    CallerState caller(call->tid());
    const auto status = caller.read_status();
    if (!status) continue;
    const bool is_paused = cgroups->are_paused_for(call->tid());
    const Locked lock(*this);
    const auto at = all.find(number);
    const bool is_there = at != all.end() && at->second.call == call;
    if (is_there && call->interrupt(*status, is_paused)) drop(at);
  }
}

}  // namespace seccompagent
