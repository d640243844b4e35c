// SPDX-License-Identifier: Apache-2.0
#include "acting/container_budget.h"

#include <algorithm>
#include <utility>

#include "acting/lasting_file_systems.h"
#include "acting/mount_namespace.h"

namespace seccompagent {
namespace {

constexpr std::uint64_t kMiB = 1024UL * 1024;
constexpr ContainerBudget::Limits kMemory = {.own = 128 * kMiB, .all = 256 * kMiB};
// The second is a fifth of what the kernel lets one mount namespace have, see mount-max in proc(5).
constexpr ContainerBudget::Limits kMounts = {.own = 4000, .all = 20'000};

constexpr std::uint64_t kElsewhere = 0;
// No user has that one: the kernel takes it for none.
constexpr std::uint32_t kOtherUsers = ~0U;
// How soon what others have is counted again, and places that last are looked for.
constexpr Nanoseconds kOthersAgain = kSecond;
// Of all, what nothing at places that last gets.
constexpr std::uint64_t kReservedPart = 3;
// Beside all, what is there for those to whom others have left nothing, and among how many it is
// divided at least.
constexpr std::uint64_t kPartOfLeast = 8;
constexpr std::size_t kFewContainers = 32;

[[nodiscard]] std::uint64_t less(std::uint64_t from, std::uint64_t amount) {
  return from - std::min(from, amount);
}

// The division is for numbers that a file system makes up.
[[nodiscard]] std::uint64_t at_most(std::uint64_t amount, std::uint64_t existing,
                                    std::uint64_t largest) {
  return largest != 0 && existing < amount / largest ? existing * largest : amount;
}

}  // namespace

ContainerBudget& ContainerBudget::of_memory() {
  static ContainerBudget budget(kMemory, nullptr, find_lasting_file_systems,
                                [] { return MemoryRoom::of_process().is_ample(); });
  return budget;
}

// A mount namespace goes with its container.
ContainerBudget& ContainerBudget::of_mounts() {
  static ContainerBudget budget(kMounts, count_mounts_in);
  return budget;
}

std::uint64_t ContainerBudget::left(const Holder& holder) {
  const std::uint64_t reserved = find_lasting_ == nullptr ? 0 : limits_.all / kReservedPart;
  const std::lock_guard lock(mutex_);
  return left_of(limits_.all - reserved, find_lasting_ == nullptr ? least() : 0, holder);
}

std::uint64_t ContainerBudget::left_at(const Holder& holder, std::uint64_t place) {
  if (find_lasting_ != nullptr) {
    find_lasting_now_and_then();
    const std::lock_guard lock(mutex_);
    if (!lasting_.contains(place)) return left_of(limits_.all, least(), holder);
  }
  return left(holder);
}

// Half of what is left, again and again, is soon nothing.
std::uint64_t ContainerBudget::least() const {
  return limits_.all / kPartOfLeast / std::max(containers_.size(), kFewContainers);
}

std::uint64_t ContainerBudget::left_of(std::uint64_t all, std::uint64_t least,
                                       const Holder& holder) const {
  const auto account = accounts_.find(account_of(holder));
  const auto container = containers_.find(holder.payer);
  const std::uint64_t users = account == accounts_.end() ? 0 : account->second.sum;
  const std::uint64_t containers = container == containers_.end() ? 0 : container->second.sum;
  const std::uint64_t of_container = less(std::max(less(all, sum_) / 2, least), containers);
  const std::uint64_t of_user = less(less(limits_.own, containers), users);
  return std::min(of_container, of_user);
}

Holder ContainerBudget::account_of(const Holder& holder) const {
  if (accounts_.contains(holder)) return holder;
  const auto container = containers_.find(holder.payer);
  const bool has_many = container != containers_.end() && container->second.users >= kMaxUsers;
  return has_many ? Holder{.payer = holder.payer, .user = kOtherUsers} : holder;
}

// nullptr: nothing was made, and nothing is counted there.
ContainerBudget::AtPlace* ContainerBudget::find_place(const Holder& holder, const Made& made) {
  const auto found = accounts_.find(holder);
  if (made.is_over) {
    if (found == accounts_.end()) return nullptr;
    const auto at = found->second.places.find(made.place);
    return at == found->second.places.end() ? nullptr : &at->second;
  }
  if (found == accounts_.end() && holder.user != kOtherUsers) ++containers_[holder.payer].users;
  auto& places = accounts_[holder].places;
  if (places.size() < kMaxPlaces || places.contains(made.place)) return &places[made.place];
  AtPlace& elsewhere = places[kElsewhere];
  elsewhere.is_told = false;
  return &elsewhere;
}

void ContainerBudget::set(const Holder& holder, AtPlace& at, std::uint64_t amount) {
  const std::uint64_t change = amount - at.amount;
  accounts_[holder].sum += change;
  containers_[holder.payer].sum += change;
  sum_ += change;
  at.amount = amount;
}

void ContainerBudget::forget_nothing_at(const Holder& holder, std::uint64_t place) {
  const auto account = accounts_.find(holder);
  if (account == accounts_.end()) return;
  auto& places = account->second.places;
  const auto at = places.find(place);
  if (at != places.end() && at->second.amount == 0) places.erase(at);
  if (!places.empty()) return;
  accounts_.erase(account);
  if (holder.user != kOtherUsers) --containers_[holder.payer].users;
}

void ContainerBudget::begin(Payer payer) {
  const std::lock_guard lock(mutex_);
  if (++containers_[payer].listeners == 1) take_back(payer);
}

bool ContainerBudget::is_full(const Holder& holder, std::uint64_t place) {
  const std::lock_guard lock(mutex_);
  const auto account = accounts_.find(account_of(holder));
  return account != accounts_.end() && account->second.places.size() >= kMaxPlaces &&
         !account->second.places.contains(place);
}

void ContainerBudget::note(const Holder& holder, const Made& made) {
  if (made.place == 0) return;
  if (!made.is_over && is_full(holder, made.place)) make_room(holder);
  add(holder, made);
  if (!made.is_over) return;
  if (count_ != nullptr) count_again(holder.payer);
  if (find_lasting_ != nullptr) find_lasting_now_and_then();
}

void ContainerBudget::make_room(const Holder& holder) {
  if (count_ != nullptr) count_again(holder.payer);
  if (find_lasting_ == nullptr) return;
  find_lasting_again();
  const std::lock_guard lock(mutex_);
  merge_those_that_go(account_of(holder));
}

// Those that last are kept apart, for what is left behind there.
void ContainerBudget::merge_those_that_go(const Holder& holder) {
  const auto account = accounts_.find(holder);
  if (account == accounts_.end()) return;
  AtPlace elsewhere = {.is_told = false, .last_used = now()};
  std::erase_if(account->second.places, [&](const auto& entry) {
    if (lasting_.contains(entry.first)) return false;
    elsewhere.amount += entry.second.amount;
    elsewhere.last_used = std::min(elsewhere.last_used, entry.second.last_used);
    return true;
  });
  if (elsewhere.amount != 0) account->second.places.emplace(kElsewhere, elsewhere);
}

void ContainerBudget::add(const Holder& holder, const Made& made) {
  const std::lock_guard lock(mutex_);
  if (!containers_.contains(holder.payer)) return;
  const std::uint64_t of_nobody = tell_left_behind(made);
  const Holder owner = account_of(holder);
  AtPlace* const at = find_place(owner, made);
  if (at == nullptr) return;
  at->last_used = now();
  at->largest = std::max(at->largest, made.largest);
  at->is_told = at->is_told && made.existing != Made::kUntold;
  std::uint64_t amount = at->amount;
  if (at->is_told)
    amount = less(at_most(amount + of_nobody, made.existing, at->largest), of_nobody);
  if (!made.is_over) amount += made.amount;
  set(owner, *at, amount);
  forget_nothing_at(owner, made.place);
}

std::uint64_t ContainerBudget::tell_left_behind(const Made& made) {
  const auto found = left_behind_.find(made.place);
  if (found == left_behind_.end() || !found->second.all.is_told) return 0;
  AtPlace& left = found->second.all;
  const std::uint64_t amount = at_most(left.amount, made.existing, left.largest);
  sum_ -= left.amount - amount;
  left.amount = amount;
  if (amount == 0) left_behind_.erase(found);
  return amount;
}

// The kernel is asked without the mutex: every call that makes something takes that.
void ContainerBudget::count_again(Payer payer) {
  std::unique_lock lock(mutex_);
  const std::vector<Asked> all = begin_count(payer);
  lock.unlock();
  for (const Asked& asked : all) {
    const std::uint64_t there = count_(asked.place, asked.unused_for, asked.amount);
    const std::lock_guard again(mutex_);
    end_count(asked, there);
  }
}

std::vector<ContainerBudget::Asked> ContainerBudget::begin_count(Payer payer) {
  const Nanoseconds time = now();
  std::vector<Asked> all;
  for (auto& [holder, account] : accounts_) {
    for (auto& [place, at] : account.places) {
      const bool is_others = holder.payer != payer;
      if (place == kElsewhere || (is_others && time - at.last_count < kOthersAgain)) continue;
      at.last_count = time;
      all.push_back({holder, place, at.amount, time - at.last_used});
    }
  }
  return all;
}

// Files that were made meanwhile may not be among the counted ones.
void ContainerBudget::end_count(const Asked& asked, std::uint64_t there) {
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

void ContainerBudget::find_lasting_now_and_then() {
  std::unique_lock lock(mutex_);
  if (now() - last_found_ < kOthersAgain) return;
  // others need not look meanwhile
  last_found_ = now();
  lock.unlock();
  find_lasting_again();
}

// Where nobody can tell, for want of a descriptor, all is as it was.
void ContainerBudget::find_lasting_again() {
  auto found = find_lasting_();
  const bool is_ample = is_ample_ == nullptr || is_ample_();
  const std::lock_guard lock(mutex_);
  if (!found) return;
  lasting_ = std::move(*found);
  last_found_ = now();
  std::erase_if(left_behind_, [this](const auto& entry) {
    if (lasting_.contains(entry.first)) return false;
    sum_ -= entry.second.all.amount;
    return true;
  });
  if (is_ample) forget_unused();
}

// With the mutex held.
void ContainerBudget::forget_unused() {
  const Nanoseconds time = now();
  std::vector<std::pair<Holder, std::uint64_t>> unused;
  for (const auto& [holder, account] : accounts_) {
    if (!is_user(holder.payer)) continue;
    for (const auto& [place, at] : account.places) {
      if (!lasting_.contains(place) && time - at.last_used >= limits_.kept_for)
        unused.emplace_back(holder, place);
    }
  }
  for (const auto& [holder, place] : unused) {
    set(holder, accounts_[holder].places[place], 0);
    forget_nothing_at(holder, place);
  }
  std::erase_if(containers_, [](const auto& entry) {
    return entry.second.listeners == 0 && entry.second.sum == 0;
  });
}

void ContainerBudget::leave_behind(const Holder& holder, const Account& account) {
  for (const auto& [place, what] : account.places) {
    if (!lasting_.contains(place)) continue;
    auto& [left, of] = left_behind_[place];
    left.amount += what.amount;
    left.largest = std::max(left.largest, what.largest);
    left.is_told = left.is_told && what.is_told;
    sum_ += what.amount;
    if (of.size() < kMaxEnded) of.emplace(holder, what.amount);
  }
}

void ContainerBudget::take_back(Payer payer) {
  const Holder first = {.payer = payer, .user = 0};
  std::erase_if(left_behind_, [&](auto& entry) {
    auto& [place, left] = entry;
    auto own = left.of.lower_bound(first);
    for (; own != left.of.end() && own->first.payer == payer; own = left.of.erase(own))
      take_back(own->first, place, own->second);
    return left.all.amount == 0;
  });
}

// Whose that was which is gone meanwhile, nobody knows.
void ContainerBudget::take_back(const Holder& owner, std::uint64_t place, std::uint64_t amount) {
  AtPlace& left = left_behind_[place].all;
  const std::uint64_t own = std::min(amount, left.amount);
  if (own == 0) return;
  left.amount -= own;
  sum_ -= own;
  if (!accounts_.contains(owner) && owner.user != kOtherUsers) ++containers_[owner.payer].users;
  AtPlace& at = accounts_[owner].places[place];
  at = {.largest = left.largest, .is_told = left.is_told};
  set(owner, at, own);
}

bool ContainerBudget::is_last_of_maker(Payer payer) {
  const std::lock_guard lock(mutex_);
  const auto container = containers_.find(payer);
  return container != containers_.end() && container->second.listeners == 1 &&
         container->second.sum != 0;
}

void ContainerBudget::end_of(Payer payer) {
  if (find_lasting_ != nullptr && is_last_of_maker(payer)) find_lasting_again();
  const std::lock_guard lock(mutex_);
  const auto container = containers_.find(payer);
  if (container == containers_.end() || --container->second.listeners > 0) return;
  if (is_user(payer) && container->second.sum != 0) return;
  sum_ -= container->second.sum;
  containers_.erase(container);
  const auto first = accounts_.lower_bound({.payer = payer, .user = 0});
  auto end = first;
  for (; end != accounts_.end() && end->first.payer == payer; ++end)
    leave_behind(end->first, end->second);
  accounts_.erase(first, end);
}

}  // namespace seccompagent
