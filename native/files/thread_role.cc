// SPDX-License-Identifier: Apache-2.0
// Raw system calls throughout: those of libc change all threads of the process.
#include "files/thread_role.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

namespace seccompagent {
namespace {

// Where the process is when no thread plays anybody.
struct OwnPlaces {
  UniqueFd root;
  UniqueFd cwd;
  UniqueFd processes;
};

struct Own {
  bool is_prepared = false;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<gid_t> groups;
};

[[nodiscard]] OwnPlaces& own_places() {
  constexpr int kFlags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  static OwnPlaces places = {.root = UniqueFd(open("/", kFlags)),
                             .cwd = UniqueFd(open(".", kFlags)),
                             .processes = UniqueFd(open("/proc", kFlags))};
  return places;
}

// The thread's own identity, when it has no role.
Own& own() {
  static thread_local Own of_thread;
  return of_thread;
}

struct CapabilityWords {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
};

[[nodiscard]] Result<CapabilityWords> capability_words() {
  CapabilityWords words;
  if (syscall(SYS_capget, &words.header, words.data) == -1) return fail_errno();
  return words;
}

[[nodiscard]] std::uint64_t effective_in(const CapabilityWords& words) {
  return std::uint64_t{words.data[0].effective} | std::uint64_t{words.data[1].effective} << 32;
}

[[nodiscard]] Result<void> set_groups(std::span<const gid_t> groups) {
  if (syscall(SYS_setgroups, groups.size(), groups.data()) == -1) return fail_errno();
  return {};
}

// These two report nothing: the kernel is asked what came of it.
[[nodiscard]] bool set_fs_ids(std::uint32_t uid, std::uint32_t gid) {
  constexpr auto kAsk = static_cast<std::uint32_t>(-1);
  syscall(SYS_setfsgid, gid);
  syscall(SYS_setfsuid, uid);
  return static_cast<std::uint32_t>(syscall(SYS_setfsgid, kAsk)) == gid &&
         static_cast<std::uint32_t>(syscall(SYS_setfsuid, kAsk)) == uid;
}

[[nodiscard]] Result<void> enter_root(int root) {
  if (fchdir(root) == -1 || chroot(".") == -1) return fail_errno();
  return {};
}

}  // namespace

Result<std::uint64_t> permitted_capabilities() {
  const auto words = capability_words();
  if (!words) return std::unexpected(words.error());
  return std::uint64_t{words->data[0].permitted} | std::uint64_t{words->data[1].permitted} << 32;
}

Result<bool> set_effective(std::uint64_t wanted) {
  auto words = capability_words();
  if (!words) return std::unexpected(words.error());
  const std::uint64_t before = effective_in(*words);
  for (unsigned half = 0; half < 2; ++half) {
    auto& data = words->data[half];
    data.effective = static_cast<std::uint32_t>(wanted >> (32 * half)) & data.permitted;
  }
  // which takes a fourth of setting them
  if (effective_in(*words) == before) return false;
  if (syscall(SYS_capset, &words->header, words->data) == -1) return fail_errno();
  return true;
}

bool is_effective(unsigned capability) {
  const auto words = capability_words();
  return words && ((effective_in(*words) >> capability) & 1) != 0;
}

LentCapability::LentCapability(std::uint64_t capability) {
  if (capability == 0) return;
  const auto words = capability_words();
  if (!words) return;
  before_ = effective_in(*words);
  is_lent_ = set_effective(before_ | capability).has_value();
}

LentCapability::~LentCapability() {
  if (!is_lent_) return;
  const int error = errno;
  if (!set_effective(before_)) std::abort();
  errno = error;
}

Result<void> ThreadRole::know_own_places() {
  const OwnPlaces& places = own_places();
  const bool are_open = places.root.is_open() && places.cwd.is_open() && places.processes.is_open();
  return are_open ? Result<void>() : fail(EACCES);
}

void ThreadRole::forget_own_places() {
  own_places().root.reset();
  own_places().cwd.reset();
}

int ThreadRole::own_processes() { return own_places().processes.get(); }

Result<void> ThreadRole::prepare() {
  Own& self = own();
  if (self.is_prepared) return {};
  if (const auto known = know_own_places(); !known) return known;
  if (unshare(CLONE_FS) == -1) return fail_errno();
  // what a thread has by itself is all that it may have: roles are taken and left with it
  if (const auto set = set_effective(~0ULL); !set) return std::unexpected(set.error());
  self.uid = geteuid();
  self.gid = getegid();
  const int count = getgroups(0, nullptr);
  if (count == -1) return fail_errno();
  self.groups.resize(static_cast<std::size_t>(count));
  if (getgroups(count, self.groups.data()) == -1) return fail_errno();
  self.is_prepared = true;
  return {};
}

// Each step needs the Linux capabilities that the last one takes away.
Result<ThreadRole> ThreadRole::take(const Role& role, const char*& step) {
  step = "unshare of the thread's root";
  if (const auto prepared = prepare(); !prepared) return std::unexpected(prepared.error());
  ThreadRole taken;
  taken.umask_ = umask(role.umask);
  if (role.root >= 0) {
    step = "chroot";
    if (!own_places().root.is_open()) {
      taken.before_.reset(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
      if (!taken.before_.is_open()) return fail_errno();
    }
    taken.has_root_ = true;
    if (const auto entered = enter_root(role.root); !entered)
      return std::unexpected(entered.error());
  }
  if (role.ids != nullptr) {
    if (!std::ranges::equal(role.ids->groups, own().groups)) {
      step = "setgroups";
      taken.has_groups_ = true;
      if (const auto set = set_groups(role.ids->groups); !set) return std::unexpected(set.error());
    }
    if (role.ids->fs_uid != own().uid || role.ids->fs_gid != own().gid) {
      step = "setfsuid";
      taken.has_ids_ = true;
      if (!set_fs_ids(role.ids->fs_uid, role.ids->fs_gid)) return fail(EPERM);
    }
  }
  step = "capset";
  const auto are_others = set_effective(role.capabilities);
  if (!are_others) return std::unexpected(are_others.error());
  taken.has_capabilities_ = *are_others;
  return taken;
}

ThreadRole::ThreadRole(ThreadRole&& other) noexcept
    : is_taken_(std::exchange(other.is_taken_, false)),
      before_(std::move(other.before_)),
      has_ids_(other.has_ids_),
      has_groups_(other.has_groups_),
      has_root_(other.has_root_),
      has_capabilities_(other.has_capabilities_),
      umask_(other.umask_) {}

ThreadRole::~ThreadRole() {
  if (!is_taken_) return;
  const Own& self = own();
  bool is_back = true;
  // other fs ids may have taken some
  if (has_capabilities_ || has_ids_) is_back = set_effective(~0ULL).has_value();
  if (has_ids_) is_back = set_fs_ids(self.uid, self.gid) && is_back;
  if (has_groups_) is_back = set_groups(self.groups).has_value() && is_back;
  if (has_root_ && before_.is_open()) {
    is_back = enter_root(before_.get()).has_value() && is_back;
  } else if (has_root_) {
    is_back = enter_root(own_places().root.get()).has_value() && is_back;
    is_back = fchdir(own_places().cwd.get()) == 0 && is_back;
  }
  umask(umask_);
  if (!is_back) std::abort();
}

}  // namespace seccompagent
