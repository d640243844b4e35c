// SPDX-License-Identifier: Apache-2.0
#include "acting/acting.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "acting/callers_network.h"
#include "acting/container_budget.h"
#include "acting/helper_pool.h"
#include "container/memory_room.h"
#include "files/thread_role.h"
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

// Ids in the caller's own user namespace mean other users than in ours, and Linux capabilities
// there are none in ours. What opens files may wait for somebody to open their other end. The
// kernel keeps mount points (EBUSY) of the mount namespace alone in which they are removed.
[[nodiscard]] bool can_act_itself(const Acting& acting) {
  const Target& target = acting.target;
  // what was done under a label could not be undone: nobody may take it off
  if (target.label.is_foreign()) return false;
  switch (acting.request.operation) {
    case FileOperation::open:
    // what is a mount point, a thread of ours would be told of our own mount namespace
    case FileOperation::rename:
    case FileOperation::unlink:
    case FileOperation::undo_mknod:
    // may wait for the holder of a lease, and keeps a limit that a thread cannot have alone
    case FileOperation::truncate:
      return false;
    case FileOperation::chown:
    case FileOperation::stat:
    case FileOperation::get_xattr:
    case FileOperation::set_xattr:
      if (target.user_namespace.is_open()) return false;
      break;
    default:
      break;
  }
  return !target.user_namespace.is_open() || target.credentials.effective_capabilities == 0;
}

// Of a caller in our own user namespace the thread has all that the kernel decides these by. Other
// errors may be the thread's own (EMFILE), or of a file system that looks at more of the caller's
// ids than a thread can have (EACCES in a folder of FUSE on the way).
[[nodiscard]] bool is_sure_refusal(int error) {
  constexpr std::array kSure = {EPERM, ENOENT, ENOTDIR, EROFS, ENODATA};
  return std::ranges::find(kSure, error) != kSure.end();
}

// Memory-consuming objects that the container may still make, and those that were made.
struct Spending {
  std::uint64_t allowance = Made::kUntold;
  Made made = {};
  // Bytes that overlays may copy into memory, and bytes that they have copied, or would have.
  std::uint64_t copy_room = Made::kUntold;
  std::uint64_t copied = 0;
  // See FilePlace.
  bool is_full = false;

  [[nodiscard]] bool is_over() const { return made.is_over || copied > copy_room; }
};

[[nodiscard]] bool is_definite(const Target& target, const FileAnswer& answer,
                               const Spending& spending) {
  if (answer.is_gone || answer.error == 0 || answer.error == EEXIST || spending.is_over())
    return true;
  return !target.user_namespace.is_open() && is_sure_refusal(answer.error);
}

FileOutcome outcome_of(FileAnswer answer) {
  FileOutcome done;
  done.outcome.answer = answer.error;
  done.outcome.is_gone = answer.is_gone;
  done.bytes = std::move(answer.bytes);
  done.fd = std::move(answer.fd);
  done.is_closed_at_once = answer.is_closed_at_once;
  return done;
}

// -1: there is none.
[[nodiscard]] int second_base_of(const Acting& acting) {
  return acting.made < 0 ? acting.target.second_base.get() : acting.made;
}

[[nodiscard]] FileAnswer act_itself(const Acting& acting, Spending& spending,
                                    const char*& failed_step) {
  const Target& target = acting.target;
  const Credentials& credentials = target.credentials;
  const RoleIds ids = {
      .fs_uid = credentials.uid.fs, .fs_gid = credentials.gid.fs, .groups = credentials.groups};
  CallersNetwork crossing(target.call);
  const FilePlace place = {.base = target.base.get(),
                           .second_base = second_base_of(acting),
                           .processes = ThreadRole::own_processes(),
                           .crossing = &crossing,
                           .allowance = spending.allowance,
                           .copy_room = spending.copy_room,
                           .is_full = spending.is_full};
  const bool is_foreign = target.user_namespace.is_open();
  const auto role =
      ThreadRole::take({.ids = &ids,
                        .capabilities = is_foreign ? 0 : credentials.effective_capabilities,
                        .umask = credentials.umask,
                        .root = target.root.get()},
                       failed_step);
  if (!role) return {.error = role.error().number, .bytes = {}, .fd = {}};
  failed_step = nullptr;
  FileAnswer answer =
      operate_on_file(acting.request, place, HeldIds::of_file_systems, Pending(target.call));
  spending.made = answer.made;
  spending.copied = answer.copied;
  return answer;
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
[[nodiscard]] Result<HelperAnswer> ask(Helper& helper, const Acting& acting,
                                       const Spending& spending, int user_namespace,
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
      .allowance = spending.allowance,
      .copy_room = spending.copy_room,
      .is_full = spending.is_full,
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

FileOutcome ask_helper(const Acting& acting, Spending& spending) {
  const Target& target = acting.target;
  HelperPool& pool = HelperPool::of_process();
  const char* step = "";
  // a Linux capability of ours can be lent by one that stays in our user namespace only
  const bool is_lent = acting.request.lent != 0;
  const int user_namespace = is_lent ? -1 : target.user_namespace.get();
  const HelperCaller caller = {.call = target.call,
                               .credentials = target.credentials,
                               .label = target.label,
                               .user_namespace = user_namespace};
  auto helper = pool.take(caller, acting.owner, acting.patience, step);
  if (!helper) {
    FileOutcome broken = failed(step, helper.error());
    if (Pending(target.call).is_gone()) broken.outcome = {.answer = 0, .is_gone = true};
    return broken;
  }
  FileOutcome done;
  auto answer = ask(**helper, acting, spending, user_namespace, done.fd);
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
  spending.made = answer->made;
  spending.copied = answer->copied;
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

// An overlay's copies in memory are charged to the agent, which has to have room for them.
template <typename Act>
[[nodiscard]] FileOutcome act_within_room(Payer payer, Spending& spending, Act act) {
  MemoryRoom& room = MemoryRoom::of_process();
  spending.copy_room = room.unasked(payer);
  FileOutcome done = act(spending);
  room.note_copied(std::min(spending.copied, spending.copy_room));
  if (spending.copied <= spending.copy_room) return done;
  const auto taken = room.take(payer, spending.copied);
  if (!taken) return done;
  spending.copy_room = std::exchange(spending.copied, 0);
  done = act(spending);
  room.note_copied(std::min(spending.copied, spending.copy_room));
  return done;
}

// With the overlay's above it.
constexpr std::uint64_t kThingOfDisk = 2560;

template <typename Act>
[[nodiscard]] FileOutcome act_within_budget(const Acting& acting, Act act) {
  Spending spending;
  if (!makes_something(acting.request)) return act_within_room(acting.owner.payer, spending, act);
  MemoryRoom& room = MemoryRoom::of_process();
  const Payer payer = acting.owner.payer;
  FileOutcome done;
  act_within(ContainerBudget::of_memory(), payer, acting.target, [&](std::uint64_t left) {
    spending = {.allowance = left, .is_full = room.is_full(payer)};
    done = act_within_room(payer, spending, act);
    const bool is_on_disk = spending.made.place == 0 && done.outcome.answer == 0;
    if (!spending.made.is_over) room.note(is_on_disk ? kThingOfDisk : spending.made.amount);
    return spending.made;
  });
  return done;
}

[[nodiscard]] int base_error_of(const Target& target) {
  return target.base_error != 0 ? target.base_error : target.second_base_error;
}

}  // namespace

FileOutcome act_with_power(const Acting& acting) {
  if (const int error = base_error_of(acting.target); error != 0)
    return outcome_of({.error = error, .bytes = {}, .fd = {}});
  return act_within_budget(acting, [&](Spending& spending) {
    if (acting.actor == Actor::any && !acting.target.label.is_foreign()) {
      const char* failed_step = nullptr;
      FileAnswer answer = act_itself(acting, spending, failed_step);
      if (failed_step != nullptr) return failed(failed_step, Errno{answer.error});
      // FUSE wants more of the caller's ids than a thread can have
      if (answer.error != ENOTSUP) return outcome_of(std::move(answer));
    }
    return ask_helper(acting, spending);
  });
}

FileOutcome act_on_file(const Acting& acting) {
  const int base_error = base_error_of(acting.target);
  if (base_error != 0) return outcome_of({.error = base_error, .bytes = {}, .fd = {}});
  return act_within_budget(acting, [&](Spending& spending) {
    if (acting.actor == Actor::any && can_act_itself(acting)) {
      const char* failed_step = nullptr;
      FileAnswer answer = act_itself(acting, spending, failed_step);
      if (failed_step == nullptr && is_definite(acting.target, answer, spending))
        return outcome_of(std::move(answer));
    }
    return ask_helper(acting, spending);
  });
}

}  // namespace seccompagent
