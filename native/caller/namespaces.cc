// SPDX-License-Identifier: Apache-2.0
// By the links of procfs, which are quicker to read than to open.
#include "caller/namespaces.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include "caller/caller_state.h"
#include "caller/proc_text.h"

namespace seccompagent {
namespace {

// The values of Namespace are places in here.
constexpr std::array kNames = {"ns/user", "ns/mnt",    "ns/pid", "ns/net",
                               "ns/ipc",  "ns/cgroup", "ns/uts"};

[[nodiscard]] const char* name_of(Namespace kind) { return kNames[static_cast<std::size_t>(kind)]; }

struct NamespaceId {
  dev_t device;
  ino_t inode;
  friend bool operator==(const NamespaceId&, const NamespaceId&) = default;
};

// Ours never change, so they are looked at once.
[[nodiscard]] Result<NamespaceId> own_namespace(Namespace kind) {
  static const auto all = [] {
    std::array<Result<NamespaceId>, kNames.size()> ids;
    for (std::size_t index = 0; index < ids.size(); ++index) {
      const std::string path = std::string("/proc/thread-self/") + kNames[index];
      struct stat ours = {};
      if (stat(path.c_str(), &ours) == -1) {
        ids[index] = fail_errno();
      } else {
        ids[index] = NamespaceId{.device = ours.st_dev, .inode = ours.st_ino};
      }
    }
    return ids;
  }();
  return all[static_cast<std::size_t>(kind)];
}

[[nodiscard]] Result<bool> is_own_namespace(const UniqueFd& namespace_fd, Namespace kind) {
  const auto ours = own_namespace(kind);
  if (!ours) return std::unexpected(ours.error());
  struct stat theirs = {};
  if (fstat(namespace_fd.get(), &theirs) == -1) return fail_errno();
  return *ours == NamespaceId{.device = theirs.st_dev, .inode = theirs.st_ino};
}

// Text of the link of our own namespace. Its number is no other one's while we are in it.
[[nodiscard]] const std::string& own_link(Namespace kind) {
  static const auto all = [] {
    std::array<std::string, kNames.size()> links;
    CallerState us(gettid());
    for (std::size_t index = 0; index < links.size(); ++index) {
      const auto link = us.read_link(kNames[index]);
      if (link) links[index] = *link;
    }
    return links;
  }();
  return all[static_cast<std::size_t>(kind)];
}

// Of a text such as `net:[4026531840]`.
[[nodiscard]] Result<std::uint64_t> number_in(std::string_view link) {
  const std::size_t bracket = std::min(link.find('['), link.size() - 1);
  std::uint64_t number = 0;
  const char* end = link.data() + link.size();
  const auto [rest, error] = std::from_chars(link.data() + bracket + 1, end, number);
  if (error != std::errc() || rest == end || *rest != ']') return fail(EINVAL);
  return number;
}

}  // namespace

Result<std::uint64_t> foreign_namespace(pid_t tid, Namespace kind) {
  const auto link = CallerState::of(tid).read_link(name_of(kind));
  if (!link) return std::unexpected(link.error());
  if (link->empty()) return fail(EINVAL);
  return *link == own_link(kind) ? Result<std::uint64_t>(0) : number_in(*link);
}

namespace {

// Whether the thread can still leave its namespaces, but for its user namespace: that takes
// CAP_SYS_ADMIN, which nobody gets again who has it in none of these sets, see capabilities(7). Who
// leaves a user namespace never comes back, see user_namespaces(7).
[[nodiscard]] bool may_leave(std::string_view status) {
  std::uint64_t capabilities = 0;
  for (const char* set : {"\nCapInh:", "\nCapPrm:", "\nCapBnd:", "\nCapAmb:"})
    capabilities |= mask_of(status, set);
  return (capabilities >> CAP_SYS_ADMIN & 1) != 0;
}

// Whether the thread's number can become that of another one that is there: what executes a program
// gets the number of its process's first thread, see execve(2).
[[nodiscard]] bool may_be_replaced(pid_t tid, std::string_view status) {
  const auto first = count_of(status, "\nTgid:");
  return !first || (*first == static_cast<std::uint64_t>(tid) &&
                    count_of(status, "\nThreads:") != std::uint64_t{1});
}

[[nodiscard]] Result<Places> look_up_places(pid_t tid, std::uint64_t user) {
  const auto mount = foreign_namespace(tid, Namespace::mount);
  const auto net = foreign_namespace(tid, Namespace::net);
  const auto ipc = foreign_namespace(tid, Namespace::ipc);
  const auto cgroup = foreign_namespace(tid, Namespace::cgroup);
  const auto uts = foreign_namespace(tid, Namespace::uts);
  for (const auto* place : {&mount, &net, &ipc, &cgroup, &uts}) {
    if (!*place) return std::unexpected(place->error());
  }
  return Places{
      .mount = *mount, .user = user, .net = *net, .ipc = *ipc, .cgroup = *cgroup, .uts = *uts};
}

}  // namespace

Result<Places> places_of(pid_t tid) {
  const auto user = foreign_namespace(tid, Namespace::user);
  if (!user) return std::unexpected(user.error());
  const auto known = CallerState::of(tid).lasting_places();
  if (known && known->user == *user) return *known;
  return look_up_places(tid, *user);
}

void know_places(pid_t tid, const Places& places, std::string_view status) {
  CallerState& caller = CallerState::of(tid);
  if (caller.lasting_places() == places) return;
  if (!may_leave(status) && !may_be_replaced(tid, status)) caller.keep_places(places);
}

Result<UniqueFd> open_foreign_namespace(pid_t tid, Namespace kind) {
  // most are ours, and to read that is quicker than to open it
  const auto link = CallerState::of(tid).read_link(name_of(kind));
  if (!link) return std::unexpected(link.error());
  if (!link->empty() && *link == own_link(kind)) return UniqueFd();
  auto fd = CallerState::of(tid).open(name_of(kind), O_RDONLY);
  if (!fd) return fd;
  const auto own = is_own_namespace(*fd, kind);
  if (!own) return std::unexpected(own.error());
  return *own ? UniqueFd() : std::move(*fd);
}

Result<bool> has_mounts_of_ours(pid_t tid) {
  const auto mounts = open_foreign_namespace(tid, Namespace::mount);
  if (!mounts) return std::unexpected(mounts.error());
  if (!mounts->is_open()) return true;
  const UniqueFd owner(ioctl(mounts->get(), NS_GET_USERNS));
  if (!owner.is_open()) return fail_errno();
  return is_own_namespace(owner, Namespace::user);
}

}  // namespace seccompagent
