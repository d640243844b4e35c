// SPDX-License-Identifier: Apache-2.0
#include "container_budget.h"

#include <algorithm>
#include <utility>

namespace seccompagent {
namespace {

constexpr std::uint64_t kMiB = 1024UL * 1024;
constexpr ContainerBudget::Limits kMemory = {.own = 64 * kMiB, .all = 192 * kMiB};
// The second is a fifth of what the kernel lets one mount namespace have, see mount-max in proc(5).
constexpr ContainerBudget::Limits kMounts = {.own = 1000, .all = 20'000};

}  // namespace

ContainerBudget& ContainerBudget::of_memory() {
  static ContainerBudget budget(kMemory);
  return budget;
}

ContainerBudget& ContainerBudget::of_mounts() {
  static ContainerBudget budget(kMounts);
  return budget;
}

void ContainerBudget::limit(Limits limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

std::uint64_t ContainerBudget::left(std::uint32_t token) {
  const std::lock_guard lock(mutex_);
  const auto found = accounts_.find(token);
  const std::uint64_t own = found == accounts_.end() ? 0 : found->second.sum;
  const std::uint64_t free = limits_.all - std::min(limits_.all, sum_);
  const std::uint64_t most = std::min(limits_.own, free / 2);
  return most - std::min(most, own);
}

// What others left there is this container's from now on.
ContainerBudget::AtPlace& ContainerBudget::find_place(Account& account, std::uint64_t place) {
  constexpr std::uint64_t kElsewhere = 0;
  if (account.places.size() >= kMostPlaces && !account.places.contains(place)) {
    AtPlace& elsewhere = account.places[kElsewhere];
    elsewhere.is_told = false;
    return elsewhere;
  }
  const auto [found, is_new] = account.places.try_emplace(place);
  AtPlace& at = found->second;
  if (!is_new) return at;
  const auto left = std::ranges::find(left_behind_, place, &LeftBehind::place);
  if (left == left_behind_.end()) return at;
  at = {.amount = 0, .largest = left->what.largest, .is_told = left->what.is_told};
  set(account, at, left->what.amount);
  left_behind_.erase(left);
  return at;
}

void ContainerBudget::set(Account& account, AtPlace& at, std::uint64_t amount) {
  account.sum += amount - at.amount;
  sum_ += amount - at.amount;
  at.amount = amount;
}

void ContainerBudget::note(std::uint32_t token, const Made& made) {
  if (made.place == 0) return;
  const std::lock_guard lock(mutex_);
  Account& account = accounts_[token];
  AtPlace& at = find_place(account, made.place);
  at.largest = std::max(at.largest, made.largest);
  at.is_told = at.is_told && made.existing != Made::kUntold;
  std::uint64_t amount = at.amount;
  // the division is for numbers that a file system makes up
  if (at.is_told && at.largest != 0 && made.existing < amount / at.largest)
    amount = made.existing * at.largest;
  if (!made.is_over) amount += made.amount;
  set(account, at, amount);
}

void ContainerBudget::end_of(std::uint32_t token) {
  const std::lock_guard lock(mutex_);
  auto ended = accounts_.extract(token);
  if (!ended) return;
  sum_ -= ended.mapped().sum;
  for (const auto& [place, what] : ended.mapped().places) {
    if (what.amount == 0) continue;
    const auto before = std::ranges::find(left_behind_, place, &LeftBehind::place);
    if (before == left_behind_.end()) {
      left_behind_.push_back({place, what});
      continue;
    }
    before->what.amount += what.amount;
    before->what.largest = std::max(before->what.largest, what.largest);
    before->what.is_told = before->what.is_told && what.is_told;
  }
  while (left_behind_.size() > kMostLeftBehind) left_behind_.pop_front();
}

}  // namespace seccompagent
