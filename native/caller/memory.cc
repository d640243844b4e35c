// SPDX-License-Identifier: Apache-2.0
// Reads of a caller's memory by process_vm_readv(2), or by /proc/TID/mem where that is refused;
// writes by /proc/TID/mem, which stays with the memory whatever becomes of the number.
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
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>
#include <system_error>

#include "kernel/raw_syscall.h"
#include "kernel/unique_fd.h"
#include "process/child.h"
#include "process/ending_children.h"

namespace seccompagent {
namespace {

// Of all pages the smallest: what ends at the edge of a larger one does so at one of these, too.
constexpr std::size_t kPage = 4096;
// Most paths are short: the first read takes no more than this.
constexpr std::size_t kFirstRead = 256;
constexpr Nanoseconds kHasty = 50 * kMillisecond;

UniqueFd open_file_of(pid_t tid, const char* name, int flags) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/%s", tid, name);
  return UniqueFd(retry_eintr([&] { return open(path, flags | O_CLOEXEC); }));
}

UniqueFd open_mem_file(pid_t tid) { return open_file_of(tid, "mem", O_RDONLY); }

Result<std::size_t> read_by_mem_file(pid_t tid, std::uint64_t address, std::span<std::byte> out) {
  const UniqueFd mem = open_mem_file(tid);
  if (!mem.is_open()) return fail_errno();
  const ssize_t got = retry_eintr(
      [&] { return pread(mem.get(), out.data(), out.size(), static_cast<off_t>(address)); });
  if (got == -1) return errno == EIO ? fail(EFAULT) : fail_errno();
  return got == 0 ? fail(EFAULT) : Result<std::size_t>(static_cast<std::size_t>(got));
}

// As PROCMAP_QUERY of <linux/fs.h> takes it, which older headers do not have.
struct MapQuery {
  static constexpr std::uint64_t kReadable = 0x01;
  static constexpr std::uint64_t kWritable = 0x02;
  static constexpr std::uint64_t kExecutable = 0x04;

  std::uint64_t size = sizeof(MapQuery);
  // Those that a mapping has to have.
  std::uint64_t flags = 0;
  std::uint64_t address = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t found_flags = 0;
  std::uint64_t page_size = 0;
  std::uint64_t offset = 0;
  std::uint64_t inode = 0;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::uint32_t name_size = 0;
  std::uint32_t build_id_size = 0;
  std::uint64_t name = 0;
  std::uint64_t build_id = 0;
};

constexpr unsigned long kAskMap = _IOWR('f', 17, MapQuery);

std::atomic<bool> map_query_is_refused = false;

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
  const UniqueFd maps = open_file_of(tid, "maps", O_RDONLY);
  MapQuery query = {.address = address};
  return maps.is_open() && ioctl(maps.get(), kAskMap, &query) == 0 &&
         is_to_be_forced(query, rights_to_force());
}

// Memory of a reading child: it may outlive the attempt, so it owns all of it.
struct ChildRead {
  ChildStack stack;
  // For where process_vm_readv(2) is refused.
  UniqueFd mem;
  UniqueFd maps;
  MapQuery query;
  std::uint64_t rights_to_force;
  pid_t tid;
  std::uint64_t address;
  std::size_t size;
  std::array<std::byte, kPage> bytes;
  long result;

  static SECCOMPAGENT_CHILD_CODE int child_main(void* argument) {
    ChildRead& read = *static_cast<ChildRead*>(argument);
    const iovec local = {read.bytes.data(), read.size};
    const iovec remote = {reinterpret_cast<void*>(read.address), read.size};
    read.result = raw_syscall(SYS_process_vm_readv, read.tid, raw_pointer(&local), 1,
                              raw_pointer(&remote), 1, 0);
    if (read.result == -EPERM || read.result == -ENOSYS ||
        (read.result == -EFAULT && read.is_forced())) {
      read.result = raw_syscall(SYS_pread64, read.mem.get(), raw_pointer(read.bytes.data()),
                                static_cast<long>(read.size), static_cast<long>(read.address));
      if (read.result == -EIO) read.result = -EFAULT;
    }
    return 0;
  }

  SECCOMPAGENT_CHILD_CODE bool is_forced() {
    return raw_syscall(SYS_ioctl, maps.get(), static_cast<long>(kAskMap), raw_pointer(&query)) ==
               0 &&
           is_to_be_forced(query, rights_to_force);
  }
};

Result<std::size_t> read_in_child(pid_t tid, std::uint64_t address, std::span<std::byte> out,
                                  Nanoseconds deadline, const Reader& reader) {
  const Patience patience = {.max = deadline};
  TimeTaken alone;
  TimeTaken& taken = reader.taken == nullptr ? alone : *reader.taken;
  if (taken.left(patience) == 0) return fail(ETIMEDOUT);
  if (!EndingChildren::of_process().await_room(reader.payer, patience)) return fail(ETIMEDOUT);
  auto stack = ChildStack::make();
  if (!stack) return std::unexpected(stack.error());
  auto read = std::make_unique<ChildRead>(
      std::move(*stack), open_mem_file(tid), open_file_of(tid, "maps", O_RDONLY),
      MapQuery{.address = address}, rights_to_force(), tid, address, std::min(out.size(), kPage),
      std::array<std::byte, kPage>{}, -EINTR);
  auto child = start_sharing_child(read->stack, ChildRead::child_main, read.get());
  if (!child) return std::unexpected(child.error());
  if (!await_or_leave(std::move(*child), patience, reader.payer, read, taken))
    return fail(ETIMEDOUT);
  if (read->result <= 0) return fail(read->result == 0 ? EFAULT : static_cast<int>(-read->result));
  const auto got = static_cast<std::size_t>(read->result);
  std::copy_n(read->bytes.begin(), got, out.begin());
  return got;
}

// Reads some bytes of one page: all, or none.
Result<std::size_t> read_in_page(pid_t tid, std::uint64_t address, std::span<std::byte> out,
                                 Reader reader) {
  if (reader.by == ReadBy::nobody) return fail(ENOMEM);
  if (reader.by == ReadBy::child) return read_in_child(tid, address, out, kSecond, reader);
  if (reader.by == ReadBy::hasty_child) return read_in_child(tid, address, out, kHasty, reader);
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

// Errno of process_vm_writev(2) where /proc can't be opened.
std::unexpected<Errno> fail_to_open() {
  if (errno == ENOENT) return fail(ESRCH);
  return errno == EACCES ? fail(EPERM) : fail_errno();
}

// Whether mappings that may be written to cover a range, as told by their lines in order. Names may
// be of any length and the text comes in pieces, so only the beginning of each line is kept.
class WritableRange {
 public:
  WritableRange(std::uint64_t begin, std::uint64_t end) : next_(begin), end_(end) {}

  // False: what follows can't change the answer.
  bool take(std::string_view text) {
    for (const char character : text) {
      if (character != '\n') {
        if (length_ < line_.size()) line_[length_++] = character;
        continue;
      }
      const bool goes_on = take_mapping(std::string_view(line_.data(), length_));
      length_ = 0;
      if (!goes_on) return false;
    }
    return true;
  }
  [[nodiscard]] bool is_covered() const { return next_ >= end_; }

 private:
  // As in "7f5c0e000000-7f5c0e021000 rw-p", see proc_pid_maps(5).
  bool take_mapping(std::string_view line) {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    const char* const line_end = line.data() + line.size();
    const auto first = std::from_chars(line.data(), line.data() + line.size(), from, 16);
    if (first.ec != std::errc{} || first.ptr == line_end) return false;
    const auto second = std::from_chars(first.ptr + 1, line_end, to, 16);
    if (second.ec != std::errc{}) return false;
    if (to <= next_) return true;
    constexpr std::string_view kWritable = " rw";
    constexpr std::string_view kOnlyWritable = " -w";
    const std::string_view rights(second.ptr, static_cast<std::size_t>(line_end - second.ptr));
    if (from > next_) return false;
    if (!rights.starts_with(kWritable) && !rights.starts_with(kOnlyWritable)) return false;
    next_ = to;
    return !is_covered();
  }

  std::uint64_t next_;
  std::uint64_t end_;
  std::array<char, 48> line_ = {};
  std::size_t length_ = 0;
};

// Since Linux 6.11; ENOTTY: an older one.
Result<void> ask_writable(const UniqueFd& maps, std::uint64_t address, std::uint64_t end) {
  if (map_query_is_refused.load(std::memory_order_relaxed)) return fail(ENOTTY);
  while (address < end) {
    MapQuery query = {.flags = MapQuery::kWritable, .address = address};
    if (ioctl(maps.get(), kAskMap, &query) == -1)
      return errno == ENOENT ? fail(EFAULT) : fail_errno();
    address = query.end;
  }
  return {};
}

// Callers may have many mappings, each of which is a line.
Result<void> read_writable(const UniqueFd& maps, std::uint64_t address, std::uint64_t end) {
  WritableRange range(address, end);
  std::array<char, kPage> text;
  for (bool is_first = true;; is_first = false) {
    const ssize_t got = retry_eintr([&] { return read(maps.get(), text.data(), text.size()); });
    if (got == -1) return fail_errno();
    // memory that nobody uses any more has no mappings
    if (got == 0) return fail(is_first ? ESRCH : EFAULT);
    if (range.take(std::string_view(text.data(), static_cast<std::size_t>(got)))) continue;
    return range.is_covered() ? Result<void>() : fail(EFAULT);
  }
}

// /proc/TID/mem writes through protections, so they are looked at before. If the caller changes
// them meanwhile, it changes its own memory only.
Result<void> check_writable(const UniqueFd& maps, std::uint64_t address, std::size_t size) {
  const std::uint64_t end = address + size;
  if (end < address) return fail(EFAULT);
  const auto asked = ask_writable(maps, address, end);
  return asked || asked.error() != Errno{ENOTTY} ? asked : read_writable(maps, address, end);
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

Result<void> write_bytes(pid_t tid, std::uint64_t address, std::span<const std::byte> bytes,
                         const IsValid& is_valid) {
  // both stay with the memory that the thread has now, even if it has another one later
  const UniqueFd mem = open_file_of(tid, "mem", O_RDWR);
  if (!mem.is_open()) return fail_to_open();
  const UniqueFd maps = open_file_of(tid, "maps", O_RDONLY);
  if (!maps.is_open()) return fail_to_open();
  if (!bytes.empty()) {
    const auto writable = check_writable(maps, address, bytes.size());
    if (!writable) return writable;
  }
  // asked only now: if it is valid, then what was opened is the caller's
  if (!is_valid()) return fail(ESRCH);
  if (bytes.empty()) return {};
  const ssize_t written = retry_eintr(
      [&] { return pwrite(mem.get(), bytes.data(), bytes.size(), static_cast<off_t>(address)); });
  if (written == -1) return errno == EIO ? fail(EFAULT) : fail_errno();
  // memory that nobody uses any more takes nothing
  if (written == 0) return fail(ESRCH);
  return static_cast<std::size_t>(written) < bytes.size() ? fail(EFAULT) : Result<void>();
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
