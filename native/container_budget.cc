// SPDX-License-Identifier: Apache-2.0
#include "container_budget.h"

#include <algorithm>
#include <utility>

#include "mount_namespace.h"

namespace seccompagent {
namespace {

constexpr std::uint64_t kMiB = 1024UL * 1024;
constexpr ContainerBudget::Limits kMemory = {.own = 128 * kMiB, .all = 256 * kMiB};
// The second is a fifth of what the kernel lets one mount namespace have, see mount-max in proc(5).
constexpr ContainerBudget::Limits kMounts = {.own = 4000, .all = 20'000};

constexpr std::uint64_t kElsewhere = 0;
// How soon what others have is counted again.
constexpr Nanoseconds kOthersAgain = kSecond;

[[nodiscard]] std::uint64_t less(std::uint64_t from, std::uint64_t amount) {
  return from - std::min(from, amount);
}

}  // namespace

ContainerBudget& ContainerBudget::of_memory() {
  static ContainerBudget budget(kMemory);
  return budget;
}

ContainerBudget& ContainerBudget::of_mounts() {
  static ContainerBudget budget(kMounts, count_mounts_in);
  return budget;
}

std::uint64_t ContainerBudget::left(const Holder& holder) {
  const std::lock_guard lock(mutex_);
  const auto found = accounts_.find(holder);
  const auto container = sums_.find(holder.token);
  const std::uint64_t users = found == accounts_.end() ? 0 : found->second.sum;
  const std::uint64_t containers = container == sums_.end() ? 0 : container->second;
  const std::uint64_t of_container = less(less(limits_.all, sum_) / 2, containers);
  const std::uint64_t of_user = less(less(limits_.own, containers), users);
  return std::min(of_container, of_user);
}

// What others left there is this container's from now on.
ContainerBudget::AtPlace& ContainerBudget::find_place(const Holder& holder, Account& account,
                                                      std::uint64_t place) {
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
  at.largest = left->what.largest;
  at.is_told = left->what.is_told;
  set(holder, account, at, left->what.amount);
  left_behind_.erase(left);
  return at;
}

void ContainerBudget::set(const Holder& holder, Account& account, AtPlace& at,
                          std::uint64_t amount) {
  const std::uint64_t change = amount - at.amount;
  account.sum += change;
  sums_[holder.token] += change;
  sum_ += change;
  at.amount = amount;
}

void ContainerBudget::begin(std::uint32_t token) {
  const std::lock_guard lock(mutex_);
  containers_.insert(token);
}

bool ContainerBudget::is_full(const Holder& holder, std::uint64_t place) {
  const std::lock_guard lock(mutex_);
  const auto account = accounts_.find(holder);
  return account != accounts_.end() && account->second.places.size() >= kMostPlaces &&
         !account->second.places.contains(place);
}

void ContainerBudget::note(const Holder& holder, const Made& made) {
  if (made.place == 0) return;
  if (count_ != nullptr && is_full(holder, made.place)) count_again(holder.token);
  add(holder, made);
  if (count_ != nullptr && made.is_over) count_again(holder.token);
}

void ContainerBudget::add(const Holder& holder, const Made& made) {
  const std::lock_guard lock(mutex_);
  if (!containers_.contains(holder.token)) return;
  Account& account = accounts_[holder];
  AtPlace& at = find_place(holder, account, made.place);
  at.last_used = now();
  at.largest = std::max(at.largest, made.largest);
  at.is_told = at.is_told && made.existing != Made::kUntold;
  std::uint64_t amount = at.amount;
  // the division is for numbers that a file system makes up
  if (at.is_told && at.largest != 0 && made.existing < amount / at.largest)
    amount = made.existing * at.largest;
  if (!made.is_over) amount += made.amount;
  set(holder, account, at, amount);
}

// The kernel is asked without the mutex: every call that makes something takes that.
void ContainerBudget::count_again(std::uint32_t token) {
  std::unique_lock lock(mutex_);
  const std::vector<Asked> all = begin_count(token);
  lock.unlock();
  for (const Asked& asked : all) {
    const std::uint64_t there = count_(asked.place, asked.unused_for, asked.amount);
    const std::lock_guard again(mutex_);
    end_count(asked, there);
  }
}

std::vector<ContainerBudget::Asked> ContainerBudget::begin_count(std::uint32_t token) {
  const Nanoseconds time = now();
  std::vector<Asked> all;
  for (auto& [holder, account] : accounts_) {
    for (auto& [place, at] : account.places) {
      const bool is_others = holder.token != token;
      if (place == kElsewhere || (is_others && time - at.last_count < kOthersAgain)) continue;
      at.last_count = time;
      all.push_back({holder, place, at.amount, time - at.last_used});
    }
  }
  return all;
}

// What was made meanwhile may not be among what is there.
void ContainerBudget::end_count(const Asked& asked, std::uint64_t there) {
  const auto account = accounts_.find(asked.holder);
  if (account == accounts_.end() || there > asked.amount) return;
  auto& places = account->second.places;
  const auto at = places.find(asked.place);
  if (at == places.end()) return;
  const std::uint64_t amount = there + less(at->second.amount, asked.amount);
  if (amount < at->second.amount) set(asked.holder, account->second, at->second, amount);
  if (at->second.amount == 0) places.erase(at);
}

void ContainerBudget::leave_behind(const Account& account) {
  for (const auto& [place, what] : account.places) {
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

void ContainerBudget::end_of(std::uint32_t token) {
  const std::lock_guard lock(mutex_);
  containers_.erase(token);
  const auto first = accounts_.lower_bound({.token = token, .user = 0});
  auto end = first;
  for (; end != accounts_.end() && end->first.token == token; ++end) leave_behind(end->second);
  accounts_.erase(first, end);
  const auto sum = sums_.extract(token);
  if (sum) sum_ -= sum.mapped();
}

}  // namespace seccompagent
