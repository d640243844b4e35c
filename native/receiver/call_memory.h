// SPDX-License-Identifier: Apache-2.0
// The snapshot of what a call's pointers say.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "caller/memory.h"
#include "kernel/notify.h"
#include "kernel/syscall_number.h"
#include "receiver/inbox.h"

namespace seccompagent {

using Pointers = std::array<Inbox::Pointer, kArguments>;

struct CallReading {
  const ReadTable& table;
  const ReadSet& reads;
  Reader reader;
};

// Reads what the listener's container wants read. False: nothing is read for this call, and so
// nothing has to be asked about its validity.
[[nodiscard]] bool read_call_memory(const CallReading& reading, const Notification& notification,
                                    Pointers& pointers, std::span<std::byte> data);

// Of the pointers and of the bytes that they name in `data`.
[[nodiscard]] std::uint64_t hash_of(const Pointers& pointers, std::span<const std::byte> data);

}  // namespace seccompagent
