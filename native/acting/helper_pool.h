// SPDX-License-Identifier: Apache-2.0
// Helpers (native/helper/): who has become which caller, kept for the next request of the same one.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "acting/helper_identity.h"
#include "caller/target.h"
#include "helper/wire.h"
#include "kernel/payer.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"
#include "process/child.h"

namespace seccompagent {

// All that runs for a helper, see EndingChild.
struct HelperProcess {
  ChildProcess child;
  UniqueFd lifeline;
  std::shared_ptr<void> used = {};
};

class Helper {
 public:
  Helper(HelperProcess process, UniqueFd socket, HelperIdentity identity);
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;
  // Kills it.
  ~Helper();

  // ETIMEDOUT: it did not answer in time. EPIPE: it has ended. Either way it is of no more use.
  [[nodiscard]] Result<HelperAnswer> ask(std::span<const std::byte> message,
                                         std::span<const int> fds, const Patience& patience,
                                         UniqueFd& fd);
  // One of several questions, which have one patience together.
  [[nodiscard]] Result<HelperAnswer> ask(std::span<const std::byte> message,
                                         std::span<const int> fds, const Patience& patience,
                                         UniqueFd& fd, TimeTaken& taken);

 private:
  friend class HelperPool;
  [[nodiscard]] Result<HelperAnswer> await_answer(const Patience& patience, TimeTaken& taken);

  HelperProcess process_;
  UniqueFd socket_;
  HelperIdentity identity_;
  Nanoseconds last_used_ = 0;
};

// Of the process. At most so many live at a time, and the longest unused of them make room; those
// that hang don't count, see EndingChildren.
class HelperPool {
 public:
  static constexpr std::size_t kMax = 64;
  // Where there is no room, a container with more that are unused gives up its own.
  static constexpr std::ptrdiff_t kMaxIdleIfNeeded = 8;
  static constexpr Nanoseconds kIdle = 30 * kSecond;

  [[nodiscard]] static HelperPool& of_process();

  // Reads the program of the helpers. ENOENT: it is not beside the addon.
  [[nodiscard]] Result<void> load();
  // One for this caller; it is nobody else's until it is given back. EBUSY: too many hang. `step`
  // says what failed, which means nothing if the notification is gone by then.
  [[nodiscard]] Result<std::unique_ptr<Helper>> take(const HelperCaller& caller, const Owner& owner,
                                                     const Patience& patience, const char*& step);
  // The same for mounts of any caller of a container.
  [[nodiscard]] Result<std::unique_ptr<Helper>> take_for_mounts(const Owner& owner,
                                                                const Patience& patience,
                                                                const char*& step);
  // Of this call.
  void give_back(std::unique_ptr<Helper> helper, const CallId& call);
  // Ends those of a container that has ended.
  void end_of(std::uint32_t container);

 private:
  friend class Helper;
  struct Parts;
  struct Reservation;
  HelperPool();
  [[nodiscard]] Result<std::unique_ptr<Helper>> take(HelperIdentity identity,
                                                     const HelperCaller* caller,
                                                     const Patience& patience, const char*& step);
  Parts& parts_;
};

}  // namespace seccompagent
