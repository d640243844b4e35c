// SPDX-License-Identifier: Apache-2.0
#include "container/caller_faults.h"

#include <sys/resource.h>

#include <cmath>

namespace seccompagent {
namespace {

// Of this thread, those for others' memory with them, see getrusage(2).
[[nodiscard]] std::uint64_t faults_of_thread() {
  rusage usage = {};
  if (getrusage(RUSAGE_THREAD, &usage) == -1) return 0;
  return static_cast<std::uint64_t>(usage.ru_minflt + usage.ru_majflt);
}

}  // namespace

double CallerFaults::Count::at(Nanoseconds later) const {
  return faults * std::exp2(-static_cast<double>(later - time) / kHalfLife);
}

// Never freed: threads may use it to the end.
CallerFaults& CallerFaults::of_process() {
  static auto& faults = *new CallerFaults(MemoryRoom::of_process());
  return faults;
}

bool CallerFaults::may_read(Payer payer, Nanoseconds time) {
  if (!room_.is_short(payer)) return true;
  const std::lock_guard lock(mutex_);
  const auto count = counts_.find(payer);
  return count == counts_.end() || count->second.at(time) <= kFew;
}

void CallerFaults::note(Payer payer, std::uint64_t faults, Nanoseconds time) {
  if (faults == 0) return;
  room_.note(faults * kBytes);
  const std::lock_guard lock(mutex_);
  if (counts_.size() >= kMaxPayers) forget_few(time);
  Count& count = counts_[payer];
  count = {.faults = count.at(time) + static_cast<double>(faults), .time = time};
}

void CallerFaults::forget_few(Nanoseconds time) {
  std::erase_if(counts_, [time](const auto& entry) { return entry.second.at(time) <= kFew; });
  if (counts_.size() >= kMaxPayers) counts_.clear();
}

FaultWatch::FaultWatch(Payer payer, CallerFaults& faults) : faults_(faults), payer_(payer) {
  // to ask twice takes 0.4 us
  constexpr std::uint64_t kOneOf = 16;
  static thread_local std::uint64_t turn = 0;
  if (faults.is_short(payer))
    weight_ = 1;
  else if (++turn % kOneOf == 0)
    weight_ = kOneOf;
  if (weight_ != 0) before_ = faults_of_thread();
}

FaultWatch::~FaultWatch() {
  if (weight_ != 0) faults_.note(payer_, (faults_of_thread() - before_) * weight_);
}

}  // namespace seccompagent
