// SPDX-License-Identifier: Apache-2.0
#include "acting/mount_budget.h"

#include <algorithm>
#include <utility>

#include "acting/mount_namespace.h"

namespace seccompagent {
namespace {

// The second is a fifth of what the kernel lets one mount namespace have, see mount-max in proc(5).
constexpr MountBudget::Limits kMounts = {.own = 4000, .all = 20'000};

// No user has that one: the kernel takes it for none.
constexpr std::uint32_t kOtherUsers = ~0U;
// Interval between counts of others' mounts.
constexpr Nanoseconds kOthersAgain = kSecond;

[[nodiscard]] std::uint64_t less(std::uint64_t from, std::uint64_t amount) {
  return from - std::min(from, amount);
}

// The division is for numbers that nobody has checked.
[[nodiscard]] std::uint64_t at_most(std::uint64_t amount, std::uint64_t existing,
                                    std::uint64_t largest) {
  return largest != 0 && existing < amount / largest ? existing * largest : amount;
}

}  // namespace

MountBudget& MountBudget::of_process() {
  static MountBudget budget(kMounts, count_mounts_in);
  return budget;
}

std::uint64_t MountBudget::left(const Holder& holder) {
  const std::lock_guard lock(mutex_);
  const auto account = accounts_.find(account_of(holder));
  const auto container = containers_.find(holder.payer);
  const std::uint64_t users = account == accounts_.end() ? 0 : account->second.sum;
  const std::uint64_t containers = container == containers_.end() ? 0 : container->second.sum;
  const std::uint64_t earlier = left_by_earlier(holder.payer);
  const std::uint64_t of_container = less(less(limits_.all, sum_) / 2, containers + earlier);
  const std::uint64_t of_user = less(less(limits_.own, containers + earlier), users);
  return std::min(of_container, of_user);
}

// By ended containers of the same sender.
std::uint64_t MountBudget::left_by_earlier(Payer payer) const {
  const auto container = containers_.find(payer);
  if (container == containers_.end() || container->second.sender == 0) return 0;
  const auto earlier = ended_.find(container->second.sender);
  return earlier == ended_.end() ? 0 : earlier->second;
}

Holder MountBudget::account_of(const Holder& holder) const {
  if (accounts_.contains(holder)) return holder;
  const auto container = containers_.find(holder.payer);
  const bool has_many = container != containers_.end() && container->second.users >= kMaxUsers;
  return has_many ? Holder{.payer = holder.payer, .user = kOtherUsers} : holder;
}

// nullptr: nothing was made, and nothing is counted there.
MountBudget::AtPlace* MountBudget::find_place(const Holder& holder, const Made& made) {
  const auto found = accounts_.find(holder);
  if (made.is_over) {
    if (found == accounts_.end()) return nullptr;
    const auto at = found->second.places.find(made.place);
    return at == found->second.places.end() ? nullptr : &at->second;
  }
  if (found == accounts_.end() && holder.user != kOtherUsers) ++containers_[holder.payer].users;
  return &accounts_[holder].places[made.place];
}

void MountBudget::set(const Holder& holder, AtPlace& at, std::uint64_t amount) {
  const std::uint64_t change = amount - at.amount;
  accounts_[holder].sum += change;
  Container& container = containers_[holder.payer];
  container.sum += change;
  if (container.listeners == 0) note_ended(container.sender, change);
  sum_ += change;
  at.amount = amount;
}

// More, or less, that ended containers of a sender have left.
void MountBudget::note_ended(std::uint32_t sender, std::uint64_t change) {
  if (sender == 0 || change == 0) return;
  std::uint64_t& sum = ended_[sender];
  sum += change;
  if (sum == 0) ended_.erase(sender);
}

void MountBudget::forget_nothing_at(const Holder& holder, std::uint64_t place) {
  const auto account = accounts_.find(holder);
  if (account == accounts_.end()) return;
  auto& places = account->second.places;
  const auto at = places.find(place);
  if (at != places.end() && at->second.amount == 0) places.erase(at);
  if (!places.empty()) return;
  accounts_.erase(account);
  const auto container = containers_.find(holder.payer);
  if (holder.user != kOtherUsers) --container->second.users;
  if (container->second.listeners == 0 && container->second.sum == 0) containers_.erase(container);
}

void MountBudget::begin(Payer payer, std::uint32_t sender) {
  const std::lock_guard lock(mutex_);
  Container& container = containers_[payer];
  if (++container.listeners > 1) return;
  // it was executed in once more
  note_ended(container.sender, -container.sum);
  container.sender = sender;
}

void MountBudget::note(const Holder& holder, const Made& made) {
  if (made.place == 0) return;
  add(holder, made);
  if (made.is_over) count_again(holder.payer);
}

void MountBudget::add(const Holder& holder, const Made& made) {
  const std::lock_guard lock(mutex_);
  if (!containers_.contains(holder.payer)) return;
  const Holder owner = account_of(holder);
  AtPlace* const at = find_place(owner, made);
  if (at == nullptr) return;
  at->last_used = now();
  at->largest = std::max(at->largest, made.largest);
  at->is_told = at->is_told && made.existing != Made::kUntold;
  std::uint64_t amount = at->amount;
  if (at->is_told) amount = at_most(amount, made.existing, at->largest);
  if (!made.is_over) amount += made.amount;
  set(owner, *at, amount);
  forget_nothing_at(owner, made.place);
}

// The kernel is asked without the mutex: every call that makes something takes that.
void MountBudget::count_again(Payer payer) {
  std::unique_lock lock(mutex_);
  const std::vector<Asked> all = begin_count(payer);
  lock.unlock();
  for (const Asked& asked : all) {
    const std::uint64_t there = count_(asked.place, asked.unused_for, asked.amount);
    const std::lock_guard again(mutex_);
    end_count(asked, there);
  }
}

std::vector<MountBudget::Asked> MountBudget::begin_count(Payer payer) {
  const Nanoseconds time = now();
  std::vector<Asked> all;
  for (auto& [holder, account] : accounts_) {
    for (auto& [place, at] : account.places) {
      const bool is_others = holder.payer != payer;
      if (is_others && time - at.last_count < kOthersAgain) continue;
      at.last_count = time;
      all.push_back({holder, place, at.amount, time - at.last_used});
    }
  }
  return all;
}

// Files that were made meanwhile may not be among the counted ones.
void MountBudget::end_count(const Asked& asked, std::uint64_t there) {
  const auto account = accounts_.find(asked.holder);
  if (account == accounts_.end() || there > asked.amount) return;
  auto& places = account->second.places;
  const auto at = places.find(asked.place);
  if (at == places.end()) return;
  const std::uint64_t amount =
      at_most(asked.amount, there, at->second.largest) + less(at->second.amount, asked.amount);
  if (amount < at->second.amount) set(asked.holder, at->second, amount);
  forget_nothing_at(asked.holder, asked.place);
}

void MountBudget::end_of(Payer payer) {
  const std::lock_guard lock(mutex_);
  const auto container = containers_.find(payer);
  if (container == containers_.end() || --container->second.listeners > 0) return;
  // its mount namespaces may be kept by others
  note_ended(container->second.sender, container->second.sum);
  if (container->second.sum == 0) containers_.erase(container);
}

}  // namespace seccompagent
