// SPDX-License-Identifier: Apache-2.0
#include "acting/acting.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "acting/file_message.h"
#include "acting/helper_pool.h"
#include "caller/id_map.h"
#include "files/location.h"
#include "kernel/border.h"
#include "kernel/notify.h"
#include "kernel/process_files.h"

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

// Opens a file of the caller's process that its path leads through, and lets the helper go on.
[[nodiscard]] Result<HelperAnswer> give(Helper& helper, const Acting& acting, const OwnLink& wanted,
                                        UniqueFd& opened, TimeTaken& taken) {
  auto file = open_own(acting.target.call.tid, wanted.name.c_str(), wanted.is_of_thread);
  if (!file && !is_callers_own(file.error())) return std::unexpected(file.error());
  const OwnFile told = {.link = wanted, .error = file ? 0 : file.error().number};
  const std::array fds = {file ? file->get() : -1};
  const auto sent = helper.tell(encode(told), std::span(fds).first(file ? 1 : 0));
  if (!sent) return std::unexpected(sent.error());
  const std::byte begin = {};
  return helper.ask(std::span(&begin, 1), {}, acting.patience, opened, taken);
}

[[nodiscard]] Result<HelperAnswer> ask(Helper& helper, const Acting& acting, bool is_elsewhere,
                                       UniqueFd& opened) {
  const Target& target = acting.target;
  auto message = compose(helper, target, acting.request, acting.made);
  if (!message) return std::unexpected(message.error());
  // those of another user namespace count for nothing in ours
  if (is_elsewhere) message->request.capabilities = 0;
  message->request.may_be_left = acting.may_be_left && !target.label.is_foreign();
  message->request.may_come_again = acting.may_come_again;
  std::vector<int> fds;
  if (!message->request.has_same_listener) fds.push_back(target.call.listener);
  fds.insert(fds.end(), message->fds.begin(), message->fds.end());
  helper.note_listener(target.call);
  TimeTaken taken;
  auto answer = helper.ask(encode(message->request), fds, acting.patience, opened, taken);
  for (;;) {
    const std::optional<OwnLink> wanted = answer ? answer->wanted : std::nullopt;
    if (!wanted) return answer;
    answer = give(helper, acting, *wanted, opened, taken);
  }
}

[[nodiscard]] FileOutcome outcome_of(const HelperAnswer& answer) {
  FileOutcome done;
  if (answer.label_refusal != 0) {
    done.outcome = refused_label(Errno{answer.label_refusal});
    return done;
  }
  if (!answer.failed_step.empty()) return failed("a helper acting", Errno{answer.error});
  done.outcome.answer = answer.error;
  done.outcome.is_gone = answer.is_gone;
  done.bytes = answer.bytes;
  done.is_closed_at_once = answer.is_closed_at_once;
  done.given = answer.given;
  return done;
}

// Of ids that have none, in sysctl(2)'s folder.
[[nodiscard]] std::uint32_t unknown_number(const char* path) {
  std::uint32_t number = 65534;
  const std::string text = read_file(path).value_or("");
  (void)std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// A helper in the caller's user namespace has told owners as they are there.
[[nodiscard]] Result<void> tell_owners_outside(pid_t tid, std::string& bytes) {
  static const std::uint32_t unknown_user = unknown_number("/proc/sys/kernel/overflowuid");
  static const std::uint32_t unknown_group = unknown_number("/proc/sys/kernel/overflowgid");
  FileStatus status = {};
  if (bytes.size() < sizeof status) return {};
  const std::string entry = "/proc/" + std::to_string(tid);
  const auto users = read_file(entry + "/uid_map");
  const auto groups = read_file(entry + "/gid_map");
  if (!users) return std::unexpected(users.error());
  if (!groups) return std::unexpected(groups.error());
  std::memcpy(&status, bytes.data(), sizeof status);
  status.uid = id_outside(*users, static_cast<std::uint32_t>(status.uid), unknown_user);
  status.gid = id_outside(*groups, static_cast<std::uint32_t>(status.gid), unknown_group);
  std::memcpy(bytes.data(), &status, sizeof status);
  return {};
}

[[nodiscard]] bool tells_owners(FileOperation operation) {
  return operation == FileOperation::stat || is_look_up(operation);
}

FileOutcome ask_helper(const Acting& acting) {
  const Target& target = acting.target;
  HelperPool& pool = HelperPool::of_process();
  const char* step = "";
  // a Linux capability of ours can be lent by one that stays in our user namespace only
  const bool is_elsewhere = acting.request.lent != 0 && target.places.user != 0;
  Places places = target.places;
  if (is_elsewhere) places.user = 0;
  const HelperCaller caller = {.call = target.call,
                               .credentials = target.credentials,
                               .label = target.label,
                               .places = places,
                               .cgroups = acting.cgroups};
  auto helper = pool.take(caller, acting.owner, acting.patience, step);
  if (!helper) {
    FileOutcome broken = failed(step, helper.error());
    if (Pending(target.call).is_gone()) broken.outcome = {.answer = 0, .is_gone = true};
    return broken;
  }
  UniqueFd opened;
  auto answer = ask(**helper, acting, is_elsewhere, opened);
  if (!answer) {
    if (answer.error() != Errno{ETIMEDOUT}) return failed("talk to a helper", answer.error());
    return {.outcome = {.answer = ETIMEDOUT}, .bytes = {}, .fd = {}};
  }
  // the helper ends where it was not asked to
  if (answer->is_waiting && !acting.may_be_left) return failed("talk to a helper", Errno{EBADMSG});
  if (answer->is_waiting) {
    FileOutcome left = {.outcome = {}, .bytes = {}, .fd = {}};
    left.waiting = std::move(*helper);
    return left;
  }
  FileOutcome done = outcome_of(*answer);
  if (answer->is_let_go_counted) done.letting_go = (*helper)->letting_go();
  pool.put_back(std::move(*helper));
  done.fd = std::move(opened);
  if (tells_owners(acting.request.operation) && places.user != 0) {
    const auto told = tell_owners_outside(target.call.tid, done.bytes);
    // somebody else may have its number by now
    if (Pending(target.call).is_gone())
      return {.outcome = {.answer = 0, .is_gone = true}, .bytes = {}, .fd = {}};
    if (!told) return failed("read the caller's ids", told.error());
  }
  return done;
}

}  // namespace

FileOutcome act_on_file(const Acting& acting) {
  if (acting.target.base_error != 0)
    return {.outcome = {.answer = acting.target.base_error}, .bytes = {}, .fd = {}};
  return ask_helper(acting);
}

}  // namespace seccompagent
