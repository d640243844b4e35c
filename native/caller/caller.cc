// SPDX-License-Identifier: Apache-2.0
// Everything is opened and read first; it counts only if the notification is still valid then.
#include "caller/caller.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "caller/caller_state.h"
#include "caller/memory_use.h"
#include "caller/proc_text.h"
#include "kernel/clock.h"
#include "kernel/notify.h"
#include "kernel/process_files.h"

namespace seccompagent {
namespace {

// Linux 6.9: a descriptor for a thread that leads no group, with the thread's own table.
constexpr unsigned kPidfdThread = O_EXCL;

[[nodiscard]] Result<UniqueFd> open_of(pid_t tid, const char* name) {
  char path[48];
  std::snprintf(path, sizeof path, "/proc/%d/%s", tid, name);
  UniqueFd fd(retry_eintr([&] { return open(path, O_RDONLY | O_CLOEXEC); }));
  if (!fd.is_open()) return fail_errno();
  return fd;
}

[[nodiscard]] Result<std::string> name_of(pid_t tid) {
  const auto file = open_of(tid, "comm");
  if (!file) return std::unexpected(file.error());
  FileText text;
  const auto name = text_of(*file, text);
  if (!name) return std::unexpected(name.error());
  return std::string(*name);
}

[[nodiscard]] bool is_gone(const CallId& call) {
  return !id_valid(call.listener, call.id_valid_request, call.id);
}

// The number behind a name in a status file.
[[nodiscard]] std::uint64_t number_of(const char* status, const char* name, int base) {
  const std::string key = std::string("\n") + name + ":";
  const char* const at = std::strstr(status, key.c_str());
  return at == nullptr ? 0 : std::strtoull(at + key.size(), nullptr, base);
}

// Writes as many of the bytes as there is room for; the room behind them.
std::span<std::byte> put(std::span<std::byte> into, const void* bytes, std::size_t size) {
  const std::size_t length = std::min(size, into.size());
  std::memcpy(into.data(), bytes, length);
  return into.subspan(length);
}

[[nodiscard]] std::array<std::uint32_t, 4> all_of(const UserIds& ids) {
  return {ids.real, ids.effective, ids.saved, ids.fs};
}

struct NamespaceId {
  dev_t device;
  ino_t inode;
  friend bool operator==(const NamespaceId&, const NamespaceId&) = default;
};

[[nodiscard]] Result<NamespaceId> id_of(const UniqueFd& fd) {
  struct stat found = {};
  if (fstat(fd.get(), &found) == -1) return fail_errno();
  return NamespaceId{.device = found.st_dev, .inode = found.st_ino};
}

[[nodiscard]] Result<UniqueFd> asked_of(const UniqueFd& fd, unsigned long what) {
  UniqueFd answer(ioctl(fd.get(), what));
  if (!answer.is_open()) return fail_errno();
  return answer;
}

// A process has what it has effective in its own namespace; it has all in those below whose owner
// it is, and none elsewhere.
[[nodiscard]] Result<bool> has_in(const UniqueFd& own, const UniqueFd& wanted, uid_t effective_uid,
                                  bool is_effective) {
  const auto own_id = id_of(own);
  if (!own_id) return std::unexpected(own_id.error());
  UniqueFd at(fcntl(wanted.get(), F_DUPFD_CLOEXEC, 0));
  if (!at.is_open()) return fail_errno();
  for (;;) {
    const auto at_id = id_of(at);
    if (!at_id) return std::unexpected(at_id.error());
    if (*at_id == *own_id) return is_effective;
    // EPERM: it is our own, or none that we can see; the caller is not above
    auto parent = asked_of(at, NS_GET_PARENT);
    if (!parent) return false;
    const auto parent_id = id_of(*parent);
    if (!parent_id) return std::unexpected(parent_id.error());
    uid_t owner = 0;
    if (*parent_id == *own_id && ioctl(at.get(), NS_GET_OWNER_UID, &owner) == 0 &&
        owner == effective_uid) {
      return true;
    }
    at = std::move(*parent);
  }
}

[[nodiscard]] Result<UniqueFd> open_wanted(const CallId& call, CapabilityIn where, int made_in) {
  if (where == CapabilityIn::of_container) {
    if (made_in < 0) return fail(ESRCH);
    UniqueFd copy(fcntl(made_in, F_DUPFD_CLOEXEC, 0));
    return copy.is_open() ? Result<UniqueFd>(std::move(copy)) : fail_errno();
  }
  if (where != CapabilityIn::of_mounts) return open_of(getpid(), "ns/user");
  const auto mount_namespace = open_of(call.tid, "ns/mnt");
  if (!mount_namespace) return std::unexpected(mount_namespace.error());
  return asked_of(*mount_namespace, NS_GET_USERNS);
}

// Whether the host's root has made a user namespace.
[[nodiscard]] bool is_of_root(const UniqueFd& user_namespace) {
  uid_t owner = 0;
  return ioctl(user_namespace.get(), NS_GET_OWNER_UID, &owner) == 0 && owner == 0;
}

}  // namespace

Result<CallersFd> take_descriptor(const CallId& call, int fd, Payer payer) {
  if (fd < 0) return fail(EBADF);
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, call.tid, kPidfdThread)));
  if (!pidfd.is_open() && errno == EINVAL)
    pidfd.reset(static_cast<int>(syscall(SYS_pidfd_open, call.tid, 0)));
  if (!pidfd.is_open()) return is_gone(call) ? fail(ESRCH) : fail(EOPNOTSUPP);
  if (is_gone(call)) return fail(ESRCH);
  UniqueFd copy(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), fd, 0)));
  if (!copy.is_open()) return fail_errno();
  return CallersFd(std::move(copy), payer);
}

Result<void> describe_caller(const CallId& call, std::span<std::byte> into) {
  const auto status = CallerState::of(call.tid).status_during(call.id);
  const auto comm = name_of(call.tid);
  if (is_gone(call)) return fail(ESRCH);
  if (!status) return std::unexpected(status.error());
  if (!comm) return std::unexpected(comm.error());
  const auto credentials = parse_credentials(*status, kMaxGroups);
  if (!credentials) return std::unexpected(credentials.error());
  constexpr int kDecimal = 10;
  constexpr int kHexadecimal = 16;
  const auto set = [&](const char* name) { return number_of(*status, name, kHexadecimal); };
  CallerCredentials written = {
      .uid = all_of(credentials->uid),
      .gid = all_of(credentials->gid),
      .umask = credentials->umask,
      .no_new_privileges = static_cast<std::uint32_t>(number_of(*status, "NoNewPrivs", kDecimal)),
      .capabilities = {set("CapInh"), set("CapPrm"), set("CapEff"), set("CapBnd"), set("CapAmb")},
      .comm_length = 0,
      .comm = {},
      .group_count = static_cast<std::uint32_t>(credentials->groups.size())};
  const std::size_t length =
      std::min(comm->find('\n'), std::min(comm->size(), written.comm.size()));
  std::copy_n(comm->begin(), length, written.comm.begin());
  written.comm_length = static_cast<std::uint32_t>(length);
  into = put(into, &written, sizeof written);
  put(into, credentials->groups.data(), credentials->groups.size() * sizeof(gid_t));
  return {};
}

Result<void> describe_process(const CallId& call, const UniqueFd& first_process,
                              std::span<std::byte> into) {
  constexpr int kDecimal = 10;
  constexpr std::uint64_t kMillisecondsPerSecond = 1000;
  const auto status = CallerState::of(call.tid).status_during(call.id);
  if (is_gone(call)) return fail(ESRCH);
  if (!status) return std::unexpected(status.error());
  const auto process = static_cast<pid_t>(number_of(*status, "Tgid", kDecimal));
  const auto began = [process] {
    const MemoryUse use;
    return thread_start_time(process);
  }();
  timespec now = {};
  clock_gettime(CLOCK_BOOTTIME, &now);
  const auto first = first_process.is_open() ? pid_of(first_process) : Result<pid_t>(fail(ESRCH));
  if (is_gone(call)) return fail(ESRCH);
  if (!began) return std::unexpected(began.error());
  const std::uint64_t ticks_per_second = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  const std::uint64_t began_at = *began * kMillisecondsPerSecond / ticks_per_second;
  const std::uint64_t time = static_cast<std::uint64_t>(now.tv_sec) * kMillisecondsPerSecond +
                             static_cast<std::uint64_t>(now.tv_nsec / kMillisecond);
  const CallerProcess written = {.age = time > began_at ? time - began_at : 0,
                                 .is_first = first && *first == process};
  put(into, &written, kCallerProcessSize);
  return {};
}

Result<bool> has_capability_in(const CallId& call, unsigned capability, CapabilityIn where,
                               int made_in) {
  const auto status = CallerState::of(call.tid).status_during(call.id);
  const auto own = open_of(call.tid, "ns/user");
  const auto wanted = open_wanted(call, where, made_in);
  if (is_gone(call)) return fail(ESRCH);
  if (!status) return std::unexpected(status.error());
  if (!own) return std::unexpected(own.error());
  if (!wanted) return std::unexpected(wanted.error());
  const auto credentials = parse_credentials(*status, kMaxGroups);
  if (!credentials) return std::unexpected(credentials.error());
  const bool is_effective = ((credentials->effective_capabilities >> capability) & 1) != 0;
  if (where == CapabilityIn::of_caller) return is_effective;
  if (where == CapabilityIn::of_container && !is_of_root(*wanted)) return false;
  return has_in(*own, *wanted, credentials->uid.effective, is_effective);
}

}  // namespace seccompagent
