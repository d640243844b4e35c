// SPDX-License-Identifier: Apache-2.0
#include "process/patient_answers.h"

#include <chrono>
#include <iterator>
#include <utility>

#include "kernel/blocked_signals_thread.h"

namespace seccompagent {
namespace {

constexpr Nanoseconds kPause = 20 * kMillisecond;

}  // namespace

// Never freed: its thread runs as long as the process.
PatientAnswers& PatientAnswers::of_process() {
  static PatientAnswers& only = *new PatientAnswers;
  return only;
}

void PatientAnswers::add(int listener, Attempt attempt) {
  const std::lock_guard lock(mutex_);
  waiting_[listener].push_back(std::move(attempt));
  // without a thread to be had, the next one that comes tries again
  if (!is_started_) is_started_ = start_blocked_signals_thread(main, this).has_value();
  changed_.notify_all();
}

void PatientAnswers::await(Nanoseconds most) {
  std::unique_lock lock(mutex_);
  (void)changed_.wait_for(lock, std::chrono::nanoseconds(most),
                          [this] { return waiting_.empty() && !is_trying_; });
}

void* PatientAnswers::main(void* self) {
  static_cast<PatientAnswers*>(self)->run();
  return nullptr;
}

// An attempt may wait for some milliseconds, so of each listener no other one is tried after one
// that was in vain.
void PatientAnswers::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return !waiting_.empty(); });
    auto all = std::exchange(waiting_, {});
    is_trying_ = true;
    lock.unlock();
    for (auto& [listener, attempts] : all) {
      while (!attempts.empty() && attempts.front()()) attempts.pop_front();
    }
    std::erase_if(all, [](const auto& entry) { return entry.second.empty(); });
    if (!all.empty()) pause_for(kPause);
    lock.lock();
    is_trying_ = false;
    for (auto& [listener, attempts] : all) {
      auto& those = waiting_[listener];
      // before those that have come meanwhile
      those.insert(those.begin(), std::make_move_iterator(attempts.begin()),
                   std::make_move_iterator(attempts.end()));
    }
    all.clear();
    changed_.notify_all();
  }
}

}  // namespace seccompagent
