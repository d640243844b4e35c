// SPDX-License-Identifier: Apache-2.0
#include "acting/link_opening.h"

#include <array>
#include <cstddef>
#include <deque>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <utility>

#include "caller/target.h"
#include "helper/wire.h"
#include "kernel/blocked_signals_thread.h"
#include "kernel/message.h"
#include "kernel/payer.h"

namespace seccompagent {
namespace {

struct Opening {
  Opening(std::shared_ptr<HandedCall> of, OwnLink own, UniqueFd copy)
      : call(std::move(of)), link(std::move(own)), socket(std::move(copy)) {}

  std::shared_ptr<HandedCall> call;
  OwnLink link;
  UniqueFd socket;

  // And tells the helper.
  [[nodiscard]] bool open() const {
    auto file = open_own(call->tid(), link.name.c_str(), link.is_of_thread);
    if (!file && !is_callers_own(file.error())) return false;
    const OwnFile told = {.link = link, .error = file ? 0 : file.error().number};
    const std::array fds = {file ? file->get() : -1};
    // closed before the helper goes on: the caller may close what it leads to
    return send_message(socket.get(), encode(told), std::span(fds).first(file ? 1 : 0)).has_value();
  }

  [[nodiscard]] bool begin() const {
    const std::byte begin = {};
    return send_message(socket.get(), std::span(&begin, 1), {}).has_value();
  }
};

// A thread for each, which may hang. Those for which there is no room wait, no longer than their
// calls may take.
class Openings {
 public:
  void add(std::unique_ptr<Opening> opening) {
    const std::lock_guard lock(mutex_);
    auto& waiting = by_payer_[opening->call->payer()].waiting;
    // where those before hang, others end without it
    std::erase_if(waiting, [](const auto& each) { return each->call->result().has_value(); });
    waiting.push_back(std::move(opening));
    start_next();
  }

 private:
  static constexpr std::size_t kMaxOfPayer = 16;
  static constexpr std::size_t kMaxOfAll = 128;
  static constexpr std::size_t kFew = 4;

  struct OfPayer {
    std::size_t count = 0;
    std::deque<std::unique_ptr<Opening>> waiting;

    // Who has few is not held up by those who have many.
    [[nodiscard]] bool may_start(std::size_t all) const {
      return !waiting.empty() && count < kMaxOfPayer && (all < kMaxOfAll || count < kFew);
    }
  };

  static void* main(void* opening);

  // With the lock held.
  void start_next() {
    for (auto at = by_payer_.begin(); at != by_payer_.end();) {
      OfPayer& own = at->second;
      while (own.may_start(all_)) start(own);
      at = own.count == 0 && own.waiting.empty() ? by_payer_.erase(at) : std::next(at);
    }
  }

  void start(OfPayer& own) {
    auto opening = std::move(own.waiting.front());
    own.waiting.pop_front();
    if (!start_blocked_signals_thread(main, opening.get())) {
      opening->call->fail(HelperFailure::not_served);
      return;
    }
    (void)opening.release();
    ++own.count;
    ++all_;
  }

  void end(Payer payer) {
    const std::lock_guard lock(mutex_);
    --all_;
    --by_payer_[payer].count;
    start_next();
  }

  std::mutex mutex_;
  std::map<Payer, OfPayer> by_payer_;
  std::size_t all_ = 0;
};

Openings& openings() {
  // threads may end after everything else has
  static Openings& of_process = *new Openings;
  return of_process;
}

void* Openings::main(void* argument) {
  const std::unique_ptr<Opening> opening(static_cast<Opening*>(argument));
  const bool is_told = opening->open();
  // the call is not answered before that, so that its payer's next one finds room
  openings().end(opening->call->payer());
  if (!is_told || !opening->begin()) opening->call->fail(HelperFailure::not_served);
  return nullptr;
}

}  // namespace

void open_link_for(std::shared_ptr<HandedCall> call, OwnLink link, UniqueFd socket) {
  if (socket.is_open()) {
    openings().add(std::make_unique<Opening>(std::move(call), std::move(link), std::move(socket)));
  } else {
    call->fail(HelperFailure::not_served);
  }
}

}  // namespace seccompagent
