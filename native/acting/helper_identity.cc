// SPDX-License-Identifier: Apache-2.0
#include "acting/helper_identity.h"

#include <sys/stat.h>

#include "caller/namespaces.h"
#include "kernel/notify.h"
#include "kernel/process_files.h"

namespace seccompagent {
namespace {

// -1: ours.
[[nodiscard]] Result<HelperNamespace> namespace_of(int fd) {
  if (fd < 0) return HelperNamespace{};
  struct stat found = {};
  if (fstat(fd, &found) == -1) return fail_errno();
  return HelperNamespace{.device = found.st_dev, .inode = found.st_ino};
}

[[nodiscard]] Result<HelperPlaces> places_of(pid_t tid) {
  const auto mount = foreign_namespace(tid, Namespace::mount);
  const auto net = foreign_namespace(tid, Namespace::net);
  const auto ipc = foreign_namespace(tid, Namespace::ipc);
  const auto cgroup = foreign_namespace(tid, Namespace::cgroup);
  const auto uts = foreign_namespace(tid, Namespace::uts);
  for (const auto* place : {&mount, &net, &ipc, &cgroup, &uts}) {
    if (!*place) return std::unexpected(place->error());
  }
  return HelperPlaces{.mount = *mount, .net = *net, .ipc = *ipc, .cgroup = *cgroup, .uts = *uts};
}

// The bits of ForeignNamespaces.
[[nodiscard]] std::uint32_t foreign_of(const HelperIdentity& identity) {
  const HelperPlaces& places = identity.places;
  return (places.mount != 0 ? ForeignNamespaces::kMount : 0U) |
         (identity.user_namespace.inode != 0 ? ForeignNamespaces::kUser : 0U) |
         (places.net != 0 ? ForeignNamespaces::kNet : 0U) |
         (places.ipc != 0 ? ForeignNamespaces::kIpc : 0U) |
         (places.cgroup != 0 ? ForeignNamespaces::kCgroup : 0U) |
         (places.uts != 0 ? ForeignNamespaces::kUts : 0U);
}

}  // namespace

Result<HelperIdentity> identity_of(const HelperCaller& caller, const Owner& owner) {
  const auto user_namespace = namespace_of(caller.user_namespace);
  if (!user_namespace) return std::unexpected(user_namespace.error());
  const auto places = places_of(caller.call.tid);
  if (!places) return std::unexpected(places.error());
  const auto cgroups = own_cgroups_of(caller.call, caller.cgroups);
  if (!cgroups) return std::unexpected(cgroups.error());
  return HelperIdentity{.role = HelperRole::files,
                        .owner = owner,
                        .uid = caller.credentials.uid,
                        .gid = caller.credentials.gid,
                        .groups = caller.credentials.groups,
                        .user_namespace = *user_namespace,
                        .label = caller.label,
                        .places = *places,
                        .cgroups = *cgroups};
}

Result<std::string> own_cgroups_of(const CallId& call, const ActingCgroups* known) {
  if (known != nullptr) return std::string();
  auto text = read_file("/proc/" + std::to_string(call.tid) + "/cgroup");
  if (!id_valid(call.listener, call.id_valid_request, call.id)) return fail(ESRCH);
  return text;
}

std::vector<std::byte> start_message(const HelperIdentity& identity, bool is_charged_apart) {
  const UserIds& uid = identity.uid;
  const UserIds& gid = identity.gid;
  return encode(HelperStart{.role = identity.role,
                            .is_charged_apart = is_charged_apart,
                            .uids = {uid.real, uid.effective, uid.saved, uid.fs},
                            .gids = {gid.real, gid.effective, gid.saved, gid.fs},
                            .groups = identity.groups,
                            .namespaces = foreign_of(identity),
                            .label = identity.label});
}

}  // namespace seccompagent
