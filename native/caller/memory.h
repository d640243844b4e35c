// SPDX-License-Identifier: Apache-2.0
// Bounded reads and writes of a caller's memory, with the errors that the kernel gives for the same
// pointer.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "caller/target.h"
#include "kernel/payer.h"
#include "kernel/result.h"
#include "process/child.h"

namespace seccompagent {

// PATH_MAX of the kernel, the NUL included.
inline constexpr std::size_t kPathMax = 4096;

// The reader. A page of a file system that never answers holds its reader for good: a child can be
// killed, at the price of its start. A hasty one is killed soon: to find out who is slow. Nobody:
// ENOMEM, since the agent has too little memory left.
enum class ReadBy : std::uint8_t { this_thread, child, hasty_child, nobody };

struct Reader {
  ReadBy by = ReadBy::this_thread;
  // Of the container that is read, which may have so many children that hang.
  Payer payer = 0;
  // Time that children have taken of one deadline, for all reads of a call; null: each
  // has a deadline of its own.
  TimeTaken* taken = nullptr;
};

// Reads a string and returns its length without the NUL. EFAULT: it runs into memory that is not
// there. `too_long`: no NUL within `out`. EPERM or ESRCH: the caller can't be read at all.
// ETIMEDOUT: the child was killed at its deadline, of a second or, a hasty one, of 50 ms, or too
// many of the container's hang. The bytes count only when the notification is still valid
// afterwards.
[[nodiscard]] Result<std::size_t> read_string(pid_t tid, std::uint64_t address,
                                              std::span<std::byte> out, Errno too_long,
                                              Reader reader = {});

// Reads bytes, as many as are there in a row. EFAULT: not even the first one is.
[[nodiscard]] Result<std::size_t> read_some(pid_t tid, std::uint64_t address,
                                            std::span<std::byte> out, Reader reader = {});

// Whether the call still waits for its answer.
using IsValid = std::function<bool()>;

// Writes all bytes. EFAULT: some of the memory is not there or not to be written to; mostly none is
// written then. ESRCH: the thread or its memory is gone, or the call is not valid. EPERM: we may
// not. Validity is asked once we hold on to the thread's memory, so that nothing is ever written to
// another program: neither one executed meanwhile nor one that has got the thread's number.
[[nodiscard]] Result<void> write_bytes(pid_t tid, std::uint64_t address,
                                       std::span<const std::byte> bytes, const IsValid& is_valid);

// The same for a call, by whom `writer` says: where a page never comes, a child is killed, and from
// then on writes nothing. ETIMEDOUT, ENOMEM: as reads; some of it may have been written.
[[nodiscard]] Result<void> write_bytes(const CallId& call, std::uint64_t address,
                                       std::span<const std::byte> bytes, const Reader& writer);

// For tests: as if the kernel were older than Linux 6.11, and mappings are told by their lines
// only.
void refuse_map_query(bool is_refused);

// Reads what mount(2) reads of its data: up to a page, as much as is there, cut at the first NUL.
// EFAULT: not even the first byte is there. E2BIG: the kernel's pages are larger than kPathMax, and
// there is more than that.
[[nodiscard]] Result<std::size_t> read_mount_data(pid_t tid, std::uint64_t address,
                                                  std::span<std::byte> out, Reader reader = {});

// Reads all of `out`. EFAULT: some of it is not there. Other errors as above.
[[nodiscard]] Result<void> read_bytes(pid_t tid, std::uint64_t address, std::span<std::byte> out,
                                      Reader reader = {});

}  // namespace seccompagent
