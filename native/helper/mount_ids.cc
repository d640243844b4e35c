// SPDX-License-Identifier: Apache-2.0
#include "helper/mount_ids.h"

#include <linux/securebits.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>

#include "helper/own_child.h"

namespace seccompagent {
namespace {

// Option names of file systems for users and groups.
[[nodiscard]] bool is_of_user(const MountOption& option) { return option.key.ends_with("uid"); }

[[nodiscard]] bool is_id(const MountOption& option) {
  constexpr auto kKeys = std::to_array<std::string_view>({"backupgid", "backupuid", "gid", "uid"});
  return option.value && std::ranges::find(kKeys, option.key) != kKeys.end();
}

// As the kernel reads it: decimal, octal or hexadecimal.
[[nodiscard]] std::optional<std::uint32_t> read_id(const std::string& text) {
  constexpr std::uint32_t kNobody = ~0U;
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  char* end = nullptr;
  constexpr int kAnyBase = 0;
  errno = 0;
  const unsigned long id = std::strtoul(text.c_str(), &end, kAnyBase);
  if (errno != 0 || end != text.c_str() + text.size() || id >= kNobody) return std::nullopt;
  return static_cast<std::uint32_t>(id);
}

// Files of those whom the options name, by their keys: of two options with one key, the last
// counts.
using IdFiles = std::map<std::string, UniqueFd>;

// In the caller's user namespace, where we have all power.
[[nodiscard]] bool take_id(MountJob& job, const MountOption& option) {
  const pid_t parent = getppid();
  const auto id = read_id(option.value.value_or(""));
  if (!id) {
    job.outcome.answer = EINVAL;
    return false;
  }
  const long call = is_of_user(option) ? SYS_setresuid : SYS_setresgid;
  // EINVAL: it has no such id
  if (refused(job.outcome, syscall(call, *id, *id, *id))) return false;
  rearm(parent);
  return true;
}

void make_id_files(MountJob& job, IdFiles& made) {
  const pid_t parent = getppid();
  if (!enter(job.outcome, job.place.user_namespace, CLONE_NEWUSER)) return;
  rearm(parent);
  if (broke(job.outcome, "prctl of the securebits",
            prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP))) {
    return;
  }
  for (const MountOption& option : job.mount.options | std::views::filter(is_id)) {
    if (!take_id(job, option)) return;
    UniqueFd& file = made[option.key];
    file.reset(memfd_create("seccompagent-id", MFD_CLOEXEC));
    if (broke(job.outcome, "memfd_create", file.get())) return;
  }
}

}  // namespace

bool translate_ids(MountJob& job) {
  if (job.user_namespace_id == 0 || std::ranges::none_of(job.mount.options, is_id)) return true;
  IdFiles files;
  const auto ended =
      run_in_child(job.inner_stack_top, CLONE_FILES, getpid(), [&] { make_id_files(job, files); });
  if (!ended) job.outcome = our_failure("child in the user namespace", ended.error());
  if (job.has_ended()) return false;
  for (MountOption& option : job.mount.options | std::views::filter(is_id)) {
    struct stat found = {};
    if (broke(job.outcome, "fstat of a file", fstat(files[option.key].get(), &found))) return false;
    option.value = std::to_string(is_of_user(option) ? found.st_uid : found.st_gid);
  }
  return true;
}

}  // namespace seccompagent
