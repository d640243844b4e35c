// SPDX-License-Identifier: Apache-2.0
#include "acting/link_opening.h"

#include <array>
#include <cstddef>
#include <map>
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

// Threads that open, and may hang.
class Openings {
 public:
  [[nodiscard]] bool begin(Payer payer) {
    const std::lock_guard lock(mutex_);
    if (all_ >= kMaxOfAll) return false;
    std::size_t& own = by_payer_[payer];
    if (own >= kMaxOfPayer) return false;
    ++own;
    ++all_;
    return true;
  }
  void end(Payer payer) {
    const std::lock_guard lock(mutex_);
    --all_;
    if (--by_payer_[payer] == 0) by_payer_.erase(payer);
  }

 private:
  static constexpr std::size_t kMaxOfPayer = 16;
  static constexpr std::size_t kMaxOfAll = 128;

  std::mutex mutex_;
  std::map<Payer, std::size_t> by_payer_;
  std::size_t all_ = 0;
};

Openings& openings() {
  // threads may end after everything else has
  static Openings& of_process = *new Openings;
  return of_process;
}

struct Opening {
  Opening(std::shared_ptr<HandedCall> of, OwnLink own, UniqueFd copy)
      : call(std::move(of)), link(std::move(own)), socket(std::move(copy)) {}

  std::shared_ptr<HandedCall> call;
  OwnLink link;
  UniqueFd socket;

  static void* main(void* argument) {
    const std::unique_ptr<Opening> self(static_cast<Opening*>(argument));
    if (!self->open()) self->call->fail();
    openings().end(self->call->payer());
    return nullptr;
  }

  [[nodiscard]] bool open() const {
    auto file = open_own(call->tid(), link.name.c_str(), link.is_of_thread);
    if (!file && !is_callers_own(file.error())) return false;
    const OwnFile told = {.link = link, .error = file ? 0 : file.error().number};
    const std::array fds = {file ? file->get() : -1};
    const auto sent = send_message(socket.get(), encode(told), std::span(fds).first(file ? 1 : 0));
    // before the helper goes on: the caller may close what it leads to
    file = UniqueFd();
    const std::byte begin = {};
    return sent && send_message(socket.get(), std::span(&begin, 1), {});
  }
};

}  // namespace

void open_link_for(std::shared_ptr<HandedCall> call, OwnLink link, UniqueFd socket) {
  const Payer payer = call->payer();
  if (!openings().begin(payer)) {
    call->fail();
    return;
  }
  auto opening = std::make_unique<Opening>(std::move(call), std::move(link), std::move(socket));
  if (opening->socket.is_open() && start_blocked_signals_thread(Opening::main, opening.get())) {
    (void)opening.release();
  } else {
    opening->call->fail();
    openings().end(payer);
  }
}

}  // namespace seccompagent
