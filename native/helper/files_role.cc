// SPDX-License-Identifier: Apache-2.0
#include "helper/files_role.h"

#include <fcntl.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <optional>
#include <utility>

#include "files/file_operation.h"
#include "files/lent_capability.h"
#include "files/location.h"
#include "helper/call_role.h"
#include "helper/final_answer.h"
#include "helper/hardening.h"
#include "helper/own_child.h"
#include "helper/reply.h"
#include "kernel/notify.h"
#include "kernel/own_processes.h"
#include "kernel/root_mount.h"
#include "kernel/scheduling.h"
#include "process/child.h"

namespace seccompagent {
namespace {

// Positions of a request's descriptors, without the listener.
constexpr std::size_t kRoot = 0;
constexpr std::size_t kBase = 1;
constexpr std::size_t kSecondBase = 2;

// One of the caller's.
struct ForeignNamespace {
  std::uint32_t bit;
  int kind;
  const char* step;
};

// In the order of their descriptors.
constexpr std::array kNamespaces = {
    ForeignNamespace{ForeignNamespaces::kMount, CLONE_NEWNS, "setns of the mount namespace"},
    ForeignNamespace{ForeignNamespaces::kUser, CLONE_NEWUSER, "setns of the user namespace"},
    ForeignNamespace{ForeignNamespaces::kNet, CLONE_NEWNET, "setns of the network namespace"},
    ForeignNamespace{ForeignNamespaces::kIpc, CLONE_NEWIPC, "setns of the ipc namespace"},
    ForeignNamespace{ForeignNamespaces::kCgroup, CLONE_NEWCGROUP, "setns of the cgroup namespace"},
    ForeignNamespace{ForeignNamespaces::kUts, CLONE_NEWUTS, "setns of the uts namespace"}};

// Enters those of `kinds` that are not ours.
[[nodiscard]] Result<void> enter(const HelperStart& start, const std::vector<UniqueFd>& fds,
                                 std::uint32_t kinds, const char*& step) {
  std::size_t next = 0;
  for (const auto& [bit, kind, own_step] : kNamespaces) {
    if ((start.namespaces & bit) == 0) continue;
    const int fd = fds[next++].get();
    if ((kinds & bit) == 0) continue;
    step = own_step;
    if (setns(fd, kind) == -1) return fail_errno();
  }
  return {};
}

// The ids of the caller, for good; then its user namespace, where it has all Linux capabilities
// that the requests choose from. The other namespaces come first: whoever is in another user
// namespace may not enter all of ours any more.
[[nodiscard]] Result<void> become(const HelperStart& start, const std::vector<UniqueFd>& fds,
                                  const char*& step) {
  constexpr std::uint32_t kUser = ForeignNamespaces::kUser;
  const pid_t parent = getppid();
  if (const auto entered = enter(start, fds, ~kUser, step); !entered) return entered;
  step = "prctl of the securebits";
  // without the fix-up, changing ids leaves the Linux capabilities alone
  if (prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP) == -1)
    return fail_errno();
  step = "setgroups";
  if (syscall(SYS_setgroups, start.groups.size(), start.groups.data()) == -1) return fail_errno();
  step = "setresgid";
  const auto& [ruid, euid, suid, fsuid] = start.uids;
  const auto& [rgid, egid, sgid, fsgid] = start.gids;
  if (syscall(SYS_setresgid, rgid, egid, sgid) == -1) return fail_errno();
  step = "setresuid";
  if (syscall(SYS_setresuid, ruid, euid, suid) == -1) return fail_errno();
  syscall(SYS_setfsgid, fsgid);
  syscall(SYS_setfsuid, fsuid);
  if (const auto entered = enter(start, fds, kUser, step); !entered) return entered;
  rearm(parent);
  return {};
}

[[nodiscard]] HelperAnswer answer_of(const FileAnswer& done) {
  HelperAnswer answer;
  answer.error = done.error;
  answer.is_gone = done.is_gone;
  answer.bytes = done.bytes;
  answer.is_closed_at_once = done.is_closed_at_once;
  answer.is_closed_soon = done.is_closed_soon;
  answer.wanted = done.wanted;
  return answer;
}

[[nodiscard]] FileAnswer operate(const HelperRequest& request, const std::vector<UniqueFd>& fds,
                                 const Validity& notification, bool has_memory_of_another = false) {
  const FilePlace place = {.base = fds[kBase].get(),
                           .second_base = fds[kSecondBase].get(),
                           .processes = own_processes(),
                           .process = &request.process,
                           .has_memory_of_another = has_memory_of_another};
  return operate_on_file(request.file, place, notification);
}

// Whether the descriptor goes to the caller before the answer: whatever the caller may execute or
// unmount, or others may meet at the other end of, is open nowhere else by then. Where a signal
// could take the call back in between, it stays with a program that does not call again, so what is
// left comes with the answer.
[[nodiscard]] bool comes_before_the_answer(const HelperRequest& request, const UniqueFd& opened) {
  if (!opened.is_open() || !request.file.is_given) return false;
  struct stat found = {};
  return !request.may_come_again || fstat(opened.get(), &found) == -1 ||
         (!S_ISCHR(found.st_mode) && !S_ISBLK(found.st_mode));
}

// The last of a request. What the caller may close, execute, lock or unmount as soon as it goes on
// is not open here any more then.
void finish(const HelperRequest& request, int listener, std::vector<UniqueFd>& fds,
            HelperAnswer answer, UniqueFd opened, Completion* completion) {
  fds.clear();
  if (comes_before_the_answer(request, opened)) {
    const bool is_close_on_exec = (request.file.flags & O_CLOEXEC) != 0;
    const auto number = add_fd(listener, request.id, opened.get(), -1, is_close_on_exec);
    answer.given = number.value_or(-1);
    // the caller gets its answer before what may take long
    if (number && answer.is_closed_soon) opened.reset();
  }
  // a call that is gone may come again: the agent has it then
  const bool is_the_agents = opened.is_open() && answer.given < 0;
  if (is_the_agents && is_look_up(request.file.operation) && completion != nullptr) {
    reply_with(std::move(answer), std::move(opened), completion->let_go);
  } else if (is_the_agents) {
    reply_with(std::move(answer), std::move(opened));
  } else {
    reply(answer);
  }
}

[[nodiscard]] HelperAnswer act_in_role(const HelperRequest& request,
                                       const std::vector<UniqueFd>& fds,
                                       const Validity& notification, CallRoles& roles,
                                       UniqueFd& opened) {
  const Role role = {
      .capabilities = request.capabilities, .umask = request.umask, .root = fds[kRoot].get()};
  const char* step = "";
  HelperAnswer answer;
  if (const auto taken = roles.take(role, step); taken) {
    FileAnswer done = operate(request, fds, notification);
    opened = std::move(done.fd);
    answer = answer_of(done);
  } else {
    // the kernel says the same of absolute paths
    const bool is_refused = step == CallRoles::kRootStep && taken.error() == Errno{EACCES};
    if (is_refused) answer.error = EACCES;
    if (!is_refused) answer = failed_reply(step, taken.error());
  }
  roles.leave();
  return answer;
}

// A call that the agent waits for, as long as it does not wait for another process.
class AwaitedCall : public AskedNotification {
 public:
  AwaitedCall(const HelperRequest& request, int listener, Completion* completion)
      : AskedNotification(listener, request.id_valid_request, request.id),
        completion_(completion),
        may_be_left_(request.may_be_left) {}

  void note_wait() const override {
    if (!may_be_left_ || is_left_) return;
    reply_waiting();
    await_begin();
    is_left_ = true;
  }
  [[nodiscard]] bool stay_in_cgroups() const override {
    return completion_ == nullptr || begin_stay(*completion_);
  }
  void end_stay() const override {
    if (completion_ != nullptr) seccompagent::end_stay(*completion_);
  }
  [[nodiscard]] bool is_left() const { return is_left_; }

 private:
  // nullptr: the agent moves it nowhere.
  Completion* completion_;
  bool may_be_left_;
  mutable bool is_left_ = false;
};

// The last of a call that we answer.
void finish_finally(FinalAnswer& call, std::vector<UniqueFd>& fds, const HelperAnswer& done,
                    UniqueFd opened) {
  fds.clear();
  if (!done.failed_step.empty()) {
    reply(done);
    return;
  }
  call.answer(done, std::move(opened));
}

// Has the root and the bases where they would come along. False: the helper has another root by
// now.
[[nodiscard]] bool complete(const HelperRequest& request, std::vector<UniqueFd>& fds,
                            Completion* completion) {
  if (request.is_final) await_acting(*completion);
  const bool is_own = request.root_mount != 0;
  if (is_own && root_mount(AT_FDCWD, "/") != request.root_mount) return false;
  if (is_own) fds.insert(fds.begin() + kRoot, UniqueFd());
  // those paths are absolute
  if (!request.has_base) fds.insert(fds.begin() + kBase, UniqueFd());
  if (!request.has_second_base) fds.insert(fds.begin() + kSecondBase, UniqueFd());
  return true;
}

// --- with a label --------------------------------------------------------------------------------

// Nobody can take a label off again, and it may forbid what we do besides the operation, such as
// chroot and talking to the agent. So it is a child that takes it on, as the last thing before the
// operation.
class LabelledChild {
 public:
  LabelledChild(const HelperRequest& request, int listener, const std::vector<UniqueFd>& fds,
                const Label& label)
      : request_(request), listener_(listener), fds_(fds), label_(label) {}

  [[nodiscard]] HelperAnswer act(const ChildStack& stack, UniqueFd& opened) {
    const auto ended = run_in_child(stack.top(), CLONE_FILES, getpid(), [this] { run(); });
    if (!ended) return failed_reply("child with a label", ended.error());
    opened = std::move(done_.fd);
    return std::move(answer_);
  }

 private:
  // Never comes back from its role: it ends.
  void run() {
    umask(request_.umask);
    if (fchdir(fds_[kRoot].get()) == -1 || chroot(".") == -1) {
      answer_ = failed_reply("chroot", Errno{errno});
      return;
    }
    if (const auto taken = take_label(own_processes(), label_); !taken) {
      answer_.label_refusal = taken.error().number;
      return;
    }
    if (const auto set = set_effective(request_.capabilities); !set) {
      answer_ = failed_reply("capset", set.error());
      return;
    }
    const AskedNotification notification(listener_, request_.id_valid_request, request_.id);
    done_ = operate(request_, fds_, notification, true);
    answer_ = answer_of(done_);
  }

  const HelperRequest& request_;
  const int listener_;
  const std::vector<UniqueFd>& fds_;
  const Label& label_;
  FileAnswer done_ = {};
  HelperAnswer answer_ = {};
};

// --- the helper ----------------------------------------------------------------------------------

// Descriptors behind the namespaces: a lifeline, or the memory of a Completion.
constexpr std::size_t kLastFds = 1;

// Becomes who the start says, and answers it.
[[nodiscard]] bool begin_as(const HelperStart& start, const std::vector<UniqueFd>& fds) {
  const auto namespaces = static_cast<std::size_t>(std::popcount(start.namespaces));
  if (fds.size() != namespaces + kLastFds) return false;
  const char* step = "prepare";
  auto ready = open_own_processes();
  // those that are permitted are for its calls
  if (const auto set = set_effective(~0ULL); ready && !set) ready = std::unexpected(set.error());
  if (ready) ready = become(start, fds, step);
  if (ready) {
    step = "seccomp";
    ready = confine_helper(start.label.is_foreign() ? Confined::files_with_label : Confined::files);
  }
  HelperAnswer answer = ready ? HelperAnswer() : failed_reply(step, ready.error());
  answer.root_mount = root_mount(AT_FDCWD, "/");
  reply(answer);
  return ready.has_value();
}

// The next one; none: the agent has closed its end, or it is none of ours, which `code` tells.
// `listener`: of that one, and of the last one before.
struct NextRequest {
  HelperRequest request;
  std::vector<UniqueFd> fds;
};

[[nodiscard]] std::optional<NextRequest> next_request(std::span<std::byte> message,
                                                      UniqueFd& listener, int& code) {
  auto received = receive_message(kHelperSocket, message);
  code = received ? 1 : 0;
  if (!received) return std::nullopt;
  auto request = decode_request(message.first(received->length));
  if (!request) return std::nullopt;
  const std::size_t count = (request->has_same_listener ? 0UL : 1UL) +
                            (request->root_mount == 0 ? 1 : 0) + (request->has_base ? 1 : 0) +
                            (request->has_second_base ? 1 : 0);
  if (received->fds.size() != count) return std::nullopt;
  if (!request->has_same_listener) {
    listener = std::move(received->fds.front());
    received->fds.erase(received->fds.begin());
  }
  if (!listener.is_open()) return std::nullopt;
  return NextRequest{.request = std::move(*request), .fds = std::move(received->fds)};
}

// Parts that a helper has for all its requests.
struct Own {
  const Label& label;
  const ChildStack& stack;
  // nullptr: it answers no calls.
  Completion* completion;
  CallRoles& roles;
};

void serve(NextRequest next, int listener, const Own& own) {
  auto& [request, fds] = next;
  const AwaitedCall awaited(request, listener, own.completion);
  std::optional<FinalAnswer> final_answer;
  if (request.is_final) final_answer.emplace(*own.completion, request, listener);
  UniqueFd opened;
  const auto act_in_one = [&](const Validity& notification) {
    HelperAnswer done = act_in_role(request, fds, notification, own.roles, opened);
    // before anybody hears of it
    if (own.roles.is_stuck()) own.completion->is_last.store(true);
    return done;
  };
  const auto act = [&]() -> HelperAnswer {
    if (own.label.is_foreign())
      return LabelledChild(request, listener, fds, own.label).act(own.stack, opened);
    if (final_answer) return act_in_one(*final_answer);
    return act_in_one(awaited);
  };
  HelperAnswer done =
      complete(request, fds, own.completion) ? act() : failed_reply("root", Errno{EAGAIN});
  while (done.wanted) {
    const OwnLink wanted = std::move(*done.wanted);
    done = {};
    if (fetch(request, wanted, fds)) {
      done = act();
    } else {
      done.error = ELOOP;
    }
  }
  if (awaited.is_left() && !request.may_come_again)
    final_answer.emplace(*own.completion, request, listener);
  if (final_answer) {
    finish_finally(*final_answer, fds, done, std::move(opened));
  } else {
    finish(request, listener, fds, std::move(done), std::move(opened), own.completion);
  }
}

}  // namespace

int serve_files(const HelperStart& start, std::vector<UniqueFd> fds, std::span<std::byte> message) {
  const auto stack = ChildStack::make();
  shorten_slice(0);
  if (!stack || fds.empty()) return 1;
  const bool has_label = start.label.is_foreign();
  const auto completion = has_label ? Result<Completion*>(nullptr) : map_completion(fds.back());
  if (!completion || !begin_as(start, fds)) return 1;
  // we are in the namespaces; only what says that we live is still needed
  fds.erase(fds.begin(), has_label ? fds.end() - kLastFds : fds.end());
  int code = 0;
  CallRoles roles;
  const Own own = {
      .label = start.label, .stack = *stack, .completion = *completion, .roles = roles};
  UniqueFd listener;
  while (auto next = next_request(message, listener, code)) {
    const bool is_served =
        *completion != nullptr || !(next->request.is_final || next->request.may_be_left);
    if (!is_served) return 1;
    serve(std::move(*next), listener.get(), own);
    if (roles.is_stuck()) return 0;
  }
  return code;
}

}  // namespace seccompagent
