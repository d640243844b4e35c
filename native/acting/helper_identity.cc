// SPDX-License-Identifier: Apache-2.0
#include "acting/helper_identity.h"

#include "kernel/notify.h"
#include "kernel/process_files.h"

namespace seccompagent {
namespace {

// The bits of ForeignNamespaces.
[[nodiscard]] std::uint32_t foreign_of(const HelperIdentity& identity) {
  const Places& places = identity.places;
  return (places.mount != 0 ? ForeignNamespaces::kMount : 0U) |
         (places.user != 0 ? ForeignNamespaces::kUser : 0U) |
         (places.net != 0 ? ForeignNamespaces::kNet : 0U) |
         (places.ipc != 0 ? ForeignNamespaces::kIpc : 0U) |
         (places.cgroup != 0 ? ForeignNamespaces::kCgroup : 0U) |
         (places.uts != 0 ? ForeignNamespaces::kUts : 0U);
}

}  // namespace

Result<HelperIdentity> identity_of(const HelperCaller& caller, const Owner& owner) {
  const auto cgroups = own_cgroups_of(caller.call, caller.cgroups);
  if (!cgroups) return std::unexpected(cgroups.error());
  return HelperIdentity{.role = HelperRole::files,
                        .owner = owner,
                        .uid = caller.credentials.uid,
                        .gid = caller.credentials.gid,
                        .groups = caller.credentials.groups,
                        .label = caller.label,
                        .places = caller.places,
                        .cgroups = *cgroups};
}

Result<std::string> own_cgroups_of(const CallId& call, const ActingCgroups* known) {
  if (known != nullptr) return std::string();
  auto text = read_file("/proc/" + std::to_string(call.tid) + "/cgroup");
  if (!id_valid(call.listener, call.id_valid_request, call.id)) return fail(ESRCH);
  return text;
}

namespace {

[[nodiscard]] std::vector<bool> alternatives_of(std::span<const CgroupList> lists) {
  std::vector<bool> are;
  for (const CgroupList& list : lists) are.push_back(list.is_alternative);
  return are;
}

}  // namespace

std::vector<std::byte> start_message(const HelperIdentity& identity, bool is_charged_apart,
                                     std::span<const CgroupList> lists) {
  const UserIds& uid = identity.uid;
  const UserIds& gid = identity.gid;
  return encode(HelperStart{.role = identity.role,
                            .is_charged_apart = is_charged_apart,
                            .cgroups = alternatives_of(lists),
                            .uids = {uid.real, uid.effective, uid.saved, uid.fs},
                            .gids = {gid.real, gid.effective, gid.saved, gid.fs},
                            .groups = identity.groups,
                            .namespaces = foreign_of(identity),
                            .label = identity.label});
}

}  // namespace seccompagent
