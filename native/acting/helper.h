// SPDX-License-Identifier: Apache-2.0
// One helper (native/helper/) as the agent has it: its process, who it is, and what it is asked.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "acting/helper_identity.h"
#include "helper/completion.h"
#include "helper/wire.h"
#include "kernel/clock.h"
#include "kernel/listener_ends.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"
#include "process/child.h"

namespace seccompagent {

class JoinedCgroups;

// All that runs for a helper, see EndingChild.
struct HelperProcess {
  ChildProcess child;
  UniqueFd lifeline;
  std::shared_ptr<JoinedCgroups> cgroups = {};
};

struct HelperWork {
  // Whether it computes or is about to: it does not wait for anything but a processor. Nothing:
  // nobody can tell.
  std::optional<bool> is_working;
  Nanoseconds computed;
};

// Processes that a helper has started for an operation.
[[nodiscard]] std::vector<pid_t> children_of(pid_t helper);

// Of a helper, and of its children.
[[nodiscard]] HelperWork work_of(pid_t helper);

// Kills it, and leaves it to end.
void end_now(HelperProcess process, Payer payer);

// The memory of a Completion, as the agent has it.
class CompletionMemory {
 public:
  [[nodiscard]] static Result<std::shared_ptr<CompletionMemory>> make();
  explicit CompletionMemory(Completion* completion, UniqueFd memory)
      : completion_(completion), memory_(std::move(memory)) {}
  CompletionMemory(const CompletionMemory&) = delete;
  CompletionMemory& operator=(const CompletionMemory&) = delete;
  ~CompletionMemory();

  [[nodiscard]] Completion& get() const { return *completion_; }
  [[nodiscard]] int fd() const { return memory_.get(); }
  // The helper has it.
  void forget_fd() { memory_.reset(); }

 private:
  Completion* const completion_;
  UniqueFd memory_;
};

// What a helper has looked up and still has open itself, until it hears that the agent has taken
// it: before it is asked anything else.
struct LettingGo {
  std::shared_ptr<CompletionMemory> by;
  std::uint32_t number;

  [[nodiscard]] bool is_over() const;
};

class HandedCall;

class Helper {
 public:
  // `completion`: nullptr where it answers no calls.
  Helper(HelperProcess process, UniqueFd socket, HelperIdentity identity,
         std::shared_ptr<CompletionMemory> completion);
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;
  // Kills it.
  ~Helper();

  // ETIMEDOUT: it did not answer in time. EPIPE: it has ended. Either way it is of no more use.
  [[nodiscard]] Result<HelperAnswer> ask(std::span<const std::byte> message,
                                         std::span<const int> fds, const Patience& patience,
                                         UniqueFd& fd);
  // One of several questions, which have one patience together.
  [[nodiscard]] Result<HelperAnswer> ask(std::span<const std::byte> message,
                                         std::span<const int> fds, const Patience& patience,
                                         UniqueFd& fd, TimeTaken& taken);
  // What it has not let go of when it was asked last.
  [[nodiscard]] LettingGo letting_go() const { return {.by = completion_, .number = taken_count_}; }
  // Says something that it does not answer. EPIPE: as of `ask`.
  [[nodiscard]] Result<void> tell(std::span<const std::byte> message, std::span<const int> fds);
  // It has ended, or has something to say that nobody has asked for.
  [[nodiscard]] bool is_lost() const;
  // Takes what it has said of a call that it has answered, which is no news. False: it has said
  // other things, and is of no more use.
  [[nodiscard]] bool drain();
  // Where its container is paused, it goes on outside of the container's cgroups, and is of no use
  // for another call. Not while it starts, or acts on a device.
  void leave_pause();
  [[nodiscard]] bool has_left() const;
  // It ends with the call that it was used for.
  [[nodiscard]] bool is_ending() const { return completion_ && completion_->get().is_last.load(); }
  // The mount whose root it was at when it had started; 0: nobody knows.
  [[nodiscard]] std::uint64_t root_mount() const { return root_mount_; }
  // It acts for somebody whose container has not ended.
  [[nodiscard]] bool has_caller() const {
    return listener_ != kNobody && !has_listener_ended(listener_);
  }
  // It was sent with the last request, and the helper keeps it.
  [[nodiscard]] bool has_listener(const CallId& call) const {
    return call.listener_token != 0 && call.listener_token == listener_token_;
  }
  // To be told as soon as a request is sent.
  void note_listener(const CallId& call) { listener_token_ = call.listener_token; }

 private:
  friend class HelperPool;
  friend class HandedCalls;
  static constexpr int kNobody = -1;
  [[nodiscard]] bool may_leave();
  [[nodiscard]] Result<HelperAnswer> await_answer(const Patience& patience, TimeTaken& taken);

  HelperProcess process_;
  UniqueFd socket_;
  HelperIdentity identity_;
  std::shared_ptr<CompletionMemory> completion_;
  std::uint64_t root_mount_ = 0;
  std::uint32_t listener_token_ = 0;
  // Of the call that it answers, or has answered last.
  std::uint32_t call_number_ = 0;
  // Files that were taken from it, see Completion::let_go.
  std::uint32_t taken_count_ = 0;
  // The call before, if nobody knows that its answer is sent.
  std::shared_ptr<HandedCall> before_;
  // See HandedCalls; 0: it is not watched.
  std::uint64_t watched_as_ = 0;
  Nanoseconds last_used_ = 0;
  // Of the call that it is used for; kNobody: of none. With the pool's mutex.
  int listener_ = kNobody;
  bool is_started_ = false;
  // With its container.
  std::atomic<bool> is_killed_ = false;
  // As one of those that live at a time.
  bool is_counted_ = true;
};

}  // namespace seccompagent
