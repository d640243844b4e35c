// SPDX-License-Identifier: Apache-2.0
#include "acting/mounting.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>

#include <atomic>
#include <optional>
#include <utility>
#include <vector>

#include "acting/helper_pool.h"
#include "acting/mount_budget.h"
#include "helper/wire.h"

namespace seccompagent {
namespace {

// Whether this kernel's proc takes the option `pidns` (Linux 6.18); none: nobody has looked yet.
std::atomic<std::optional<bool>> pidns_option;

[[nodiscard]] bool has_pidns_option() {
  if (const auto known = pidns_option.load()) return *known;
  const UniqueFd own(open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));
  const UniqueFd context(static_cast<int>(syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC)));
  // without descriptors nothing is learnt; what is done instead works with every kernel
  if (!own.is_open() || !context.is_open()) return false;
  const bool has =
      syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_FD, "pidns", nullptr, own.get()) == 0;
  pidns_option.store(has);
  return has;
}

// Fields of a request about its caller, and the descriptors that go along in this order.
void add_caller(HelperMountRequest& request, std::vector<int>& fds, const Target& target) {
  request.id = target.call.id;
  request.id_valid_request = target.call.id_valid_request;
  request.credentials = target.credentials;
  request.label = target.label;
  fds = {target.call.listener, target.root.get(), target.base.get()};
  const std::pair<std::uint32_t, const UniqueFd&> foreign[] = {
      {ForeignNamespaces::kMount, target.mount_namespace},
      {ForeignNamespaces::kUser, target.user_namespace},
      {ForeignNamespaces::kPid, target.pid_namespace},
      {ForeignNamespaces::kNet, target.net_namespace},
      {ForeignNamespaces::kIpc, target.ipc_namespace},
      {ForeignNamespaces::kCgroup, target.cgroup_namespace}};
  for (const auto& [kind, fd] : foreign) {
    if (!fd.is_open()) continue;
    request.namespaces |= kind;
    fds.push_back(fd.get());
  }
}

[[nodiscard]] Outcome outcome_of(const HelperAnswer& answer, std::string& failed_step) {
  if (answer.label_refusal != 0) return refused_label(Errno{answer.label_refusal});
  if (answer.failed_step.empty())
    return {.answer = answer.error, .is_gone = answer.is_gone, .made = answer.made};
  failed_step = answer.failed_step;
  return our_failure(failed_step.c_str(), Errno{answer.error});
}

[[nodiscard]] Outcome ask_helper(const Mounting& mounting, const HelperMountRequest& request,
                                 const std::vector<int>& fds) {
  const std::vector<std::byte> message = encode(request);
  // what a handler asks for is its own doing, so that is its answer
  if (message.size() > kMaxMessage) return {.answer = E2BIG};
  HelperPool& pool = HelperPool::of_process();
  const char* step = "";
  auto helper = pool.take_for_mounts(mounting.owner, mounting.target.call, mounting.cgroups,
                                     mounting.patience, step);
  if (!helper) return our_failure(step, helper.error());
  UniqueFd none;
  const auto answer = (*helper)->ask(message, fds, mounting.patience, none);
  if (!answer) {
    if (answer.error() != Errno{ETIMEDOUT}) return our_failure("talk to a helper", answer.error());
    return {.answer = ETIMEDOUT};
  }
  pool.put_back(std::move(*helper));
  return outcome_of(*answer, mounting.failed_step);
}

// Of what makes mounts.
[[nodiscard]] Outcome ask_within_budget(const Mounting& mounting, HelperMountRequest& request,
                                        const std::vector<int>& fds) {
  Outcome done;
  act_within(MountBudget::of_process(), mounting.owner.payer, mounting.target,
             [&](std::uint64_t left) {
               request.allowance = left;
               done = ask_helper(mounting, request, fds);
               const bool counts = done.made.is_over || (done.answer == 0 && !done.is_gone);
               return counts ? done.made : Made{};
             });
  return done;
}

}  // namespace

bool needs_masks(const MountRequest& request) {
  return request.type == "proc" || request.type == "sysfs";
}

Outcome make_mount(const Mounting& mounting, const MountRequest& wanted, const Masks& masks,
                   bool has_own_mounts) {
  const Target& target = mounting.target;
  if (target.base_error != 0) return {.answer = target.base_error};
  HelperMountRequest request;
  std::vector<int> fds;
  add_caller(request, fds, target);
  request.path = wanted.target;
  request.proc_path = mounting.proc_path;
  request.mount = {.type = wanted.type, .options = wanted.options, .attributes = wanted.attributes};
  request.masks = masks;
  request.has_own_mounts = has_own_mounts;
  request.may_use_pidns = has_pidns_option();
  return ask_within_budget(mounting, request, fds);
}

Outcome cover_node(const Mounting& mounting, const UniqueFd& node, const UniqueFd& file_system) {
  constexpr std::size_t kBase = 2;
  HelperMountRequest request;
  std::vector<int> fds;
  request.action = MountAction::cover;
  add_caller(request, fds, mounting.target);
  fds[kBase] = node.get();
  fds.push_back(file_system.get());
  return ask_within_budget(mounting, request, fds);
}

Outcome unmount(const Mounting& mounting, const std::string& path, std::uint32_t flags,
                std::shared_ptr<const Spared> spared) {
  if (mounting.target.base_error != 0) return {.answer = mounting.target.base_error};
  HelperMountRequest request;
  std::vector<int> fds;
  request.action = MountAction::unmount;
  add_caller(request, fds, mounting.target);
  request.path = path;
  request.proc_path = mounting.proc_path;
  request.flags = flags;
  request.spared = std::move(spared);
  request.first_mounts = mounting.first_mounts;
  return ask_helper(mounting, request, fds);
}

Outcome set_mount_attributes(const Mounting& mounting, const std::string& path,
                             const MountChange& change) {
  if (mounting.target.base_error != 0) return {.answer = mounting.target.base_error};
  HelperMountRequest request;
  std::vector<int> fds;
  request.action = MountAction::set_attributes;
  add_caller(request, fds, mounting.target);
  request.path = path;
  request.proc_path = mounting.proc_path;
  request.flags = change.is_recursive ? AT_RECURSIVE : 0;
  request.set = change.set;
  request.clear = change.clear;
  request.has_idmap = change.user_namespace >= 0;
  if (request.has_idmap) fds.push_back(change.user_namespace);
  return ask_helper(mounting, request, fds);
}

void refuse_pidns_option(bool is_refused) {
  pidns_option.store(is_refused ? std::optional(false) : std::nullopt);
}

}  // namespace seccompagent
