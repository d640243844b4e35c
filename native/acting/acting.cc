// SPDX-License-Identifier: Apache-2.0
#include "acting/acting.h"

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "acting/helper_pool.h"
#include "kernel/notify.h"

namespace seccompagent {
namespace {

class Pending : public Validity {
 public:
  explicit Pending(const CallId& call) : call_(call) {}
  [[nodiscard]] bool is_gone() const override {
    return !id_valid(call_.listener, call_.id_valid_request, call_.id);
  }

 private:
  const CallId& call_;
};

FileOutcome failed(const char* step, Errno error) {
  return {.outcome = our_failure(step, error), .bytes = {}, .fd = {}};
}

// -1: there is none.
[[nodiscard]] int second_base_of(const Acting& acting) {
  return acting.made < 0 ? acting.target.second_base.get() : acting.made;
}

[[nodiscard]] Result<HelperAnswer> ask_once(Helper& helper, const Acting& acting,
                                            const HelperRequest& request,
                                            std::span<const UniqueFd> files, UniqueFd& opened,
                                            TimeTaken& taken) {
  const Target& target = acting.target;
  const int base = target.base.get();
  const int second_base = second_base_of(acting);
  std::vector<int> fds = {target.call.listener, target.root.get(), base,
                          second_base < 0 ? base : second_base};
  for (const UniqueFd& file : files) fds.push_back(file.get());
  return helper.ask(encode(request), fds, acting.patience, opened, taken);
}

// Once more for each file of the caller's process that its path leads through.
[[nodiscard]] Result<HelperAnswer> ask(Helper& helper, const Acting& acting, int user_namespace,
                                       UniqueFd& opened) {
  const Target& target = acting.target;
  const bool is_in_its_own = user_namespace == target.user_namespace.get();
  HelperRequest request = {
      .id = target.call.id,
      .id_valid_request = target.call.id_valid_request,
      .capabilities = is_in_its_own ? target.credentials.effective_capabilities : 0,
      .umask = target.credentials.umask,
      .file = acting.request,
      .process = {.process = target.numbers.process, .thread = target.numbers.thread},
      .may_be_left = acting.may_be_left && !target.label.is_foreign()};
  std::vector<UniqueFd> files;
  TimeTaken taken;
  for (;;) {
    auto answer = ask_once(helper, acting, request, files, opened, taken);
    if (!answer) return answer;
    const std::optional<OwnLink> wanted = answer->wanted;
    if (!wanted) return answer;
    // for others the path has too many links, as where the kernel ends it
    if (request.process.files.size() == kMaxOwnFiles) {
      answer->wanted.reset();
      answer->error = ELOOP;
      return answer;
    }
    auto file = open_own(target.call.tid, wanted->name.c_str(), wanted->is_of_thread);
    if (!file && !is_callers_own(file.error())) return std::unexpected(file.error());
    request.process.files.push_back({.link = *wanted, .error = file ? 0 : file.error().number});
    if (file) files.push_back(std::move(*file));
  }
}

FileOutcome ask_helper(const Acting& acting) {
  const Target& target = acting.target;
  HelperPool& pool = HelperPool::of_process();
  const char* step = "";
  // a Linux capability of ours can be lent by one that stays in our user namespace only
  const bool is_lent = acting.request.lent != 0;
  const int user_namespace = is_lent ? -1 : target.user_namespace.get();
  const HelperCaller caller = {.call = target.call,
                               .credentials = target.credentials,
                               .label = target.label,
                               .user_namespace = user_namespace,
                               .cgroups = acting.cgroups};
  auto helper = pool.take(caller, acting.owner, acting.patience, step);
  if (!helper) {
    FileOutcome broken = failed(step, helper.error());
    if (Pending(target.call).is_gone()) broken.outcome = {.answer = 0, .is_gone = true};
    return broken;
  }
  FileOutcome done;
  auto answer = ask(**helper, acting, user_namespace, done.fd);
  if (!answer) {
    if (answer.error() != Errno{ETIMEDOUT}) return failed("talk to a helper", answer.error());
    done.outcome.answer = ETIMEDOUT;
    return done;
  }
  // the helper ends where it was not asked to
  if (answer->is_waiting && !acting.may_be_left) return failed("talk to a helper", Errno{EBADMSG});
  if (answer->is_waiting) {
    done.waiting = std::move(*helper);
    return done;
  }
  pool.give_back(std::move(*helper), target.call);
  if (answer->label_refusal != 0) {
    done.outcome = refused_label(Errno{answer->label_refusal});
    return done;
  }
  if (!answer->failed_step.empty()) return failed("a helper acting", Errno{answer->error});
  done.outcome.answer = answer->error;
  done.outcome.is_gone = answer->is_gone;
  done.bytes = answer->bytes;
  done.is_closed_at_once = answer->is_closed_at_once;
  done.given = answer->given;
  return done;
}

[[nodiscard]] int base_error_of(const Target& target) {
  return target.base_error != 0 ? target.base_error : target.second_base_error;
}

}  // namespace

FileOutcome act_on_file(const Acting& acting) {
  if (const int error = base_error_of(acting.target); error != 0)
    return {.outcome = {.answer = error}, .bytes = {}, .fd = {}};
  return ask_helper(acting);
}

}  // namespace seccompagent
