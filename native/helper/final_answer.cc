// SPDX-License-Identifier: Apache-2.0
#include "helper/final_answer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "kernel/clock.h"
#include "kernel/notify.h"

namespace seccompagent {
namespace {

using Phase = CompletionPhase;

// Of this kernel; one for the helper's life.
[[nodiscard]] NotifyBuffers* buffers() {
  static const auto sizes = notify_sizes();
  static NotifyBuffers* const made = sizes ? new NotifyBuffers(*sizes) : nullptr;
  return made;
}

[[nodiscard]] bool is_gone_by(Errno error) {
  return error == Errno{ENOENT} || error == Errno{ESRCH} || error == Errno{EINPROGRESS};
}

}  // namespace

Result<Completion*> map_completion(const UniqueFd& memory) {
  // before the filter, which does not let us ask for the sizes
  if (buffers() == nullptr) return fail(ENOSYS);
  void* const mapped =
      mmap(nullptr, sizeof(Completion), PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (mapped == MAP_FAILED) return fail_errno();
  return static_cast<Completion*>(mapped);
}

FinalAnswer::FinalAnswer(Completion& completion, const HelperRequest& request, int listener)
    : completion_(completion),
      request_(request),
      listener_(listener),
      notification_(listener, request.id_valid_request, request.id),
      number_(completion.state.load(std::memory_order_acquire) >> Completion::kPhaseBits) {}

void await_acting(Completion& completion) {
  const std::uint32_t number = completion.state.load() >> Completion::kPhaseBits;
  std::uint32_t preparing = Completion::word(number, Phase::preparing);
  const std::uint32_t awaited = Completion::word(number, Phase::awaited);
  if (completion.state.compare_exchange_strong(preparing, awaited)) await_begin();
}

void await_begin() {
  std::byte begin = {};
  if (!receive_message(kHelperSocket, std::span(&begin, 1))) _exit(0);
}

bool begin_stay(Completion& completion) {
  CgroupStay stay = CgroupStay::free;
  return completion.stay.compare_exchange_strong(stay, CgroupStay::held);
}

void end_stay(Completion& completion) { completion.stay.store(CgroupStay::free); }

void FinalAnswer::note_wait() const { reply_waiting(); }

bool fetch(HelperRequest& request, const OwnLink& wanted, std::vector<UniqueFd>& fds) {
  // for others the path has too many links, as where the kernel ends it
  if (request.process.files.size() == kMaxOwnFiles) return false;
  HelperAnswer asking;
  asking.wanted = wanted;
  reply(asking);
  std::array<std::byte, kMaxOwnFileMessage> message;
  auto received = receive_message(kHelperSocket, message);
  if (!received) _exit(0);
  auto file = decode_own_file(std::span(message).first(received->length));
  if (!file || received->fds.size() != (file->error == 0 ? 1U : 0U)) _exit(1);
  if (file->error == 0) {
    file->fd = received->fds.front().get();
    fds.push_back(std::move(received->fds.front()));
  }
  request.process.files.push_back(std::move(*file));
  request.process.wanted.reset();
  await_begin();
  return true;
}

bool FinalAnswer::claim() {
  std::uint32_t acting = Completion::word(number_, Phase::acting);
  return completion_.state.compare_exchange_strong(acting,
                                                   Completion::word(number_, Phase::answering));
}

void FinalAnswer::finish(int error, bool is_gone) {
  completion_.error.store(error, std::memory_order_relaxed);
  completion_.is_gone.store(is_gone ? 1 : 0, std::memory_order_relaxed);
  completion_.time.store(now(), std::memory_order_relaxed);
  completion_.state.store(Completion::word(number_, Phase::finished), std::memory_order_release);
}

void FinalAnswer::answer(const HelperAnswer& answer, UniqueFd opened) {
  // the agent has answered, and ends us
  if (!claim()) _exit(0);
  int error = answer.error;
  bool is_gone = answer.is_gone;
  int number = 0;
  if (opened.is_open() && error == 0 && !is_gone) {
    const bool is_close_on_exec = (request_.file.flags & O_CLOEXEC) != 0;
    const auto given = add_fd(listener_, request_.id, opened.get(), -1, is_close_on_exec);
    number = given.value_or(0);
    if (!given) {
      is_gone = is_gone_by(given.error());
      error = is_gone ? 0 : given.error().number;
    }
  }
  // the caller gets its answer before what may take long, and after what it may notice
  const bool may_hang = opened.is_open() && !answer.is_closed_soon;
  if (!may_hang) {
    opened.reset();
    finish(error, is_gone);
  }
  if (!is_gone) {
    (void)buffers()->respond(listener_, request_.id,
                             {.value = number, .error = -error, .is_continue = false});
  }
  if (may_hang) {
    opened.reset();
    finish(error, is_gone);
  }
  // unless the agent has another call for us already
  std::uint32_t finished = Completion::word(number_, Phase::finished);
  completion_.state.compare_exchange_strong(finished, Completion::word(number_, Phase::answered));
}

}  // namespace seccompagent
