// SPDX-License-Identifier: Apache-2.0
#include "acting/helper_start.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <ranges>
#include <string>
#include <utility>

#include "caller/namespaces.h"
#include "kernel/notify.h"
#include "kernel/process_files.h"

namespace seccompagent {
namespace {

[[nodiscard]] Result<void> add_place(StartFds& fds, pid_t tid, Namespace kind,
                                     std::uint64_t place) {
  if (place == 0) return {};
  auto fd = open_foreign_namespace(tid, kind);
  if (!fd) return std::unexpected(fd.error());
  struct stat found = {};
  // another thread has the number by now
  if (fstat(fd->get(), &found) == -1 || found.st_ino != place) return fail(ESRCH);
  fds.all.push_back(fd->get());
  fds.opened.push_back(std::move(*fd));
  return {};
}

struct StartFailure {
  std::string_view step;
  const char* text;
};

// By the beginning of the step's name, see main.cc, files_role.cc and mounts_role.cc.
constexpr auto kStartFailures = std::to_array<StartFailure>(
    {{"join", kMoveStep},
     {"setns", "start a helper: enter the caller's namespaces, which needs CAP_SYS_ADMIN"},
     {"setgroups", "start a helper: take on the caller's groups, which needs CAP_SETGID"},
     {"setresgid", "start a helper: take on the caller's groups, which needs CAP_SETGID"},
     {"setresuid", "start a helper: take on the caller's user, which needs CAP_SETUID"},
     {"prctl", "start a helper: keep Linux capabilities, which needs CAP_SETPCAP"},
     {"a mount namespace",
      "start a helper: a mount namespace of its own, which needs CAP_SYS_ADMIN"},
     {"seccomp", "start a helper: load its seccomp filter"}});

}  // namespace

void StartFds::add_first(std::vector<CgroupList> lists) {
  for (CgroupList& list : std::views::reverse(lists)) {
    all.insert(all.begin(), list.file.get());
    opened.push_back(std::move(list.file));
  }
}

Result<StartFds> namespaces_of(const HelperCaller& caller) {
  StartFds fds;
  const Places& places = caller.places;
  const pid_t tid = caller.call.tid;
  auto added = add_place(fds, tid, Namespace::mount, places.mount);
  if (added) added = add_place(fds, tid, Namespace::user, places.user);
  if (added) added = add_place(fds, tid, Namespace::net, places.net);
  if (added) added = add_place(fds, tid, Namespace::ipc, places.ipc);
  if (added) added = add_place(fds, tid, Namespace::cgroup, places.cgroup);
  if (added) added = add_place(fds, tid, Namespace::uts, places.uts);
  if (!added) return std::unexpected(added.error());
  const CallId& call = caller.call;
  if (!id_valid(call.listener, call.id_valid_request, call.id)) return fail(ESRCH);
  return fds;
}

Result<ActingCgroups> cgroups_of(const HelperIdentity& identity, const ActingCgroups* known) {
  return known != nullptr ? Result<ActingCgroups>(*known) : ActingCgroups::of(identity.cgroups);
}

// Others of its container may be there.
JoinedCgroups::~JoinedCgroups() {
  for (const std::string& folder : children_) (void)rmdir(folder.c_str());
}

bool JoinedCgroups::are_paused_for(pid_t tid) const {
  const auto text = read_file("/proc/" + std::to_string(tid) + "/cgroup");
  return text && (cgroups_.are_stopping(*text) || (are_paused() && cgroups_.have(*text)));
}

void JoinedCgroups::leave(pid_t helper) {
  // whatever comes of it: the helper is told that it has left
  is_left_ = true;
  std::vector<pid_t> all = {helper};
  for (std::size_t at = 0; at < all.size(); ++at) {
    for (const pid_t child : children_of(all[at])) all.push_back(child);
  }
  // whoever goes on may start others
  for (const pid_t process : std::views::reverse(all)) {
    const std::string score = "/proc/" + std::to_string(process) + "/oom_score_adj";
    const UniqueFd file(open(score.c_str(), O_WRONLY | O_CLOEXEC));
    (void)!write(file.get(), "1000", 4);
    (void)cgroups_.leave(process);
  }
}

Result<SocketPair> make_sockets() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == -1) return fail_errno();
  SocketPair pair = {UniqueFd(ends[0]), UniqueFd(ends[1])};
  const timeval look = {.tv_sec = 0, .tv_usec = kHelperLook / kMicrosecond};
  if (setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &look, sizeof look) == -1) return fail_errno();
  return pair;
}

Result<UniqueFd> open_locks(const UniqueFd& locks, const HelperIdentity& identity) {
  if (identity.role != HelperRole::mounts) return UniqueFd();
  const std::string link = "/proc/self/fd/" + std::to_string(locks.get());
  UniqueFd opened(open(link.c_str(), O_RDWR | O_CLOEXEC));
  if (!opened.is_open()) return fail_errno();
  return opened;
}

Result<Lifeline> make_lifeline(const HelperIdentity& identity) {
  const bool has_children = identity.role == HelperRole::mounts || identity.label.is_foreign();
  if (!has_children) return Lifeline{};
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) == -1) return fail_errno();
  return Lifeline{.ours = UniqueFd(ends[1]), .theirs = UniqueFd(ends[0])};
}

Result<std::shared_ptr<CompletionMemory>> make_completion(const HelperIdentity& identity) {
  if (identity.role != HelperRole::files || identity.label.is_foreign())
    return std::shared_ptr<CompletionMemory>();
  return CompletionMemory::make();
}

const char* start_failure(std::string_view failed_step) {
  for (const auto& [step, text] : kStartFailures) {
    if (failed_step.starts_with(step)) return text;
  }
  return "start a helper";
}

}  // namespace seccompagent
