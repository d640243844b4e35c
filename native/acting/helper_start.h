// SPDX-License-Identifier: Apache-2.0
// Descriptors that a helper is started with.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "acting/helper.h"
#include "acting/helper_identity.h"
#include "kernel/clock.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"
#include "process/callers_fd.h"

namespace seccompagent {

// Interval at which a worker that waits for an answer looks at the time.
inline constexpr Nanoseconds kHelperLook = 100 * kMillisecond;

// Descriptors that are sent with the first message; those that are opened here are held.
struct StartFds {
  std::vector<UniqueFd> opened;
  std::vector<int> all;

  // They come before those that are there.
  void add_first(std::vector<CgroupList> lists);
};

// Step of a helper that can't enter its container's cgroups.
inline constexpr const char* kMoveStep =
    "start a helper: move it to the container's cgroup, which needs the machine's cgroups";

// The caller's namespaces, in the order of ForeignNamespaces.
[[nodiscard]] Result<StartFds> namespaces_of(const HelperCaller& caller);

// Those that a helper joins. `known`: as in HelperCaller.
[[nodiscard]] Result<ActingCgroups> cgroups_of(const HelperIdentity& identity,
                                               const ActingCgroups* known);

// Cgroups that a helper is in, and memory that it may use, until it has ended; and its mount
// namespace: whoever has it last takes its mounts apart, which is none of what a helper does before
// it leaves the container's cgroup.
class JoinedCgroups {
 public:
  // `are_managed`: none of them is a user's own, who may freeze it.
  JoinedCgroups(ActingCgroups cgroups, bool are_managed)
      : cgroups_(std::move(cgroups)), are_managed_(are_managed) {}
  JoinedCgroups(const JoinedCgroups&) = delete;
  JoinedCgroups& operator=(const JoinedCgroups&) = delete;
  ~JoinedCgroups();

  [[nodiscard]] Result<std::vector<CgroupList>> open_lists() {
    return cgroups_.open_lists(children_);
  }

  // The container is paused, and so is what is in its cgroups.
  [[nodiscard]] bool are_paused() const { return are_managed_ && cgroups_.are_frozen(); }
  // And so is this caller.
  [[nodiscard]] bool are_paused_for(pid_t tid) const;
  // Moves the helper and what it has started for an operation out of what is paused. Memory is the
  // agent's from then on, so the kernel's killer spares it no more.
  void leave(pid_t helper);
  // Asked by whoever has the helper, or with the mutex of the handed calls.
  [[nodiscard]] bool is_left() const { return is_left_; }

  [[nodiscard]] const ActingCgroups& cgroups() const { return cgroups_; }
  void keep(std::shared_ptr<void> used) { used_ = std::move(used); }
  void hold(CallersFd mount_namespace) { mount_namespace_ = std::move(mount_namespace); }

 private:
  ActingCgroups cgroups_;
  bool are_managed_;
  bool is_left_ = false;
  std::vector<std::string> children_;
  CallersFd mount_namespace_;
  std::shared_ptr<void> used_;
};

struct SocketPair {
  UniqueFd ours;
  UniqueFd theirs;
};

[[nodiscard]] Result<SocketPair> make_sockets();

// Opened anew, since locks are those of an open file. Closed: the role needs none.
[[nodiscard]] Result<UniqueFd> open_locks(const UniqueFd& locks, const HelperIdentity& identity);

// Both are closed where no lifeline is needed.
struct Lifeline {
  UniqueFd ours;
  UniqueFd theirs;
};

[[nodiscard]] Result<Lifeline> make_lifeline(const HelperIdentity& identity);

// nullptr: the role answers no calls.
[[nodiscard]] Result<std::shared_ptr<CompletionMemory>> make_completion(
    const HelperIdentity& identity);

// The step at which a helper could not become its caller, with the right that it needs; a string
// literal.
[[nodiscard]] const char* start_failure(std::string_view failed_step);

}  // namespace seccompagent
