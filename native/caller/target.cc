// SPDX-License-Identifier: Apache-2.0
// The pinning of a caller: its root, working directory, namespaces and credentials.
#include "caller/target.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "caller/caller_label.h"
#include "caller/caller_state.h"
#include "caller/namespaces.h"
#include "kernel/notify.h"

namespace seccompagent {
namespace {

[[nodiscard]] Result<UniqueFd> open_of(pid_t tid, const char* what, int flags) {
  return CallerState::of(tid).open(what, flags);
}

// The text behind "\nNAME:".
[[nodiscard]] const char* field(const char* status, const char* name) {
  char key[16];
  std::snprintf(key, sizeof key, "\n%s:", name);
  const char* found = std::strstr(status, key);
  return found == nullptr ? nullptr : found + std::strlen(key);
}

// The process that a thread belongs to.
[[nodiscard]] Result<pid_t> thread_group_of(pid_t tid) {
  const auto status = CallerState::of(tid).read_status();
  if (!status) return std::unexpected(status.error());
  const char* text = field(*status, "Tgid");
  return text == nullptr ? fail(EINVAL)
                         : Result<pid_t>(static_cast<pid_t>(std::strtol(text, nullptr, 10)));
}

[[nodiscard]] Result<UniqueFd> open_base(pid_t tid, const Start& start) {
  // the place itself may be anything
  const int directory = start.rest.empty() ? 0 : O_DIRECTORY;
  if (!start.proc_entry.empty()) {
    const auto owner = start.is_of_thread ? Result<pid_t>(tid) : thread_group_of(tid);
    if (!owner) return std::unexpected(owner.error());
    return open_of(*owner, start.proc_entry.c_str(), O_PATH | directory);
  }
  if (start.dirfd == AT_FDCWD) return open_of(tid, "cwd", O_PATH | O_DIRECTORY);
  if (start.dirfd < 0) return fail(EBADF);
  char what[24];
  std::snprintf(what, sizeof what, "fd/%d", start.dirfd);
  auto fd = open_of(tid, what, O_PATH | directory);
  if (!fd && fd.error() == Errno{ENOENT}) return fail(EBADF);
  return fd;
}

// Whether this descriptor of the caller's stands for a path only, see O_PATH in open(2): then its
// entry has no mode bits, as neither has one that was opened for ioctl(2) alone. Its fdinfo is not
// asked, which is the file's own and may wait for whoever serves it. What can't be seen was closed.
[[nodiscard]] bool is_path_only(pid_t tid, int fd) {
  char what[32];
  std::snprintf(what, sizeof what, "fd/%d", fd);
  const auto mode = CallerState::of(tid).link_mode(what);
  return mode && (*mode & (S_IRUSR | S_IWUSR)) == 0;
}

[[nodiscard]] bool parse_ids(const char* text, UserIds& ids) {
  if (text == nullptr) return false;
  for (std::uint32_t* id : {&ids.real, &ids.effective, &ids.saved, &ids.fs}) {
    char* end = nullptr;
    *id = static_cast<std::uint32_t>(std::strtoul(text, &end, 10));
    if (end == text) return false;
    text = end;
  }
  return true;
}

// Numbers up to the end of the line; none: there is no such line.
[[nodiscard]] std::vector<pid_t> list_of(const char* text) {
  std::vector<pid_t> numbers;
  while (text != nullptr) {
    char* end = nullptr;
    // a line end is white space, too
    text += std::strspn(text, " \t");
    if (*text == '\n') break;
    const long number = std::strtol(text, &end, 10);
    if (end == text) break;
    numbers.push_back(static_cast<pid_t>(number));
    text = end;
  }
  return numbers;
}

}  // namespace

Result<Credentials> parse_credentials(const char* status, std::size_t max_groups) {
  Credentials credentials = {};
  const char* umask_text = field(status, "Umask");
  const char* groups_text = field(status, "Groups");
  const char* capabilities_text = field(status, "CapEff");
  if (umask_text == nullptr || groups_text == nullptr || capabilities_text == nullptr ||
      !parse_ids(field(status, "Uid"), credentials.uid) ||
      !parse_ids(field(status, "Gid"), credentials.gid)) {
    return fail(EINVAL);
  }
  credentials.umask = static_cast<mode_t>(std::strtoul(umask_text, nullptr, 8));
  credentials.effective_capabilities = std::strtoull(capabilities_text, nullptr, 16);
  for (const char* at = groups_text; *at != '\n' && *at != '\0';) {
    if (*at == ' ' || *at == '\t') {
      ++at;
      continue;
    }
    char* end = nullptr;
    const unsigned long group = std::strtoul(at, &end, 10);
    if (end == at) return fail(EINVAL);
    if (credentials.groups.size() == max_groups) return fail(ETOOMANYREFS);
    credentials.groups.push_back(static_cast<gid_t>(group));
    at = end;
  }
  return credentials;
}

ProcessNumbers parse_numbers(const char* status) {
  return {.process = list_of(field(status, "NStgid")), .thread = list_of(field(status, "NSpid"))};
}

Result<UniqueFd> open_own(pid_t tid, const char* name, bool is_of_thread) {
  const auto owner = is_of_thread ? Result<pid_t>(tid) : thread_group_of(tid);
  if (!owner) return std::unexpected(owner.error());
  return open_of(*owner, name, O_PATH);
}

bool is_callers_own(Errno error) {
  return error == Errno{ENOENT} || error == Errno{EACCES} || error == Errno{ENOTDIR} ||
         error == Errno{ELOOP};
}

namespace {

// 0, or what the caller gets to hear; our own failures are errors.
[[nodiscard]] Result<int> base_error_of(const Result<UniqueFd>& base) {
  if (base) return 0;
  const int error = base.error().number;
  if (error != EBADF && error != ENOTDIR && error != ENOENT) return fail(error);
  return error;
}

}  // namespace

Result<Target> pin_target(const CallId& call, const Start& start, Pinned pinned,
                          const Start* second) {
  const bool is_for_files = pinned == Pinned::for_files;
  const std::uint64_t root_mount = is_for_files ? CallerState::of(call.tid).mount_of_root() : 0;
  auto root = is_for_files ? Result<UniqueFd>() : open_of(call.tid, "root", O_PATH | O_DIRECTORY);
  // of a mount, the source may be relative, too
  const auto base_of = [&](const Start& from) {
    return from.is_from_root && is_for_files ? Result<UniqueFd>() : open_base(call.tid, from);
  };
  auto base = base_of(start);
  auto second_base = second == nullptr ? Result<UniqueFd>() : base_of(*second);
  const bool is_descriptor = start.rest.empty() && start.proc_entry.empty() && start.dirfd >= 0;
  const bool is_base_path_only = is_descriptor && is_path_only(call.tid, start.dirfd);
  const auto places = is_for_files ? places_of(call.tid) : Result<Places>(Places{});
  auto label = foreign_label(call.tid);
  Result<UniqueFd> user_namespace;
  Result<UniqueFd> mount_namespace;
  Result<UniqueFd> pid_namespace;
  Result<UniqueFd> net_namespace;
  Result<UniqueFd> ipc_namespace;
  Result<UniqueFd> cgroup_namespace;
  if (!is_for_files) {
    user_namespace = open_foreign_namespace(call.tid, Namespace::user);
    mount_namespace = open_foreign_namespace(call.tid, Namespace::mount);
    net_namespace = open_foreign_namespace(call.tid, Namespace::net);
  }
  if (pinned == Pinned::for_proc || pinned == Pinned::for_mounts)
    pid_namespace = open_foreign_namespace(call.tid, Namespace::pid);
  if (pinned == Pinned::for_mounts) {
    ipc_namespace = open_foreign_namespace(call.tid, Namespace::ipc);
    cgroup_namespace = open_foreign_namespace(call.tid, Namespace::cgroup);
  }
  const auto status = CallerState::of(call.tid).status_during(call.id);
  if (!id_valid(call.listener, call.id_valid_request, call.id)) return fail(ESRCH);
  for (const auto* opened : {&root, &mount_namespace, &user_namespace, &pid_namespace,
                             &net_namespace, &ipc_namespace, &cgroup_namespace}) {
    // what is still valid but can't be opened is our own failure, never "gone"
    if (!*opened) return fail(opened->error() == Errno{ESRCH} ? EIO : opened->error().number);
  }
  if (!places) return fail(places.error() == Errno{ESRCH} ? EIO : places.error().number);
  const auto base_error = base_error_of(base);
  if (!base_error) return std::unexpected(base_error.error());
  const auto second_base_error = base_error_of(second_base);
  if (!second_base_error) return std::unexpected(second_base_error.error());
  if (!label) return fail(label.error() == Errno{ESRCH} ? EIO : label.error().number);
  if (!status) return std::unexpected(status.error());
  if (is_for_files) know_places(call.tid, *places, *status);
  auto credentials = parse_credentials(*status, kMaxGroups);
  if (!credentials) return std::unexpected(credentials.error());
  return Target{.call = call,
                .credentials = std::move(*credentials),
                .numbers = parse_numbers(*status),
                .root = std::move(*root),
                .root_mount = root_mount,
                .base = base ? std::move(*base) : UniqueFd(),
                .base_error = *base_error,
                .is_base_path_only = is_base_path_only,
                .second_base = second_base ? std::move(*second_base) : UniqueFd(),
                .second_base_error = *second_base_error,
                .label = std::move(*label),
                .places = *places,
                .user_namespace = std::move(*user_namespace),
                .mount_namespace = std::move(*mount_namespace),
                .pid_namespace = std::move(*pid_namespace),
                .net_namespace = std::move(*net_namespace),
                .ipc_namespace = std::move(*ipc_namespace),
                .cgroup_namespace = std::move(*cgroup_namespace)};
}

}  // namespace seccompagent
