// SPDX-License-Identifier: Apache-2.0
// How much may be made for a container whose kernel memory is charged to the agent.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <unordered_map>

#include "helper/made.h"
#include "notify.h"
#include "target.h"

namespace seccompagent {

// Containers are told apart by their listeners' tokens. A container also removes things by itself,
// which nobody tells the agent: of a place that tells how many things there are, no more is counted
// than that. What a container leaves behind at a place counts for the next one that makes something
// there.
class ContainerBudget {
 public:
  // A container has at most `own`, and no more than what is free of `all`, halved: one alone gets a
  // third of `all`, and there is always something left for the next one.
  struct Limits {
    std::uint64_t own;
    std::uint64_t all;
  };
  static constexpr std::size_t kMostLeftBehind = 1024;
  // Of one container; all others are one, which tells nothing.
  static constexpr std::size_t kMostPlaces = 256;

  explicit ContainerBudget(Limits limits) : limits_(limits) {}

  // Bytes of what is made on file systems in memory.
  [[nodiscard]] static ContainerBudget& of_memory();
  // Mounts.
  [[nodiscard]] static ContainerBudget& of_mounts();

  [[nodiscard]] std::uint64_t left(std::uint32_t token);
  // Counts what was made, and what was not as far as it tells what there is.
  void note(std::uint32_t token, const Made& made);
  void end_of(std::uint32_t token);
  // For tests: other limits from now on.
  void limit(Limits limits);

 private:
  struct AtPlace {
    std::uint64_t amount = 0;
    std::uint64_t largest = 0;
    bool is_told = true;
  };
  struct Account {
    std::unordered_map<std::uint64_t, AtPlace> places = {};
    std::uint64_t sum = 0;
  };
  struct LeftBehind {
    std::uint64_t place;
    AtPlace what;
  };
  [[nodiscard]] AtPlace& find_place(Account& account, std::uint64_t place);
  void set(Account& account, AtPlace& at, std::uint64_t amount);

  std::mutex mutex_;
  Limits limits_;
  std::unordered_map<std::uint32_t, Account> accounts_ = {};
  // Of all accounts.
  std::uint64_t sum_ = 0;
  // The oldest is the first.
  std::deque<LeftBehind> left_behind_ = {};
};

// Lets `act` make something with what is left, for a call of a container; it gives what it made. It
// is asked once more where it was refused too early: the place has told that there is less by now.
template <typename Act>
void act_within(ContainerBudget& budget, std::uint32_t token, const CallId& call, Act act) {
  for (const bool is_last : {false, true}) {
    const Made made = act(budget.left(token));
    if (made.place == 0) return;
    budget.note(token, made);
    // the container of a call that is gone may have ended before, see HelperPool::give_back
    if (!made.is_over && !id_valid(call.listener, call.id_valid_request, call.id))
      budget.end_of(token);
    if (is_last || !made.is_over || budget.left(token) < made.amount) return;
  }
}

}  // namespace seccompagent
