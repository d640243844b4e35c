// SPDX-License-Identifier: Apache-2.0
// Calls that a helper answers itself, with the agent told nothing but that it is done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "files/file_operation.h"
#include "helper/completion.h"
#include "helper/reply.h"
#include "helper/wire.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// The memory that came with the start.
[[nodiscard]] Result<Completion*> map_completion(const UniqueFd& memory);

// Until the agent has nothing open any more of what it has sent, or has said so. Both end the
// helper if the agent is gone.
void await_acting(Completion& completion);
void await_begin();

// The file of the caller's process that the agent opens, with its descriptor in `fds`; false: the
// path is too long a way.
[[nodiscard]] bool fetch(HelperRequest& request, const OwnLink& wanted, std::vector<UniqueFd>& fds);

// Whether the helper is in its container's cgroups, while these decide.
[[nodiscard]] bool begin_stay(Completion& completion);
void end_stay(Completion& completion);

// The call that the helper has just now.
class FinalAnswer : public Validity {
 public:
  FinalAnswer(Completion& completion, const HelperRequest& request, int listener);

  [[nodiscard]] bool is_gone() const override { return notification_.is_gone(); }
  // The agent has no deadline for that.
  void note_wait() const override;
  [[nodiscard]] bool stay_in_cgroups() const override { return begin_stay(completion_); }
  void end_stay() const override { seccompagent::end_stay(completion_); }

  // Nothing that belongs to the request is open any more, but for what is `opened`.
  void answer(const HelperAnswer& answer, UniqueFd opened);

 private:
  [[nodiscard]] bool claim();
  void finish(int error, bool is_gone);

  Completion& completion_;
  const HelperRequest& request_;
  const int listener_;
  AskedNotification notification_;
  std::uint32_t number_;
};

}  // namespace seccompagent
