// SPDX-License-Identifier: Apache-2.0
#include "helper/mounts_role.h"

#include <fcntl.h>

#include <bit>
#include <optional>
#include <utility>

#include "helper/hardening.h"
#include "helper/new_mount.h"
#include "helper/reply.h"
#include "helper/wire.h"

namespace seccompagent {
namespace {

// The descriptors of a request, in their order.
class Descriptors {
 public:
  explicit Descriptors(const std::vector<UniqueFd>& fds) : fds_(fds) {}
  [[nodiscard]] int next() { return fds_[next_++].get(); }
  // -1 where none came.
  [[nodiscard]] int next_if(bool has_come) { return has_come ? next() : -1; }

 private:
  const std::vector<UniqueFd>& fds_;
  std::size_t next_ = 0;
};

[[nodiscard]] std::size_t expected_fds(const HelperMountRequest& request) {
  // listener, root and base
  constexpr std::size_t kAlways = 3;
  return kAlways + static_cast<std::size_t>(std::popcount(request.namespaces)) +
         (request.has_idmap || request.action == MountAction::cover ? 1 : 0);
}

[[nodiscard]] MountPlace place_of(const HelperMountRequest& request, Descriptors& fds) {
  const auto foreign = [&](std::uint32_t kind) {
    return fds.next_if((request.namespaces & kind) != 0);
  };
  MountPlace place = {};
  place.listener = fds.next();
  place.root = fds.next();
  place.base = fds.next();
  place.path = request.path;
  place.proc_path = request.proc_path;
  place.mount_namespace = foreign(ForeignNamespaces::kMount);
  place.user_namespace = foreign(ForeignNamespaces::kUser);
  place.pid_namespace = foreign(ForeignNamespaces::kPid);
  place.net_namespace = foreign(ForeignNamespaces::kNet);
  place.ipc_namespace = foreign(ForeignNamespaces::kIpc);
  place.cgroup_namespace = foreign(ForeignNamespaces::kCgroup);
  place.credentials = request.credentials;
  place.label = request.label;
  place.may_use_pidns = request.may_use_pidns;
  place.has_own_mounts = request.has_own_mounts;
  place.allowance = request.allowance;
  if (request.first_mounts) place.first_mounts = *request.first_mounts;
  return place;
}

[[nodiscard]] Outcome act(MountMaker& maker, const HelperMountRequest& request,
                          const std::vector<UniqueFd>& fds) {
  Descriptors descriptors(fds);
  const MountPlace place = place_of(request, descriptors);
  const AskedNotification notification(place.listener, request.id_valid_request, request.id);
  const IsGone is_gone = [&notification] { return notification.is_gone(); };
  switch (request.action) {
    case MountAction::mount:
      return maker.make_mount(request.mount, place, request.masks, is_gone);
    case MountAction::cover:
      return maker.cover(place, descriptors.next());
    case MountAction::unmount:
      return maker.unmount(place, request.flags, is_gone, request.spared.get());
    case MountAction::set_attributes:
      return maker.set_attributes(place,
                                  {.set = request.set,
                                   .clear = request.clear,
                                   .is_recursive = (request.flags & AT_RECURSIVE) != 0,
                                   .user_namespace = descriptors.next_if(request.has_idmap)},
                                  is_gone);
  }
  return our_failure("unknown action", Errno{EINVAL});
}

[[nodiscard]] HelperAnswer answer_of(const Outcome& outcome) {
  if (outcome.failed_step != nullptr)
    return failed_reply(outcome.failed_step, Errno{outcome.failure});
  HelperAnswer answer;
  answer.error = outcome.answer;
  answer.label_refusal = outcome.label_refusal;
  answer.is_gone = outcome.is_gone;
  answer.made = outcome.made;
  return answer;
}

// Leaves our mount namespace, and says so.
[[nodiscard]] std::optional<MountMaker> begin(int lifeline, int locks) {
  auto maker = MountMaker::start(lifeline, locks);
  if (!maker) {
    reply(failed_reply("a mount namespace of its own", maker.error()));
    return std::nullopt;
  }
  const auto confined = confine_helper(Confined::mounts);
  reply(confined ? HelperAnswer() : failed_reply("seccomp", confined.error()));
  if (!confined) return std::nullopt;
  return std::move(*maker);
}

}  // namespace

int serve_mounts(const std::vector<UniqueFd>& fds, std::span<std::byte> message) {
  constexpr std::size_t kStartFds = 2;
  if (fds.size() != kStartFds) return 1;
  auto maker = begin(fds.back().get(), fds.front().get());
  if (!maker) return 1;
  for (;;) {
    auto received = receive_message(kHelperSocket, message);
    // the agent has closed its end
    if (!received) return 0;
    const auto request = decode_mount_request(message.first(received->length));
    if (!request || received->fds.size() != expected_fds(*request)) return 1;
    const HelperAnswer answer = answer_of(act(*maker, *request, received->fds));
    // the caller may unmount what they lead to as soon as it goes on
    received->fds.clear();
    reply(answer);
    maker->clean_up();
  }
}

}  // namespace seccompagent
