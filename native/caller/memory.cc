// SPDX-License-Identifier: Apache-2.0
// Reads of a caller's memory by process_vm_readv(2), or by /proc/TID/mem where that is refused.
// Writes are in memory_writes.cc.
#include "caller/memory.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <memory>

#include "caller/map_query.h"
#include "caller/memory_parts.h"
#include "kernel/raw_syscall.h"
#include "kernel/unique_fd.h"

namespace seccompagent {
namespace {

// Of all pages the smallest: what ends at the edge of a larger one does so at one of these, too.
constexpr std::size_t kPage = 4096;
// Most paths are short: the first read takes no more than this.
constexpr std::size_t kFirstRead = 256;

Result<std::size_t> read_by_mem_file(pid_t tid, std::uint64_t address, std::span<std::byte> out) {
  const UniqueFd mem = ProcPath(tid, "mem").open(O_RDONLY);
  if (!mem.is_open()) return fail_errno();
  const ssize_t got = retry_eintr(
      [&] { return pread(mem.get(), out.data(), out.size(), static_cast<off_t>(address)); });
  if (got == -1) return errno == EIO ? fail(EFAULT) : fail_errno();
  return got == 0 ? fail(EFAULT) : Result<std::size_t>(static_cast<std::size_t>(got));
}

// Whether the kernel reads pages of its caller that may be executed only: with protection keys, and
// on newer arm64, it does not.
bool kernel_reads_executable() {
  static const bool reads = [] {
    const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* page = mmap(nullptr, size, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return false;
    const bool is_fault = access(static_cast<const char*>(page), F_OK) == -1 && errno == EFAULT;
    munmap(page, size);
    return !is_fault;
  }();
  return reads;
}

// The rights that let the kernel read its caller's page for a system call, and not us by
// process_vm_readv(2).
std::uint64_t rights_to_force() {
  return MapQuery::kWritable | (kernel_reads_executable() ? MapQuery::kExecutable : 0);
}

// Without a mapping there are no rights.
SECCOMPAGENT_CHILD_CODE bool is_to_be_forced(const MapQuery& found, std::uint64_t rights) {
  return (found.found_flags & MapQuery::kReadable) == 0 && (found.found_flags & rights) != 0;
}

// Before Linux 6.11 nobody can tell at a price that any caller may have us pay.
bool is_to_be_forced(pid_t tid, std::uint64_t address) {
  if (map_query_is_refused.load(std::memory_order_relaxed)) return false;
  const UniqueFd maps = ProcPath(tid, "maps").open(O_RDONLY);
  MapQuery query = {.address = address};
  return maps.is_open() && ioctl(maps.get(), kAskMap, &query) == 0 &&
         is_to_be_forced(query, rights_to_force());
}

// Memory of a reading child: it may outlive the attempt, so it owns all of it.
struct ChildRead {
  ChildStack stack;
  // For where process_vm_readv(2) is refused. Opening waits for a program that is being executed.
  ProcPath mem;
  ProcPath maps;
  MapQuery query;
  std::uint64_t rights_to_force;
  pid_t tid;
  std::uint64_t address;
  std::size_t size;
  std::array<std::byte, kPage> bytes;
  long result;

  static SECCOMPAGENT_CHILD_CODE int child_main(void* argument) {
    ChildRead& read = *static_cast<ChildRead*>(argument);
    raw_end_with_agent();
    const iovec local = {read.bytes.data(), read.size};
    const iovec remote = {reinterpret_cast<void*>(read.address), read.size};
    read.result = raw_syscall(SYS_process_vm_readv, read.tid, raw_pointer(&local), 1,
                              raw_pointer(&remote), 1, 0);
    if (read.result == -EPERM || read.result == -ENOSYS ||
        (read.result == -EFAULT && read.is_forced())) {
      read.result =
          raw_syscall(SYS_pread64, read.mem.raw_open(O_RDONLY), raw_pointer(read.bytes.data()),
                      static_cast<long>(read.size), static_cast<long>(read.address));
      if (read.result == -EIO) read.result = -EFAULT;
    }
    return 0;
  }

  SECCOMPAGENT_CHILD_CODE bool is_forced() {
    return raw_syscall(SYS_ioctl, maps.raw_open(O_RDONLY), static_cast<long>(kAskMap),
                       raw_pointer(&query)) == 0 &&
           is_to_be_forced(query, rights_to_force);
  }
};

Result<std::size_t> read_in_child(pid_t tid, std::uint64_t address, std::span<std::byte> out,
                                  const Reader& reader) {
  auto stack = ChildStack::make();
  if (!stack) return std::unexpected(stack.error());
  auto read = std::make_unique<ChildRead>(
      std::move(*stack), ProcPath(tid, "mem"), ProcPath(tid, "maps"), MapQuery{.address = address},
      rights_to_force(), tid, address, std::min(out.size(), kPage), std::array<std::byte, kPage>{},
      -EINTR);
  if (const auto ended = run_in_child_of(read, reader, {}); !ended)
    return std::unexpected(ended.error());
  if (read->result <= 0) return fail(read->result == 0 ? EFAULT : static_cast<int>(-read->result));
  const auto got = static_cast<std::size_t>(read->result);
  std::copy_n(read->bytes.begin(), got, out.begin());
  return got;
}

// Reads some bytes of one page: all, or none.
Result<std::size_t> read_in_page(pid_t tid, std::uint64_t address, std::span<std::byte> out,
                                 Reader reader) {
  if (reader.by == ReadBy::nobody) return fail(ENOMEM);
  if (reader.by != ReadBy::this_thread) return read_in_child(tid, address, out, reader);
  const iovec local = {out.data(), out.size()};
  // an address of another process, never followed here
  const iovec remote = {reinterpret_cast<void*>(address), out.size()};
  const ssize_t got = process_vm_readv(tid, &local, 1, &remote, 1, 0);
  if (got >= 0) return got == 0 ? fail(EFAULT) : Result<std::size_t>(static_cast<std::size_t>(got));
  const int error = errno;
  // the two ways check different credentials, and the other one reads through protections
  if (error == EPERM || error == ENOSYS || (error == EFAULT && is_to_be_forced(tid, address)))
    return read_by_mem_file(tid, address, out);
  return fail(error);
}

std::size_t bytes_to_page_edge(std::uint64_t address) {
  return kPage - static_cast<std::size_t>(address % kPage);
}

}  // namespace

Result<std::size_t> read_string(pid_t tid, std::uint64_t address, std::span<std::byte> out,
                                Errno too_long, Reader reader) {
  std::size_t length = 0;
  while (length < out.size()) {
    const std::uint64_t from = address + length;
    if (from < address) return fail(EFAULT);
    std::size_t size = std::min(bytes_to_page_edge(from), out.size() - length);
    if (length == 0) size = std::min(size, kFirstRead);
    const auto chunk = out.subspan(length, size);
    const auto got = read_in_page(tid, from, chunk, reader);
    if (!got) return std::unexpected(got.error());
    if (const void* nul = std::memchr(chunk.data(), 0, *got)) {
      return length + static_cast<std::size_t>(static_cast<const std::byte*>(nul) - chunk.data());
    }
    length += *got;
  }
  return std::unexpected(too_long);
}

Result<std::size_t> read_some(pid_t tid, std::uint64_t address, std::span<std::byte> out,
                              Reader reader) {
  std::size_t length = 0;
  while (length < out.size()) {
    const std::uint64_t from = address + length;
    if (from < address) break;
    const std::size_t size = std::min(bytes_to_page_edge(from), out.size() - length);
    const auto got = read_in_page(tid, from, out.subspan(length, size), reader);
    if (!got) {
      if (length == 0 || got.error() != Errno{EFAULT}) return std::unexpected(got.error());
      break;
    }
    length += *got;
  }
  return length;
}

void refuse_map_query(bool is_refused) { map_query_is_refused.store(is_refused); }

Result<std::size_t> read_mount_data(pid_t tid, std::uint64_t address, std::span<std::byte> out,
                                    Reader reader) {
  const std::size_t limit = std::min(out.size(), kPage);
  std::size_t length = 0;
  while (length < limit) {
    const std::uint64_t from = address + length;
    if (from < address) break;
    const auto chunk = out.subspan(length, std::min(bytes_to_page_edge(from), limit - length));
    const auto got = read_in_page(tid, from, chunk, reader);
    if (!got) {
      if (length == 0 || got.error() != Errno{EFAULT}) return std::unexpected(got.error());
      break;
    }
    if (const void* nul = std::memchr(chunk.data(), 0, *got)) {
      return length + static_cast<std::size_t>(static_cast<const std::byte*>(nul) - chunk.data());
    }
    length += *got;
  }
  // with larger pages the kernel would read on
  if (length >= kPage && sysconf(_SC_PAGESIZE) > static_cast<long>(kPage)) return fail(E2BIG);
  // it puts a NUL into the page's last byte, whatever was there
  return std::min(length, kPage - 1);
}

Result<void> read_bytes(pid_t tid, std::uint64_t address, std::span<std::byte> out, Reader reader) {
  std::size_t length = 0;
  while (length < out.size()) {
    const std::uint64_t from = address + length;
    if (from < address) return fail(EFAULT);
    const std::size_t size = std::min(bytes_to_page_edge(from), out.size() - length);
    const auto got = read_in_page(tid, from, out.subspan(length, size), reader);
    if (!got) return std::unexpected(got.error());
    length += *got;
  }
  return {};
}

}  // namespace seccompagent
