// SPDX-License-Identifier: Apache-2.0
// Helpers that have become callers, kept for the next request of the same one.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "acting/helper.h"
#include "acting/helper_identity.h"
#include "caller/target.h"
#include "helper/wire.h"
#include "kernel/payer.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"
#include "process/child.h"

namespace seccompagent {

// Of the process. At most so many live at a time (living_helpers.h), and the longest unused of them
// make room; those that hang don't count, see EndingChildren.
class HelperPool {
 public:
  // Where there is no room, a container with more that are unused gives up its own.
  static constexpr std::ptrdiff_t kMaxIdleIfNeeded = 8;
  static constexpr Nanoseconds kIdle = 30 * kSecond;

  [[nodiscard]] static HelperPool& of_process();

  // Reads the program of the helpers. ENOENT: it is not beside the addon.
  [[nodiscard]] Result<void> load();
  // One for this caller; it is nobody else's until it is given back. EBUSY: too many hang, or there
  // was no room for one more for as long as the patience lasts. `step` says what failed, which
  // means nothing if the notification is gone by then.
  [[nodiscard]] Result<std::unique_ptr<Helper>> take(const HelperCaller& caller, const Owner& owner,
                                                     const Patience& patience, const char*& step);
  // The same for mounts of any caller of a container.
  [[nodiscard]] Result<std::unique_ptr<Helper>> take_for_mounts(const Owner& owner,
                                                                const CallId& call,
                                                                const ActingCgroups* cgroups,
                                                                const Patience& patience,
                                                                const char*& step);
  // The same, if there is one that has nothing to do: nobody waits for its start. nullptr: there is
  // none. For callers without a label.
  [[nodiscard]] Result<std::unique_ptr<Helper>> take_idle(const HelperCaller& caller,
                                                          const Owner& owner);
  // One that nobody else has, for whoever calls next.
  void put_back(std::unique_ptr<Helper> helper);
  // It is one of the living no more: who waits for another process must not keep others from
  // theirs.
  void count_out(Helper& helper);
  // It is again. False: there are as many as may live.
  [[nodiscard]] bool count_in(Helper& helper);
  // Ends those of a container whose last listener has ended, but for those of calls that have come
  // by a new one since.
  void end_of(std::uint32_t container);

 private:
  friend class Helper;
  struct Parts;
  struct Reservation;
  HelperPool();
  [[nodiscard]] Result<std::unique_ptr<Helper>> take(HelperIdentity identity, int listener,
                                                     const HelperCaller* caller,
                                                     const ActingCgroups* cgroups,
                                                     const Patience& patience, const char*& step);
  [[nodiscard]] std::unique_ptr<Helper> take_unused(const HelperIdentity& identity, int listener);
  Parts& parts_;
};

}  // namespace seccompagent
