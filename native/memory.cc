// SPDX-License-Identifier: Apache-2.0
// Reads of a caller's memory by process_vm_readv(2), or by /proc/TID/mem where that is refused.
#include "memory.h"

#include <fcntl.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "unique_fd.h"

namespace seccompagent {
namespace {

constexpr std::size_t kPage = 4096;
// Most paths are short: the first read takes no more than this.
constexpr std::size_t kFirstRead = 256;

Result<std::size_t> read_by_mem_file(pid_t tid, std::uint64_t address, std::span<std::byte> out) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/mem", tid);
  const UniqueFd mem(retry_eintr([&] { return open(path, O_RDONLY | O_CLOEXEC); }));
  if (!mem.is_open()) return fail_errno();
  const ssize_t got = retry_eintr(
      [&] { return pread(mem.get(), out.data(), out.size(), static_cast<off_t>(address)); });
  if (got == -1) return errno == EIO ? fail(EFAULT) : fail_errno();
  return got == 0 ? fail(EFAULT) : Result<std::size_t>(static_cast<std::size_t>(got));
}

// Reads some bytes of one page: all, or none.
Result<std::size_t> read_in_page(pid_t tid, std::uint64_t address, std::span<std::byte> out) {
  const iovec local = {out.data(), out.size()};
  // an address of another process, never followed here
  const iovec remote = {reinterpret_cast<void*>(address), out.size()};
  const ssize_t got = process_vm_readv(tid, &local, 1, &remote, 1, 0);
  if (got >= 0) return got == 0 ? fail(EFAULT) : Result<std::size_t>(static_cast<std::size_t>(got));
  // the two ways check different credentials
  if (errno == EPERM || errno == ENOSYS) return read_by_mem_file(tid, address, out);
  return fail_errno();
}

std::size_t bytes_to_page_edge(std::uint64_t address) {
  return kPage - static_cast<std::size_t>(address % kPage);
}

}  // namespace

Result<std::size_t> read_string(pid_t tid, std::uint64_t address, std::span<std::byte> out,
                                Errno too_long) {
  std::size_t length = 0;
  while (length < out.size()) {
    const std::uint64_t from = address + length;
    if (from < address) return fail(EFAULT);
    std::size_t size = std::min(bytes_to_page_edge(from), out.size() - length);
    if (length == 0) size = std::min(size, kFirstRead);
    const auto chunk = out.subspan(length, size);
    const auto got = read_in_page(tid, from, chunk);
    if (!got) return std::unexpected(got.error());
    if (const void* nul = std::memchr(chunk.data(), 0, *got)) {
      return length + static_cast<std::size_t>(static_cast<const std::byte*>(nul) - chunk.data());
    }
    length += *got;
  }
  return std::unexpected(too_long);
}

Result<std::size_t> read_mount_data(pid_t tid, std::uint64_t address, std::span<std::byte> out) {
  const std::size_t limit = std::min(out.size(), kPage);
  std::size_t length = 0;
  while (length < limit) {
    const std::uint64_t from = address + length;
    if (from < address) break;
    const auto chunk = out.subspan(length, std::min(bytes_to_page_edge(from), limit - length));
    const auto got = read_in_page(tid, from, chunk);
    if (!got) {
      if (length == 0 || got.error() != Errno{EFAULT}) return std::unexpected(got.error());
      break;
    }
    if (const void* nul = std::memchr(chunk.data(), 0, *got)) {
      return length + static_cast<std::size_t>(static_cast<const std::byte*>(nul) - chunk.data());
    }
    length += *got;
  }
  // the kernel puts a NUL into the page's last byte, whatever was there
  return std::min(length, kPage - 1);
}

}  // namespace seccompagent
