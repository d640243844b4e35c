// SPDX-License-Identifier: Apache-2.0
// Descriptors that a helper is started with.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "acting/helper.h"
#include "acting/helper_identity.h"
#include "kernel/clock.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// How often a worker that waits for an answer looks at the time.
inline constexpr Nanoseconds kHelperLook = 100 * kMillisecond;

// Descriptors that are sent with the first message; those that are opened here are held.
struct StartFds {
  std::vector<UniqueFd> opened;
  std::vector<int> all;
};

// The caller's namespaces, in the order of ForeignNamespaces.
[[nodiscard]] Result<StartFds> namespaces_of(const HelperCaller& caller,
                                             const HelperPlaces& places);

// ESRCH: the notification is gone.
[[nodiscard]] Result<ActingCgroups> cgroups_of(const HelperCgroups& cgroups);

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
