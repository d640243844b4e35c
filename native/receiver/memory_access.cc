// SPDX-License-Identifier: Apache-2.0
// The time in which a worker uses a caller's memory, which may keep it waiting.
#include <optional>

#include "container/caller_faults.h"
#include "receiver/worker.h"

namespace seccompagent {

Worker::MemoryAccess::MemoryAccess(Worker& worker, Reader reader)
    : worker_(worker),
      reader_(reader),
      before_(worker.place_.phase.load(std::memory_order_relaxed)),
      faults_(reader.payer) {
  if (reader.by == ReadBy::child || reader.by == ReadBy::hasty_child)
    reader_.taken = &taken_.emplace();
  // whoever sees a phase of the call sees all that was said of the call before
  worker.place_.phase.store(taken_ ? Phase::awaiting_read : Phase::reading,
                            std::memory_order_release);
}

Worker::MemoryAccess::~MemoryAccess() {
  worker_.place_.phase.store(before_, std::memory_order_release);
  worker_.end_being_held();
  // what a child meets is not counted for this thread
  if (taken_) CallerFaults::of_process().note(reader_.payer, 1);
  if (reader_.by != ReadBy::child || !taken_) return;
  constexpr Nanoseconds kQuick = 20 * kMillisecond;
  if (taken_->counted() >= kQuick) {
    worker_.listener_->container->slow_reads.note_slow();
  } else if (taken_->age() < kQuick) {
    worker_.listener_->container->slow_reads.note_quick();
  }
}

Reader Worker::reader() const {
  const Payer payer = listener_->container->payer;
  if (!CallerFaults::of_process().may_read(payer)) return {ReadBy::nobody, payer};
  const bool is_slow =
      listener_->container->slow_reads.are_slow() || listener_->container->loses_workers();
  if (is_slow) return {ReadBy::child, payer};
  return {receiver_->too_many_are_held() ? ReadBy::hasty_child : ReadBy::this_thread, payer};
}

void Worker::end_being_held() {
  using Hold = Place::Hold;
  if (place_.hold.load(std::memory_order_relaxed) == Hold::none) return;
  const Hold before = place_.hold.exchange(Hold::none);
  if (before == Hold::held) receiver_->held_count_.fetch_sub(1);
  if (before != Hold::lost) return;
  receiver_->lost_count_.fetch_sub(1);
  const std::lock_guard lock(receiver_->mutex_);
  if (const auto container = std::exchange(place_.lost_for, nullptr))
    container->note_worker_back(now());
}

Reader Worker::begin_use() {
  if (!listener_) return {};
  return use_.emplace(*this, reader()).reader();
}

void Worker::end_use() { use_.reset(); }

}  // namespace seccompagent
