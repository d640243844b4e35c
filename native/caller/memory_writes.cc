// SPDX-License-Identifier: Apache-2.0
// Writes to a caller's memory by /proc/TID/mem, which stays with the memory whatever becomes of the
// number.
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "caller/map_query.h"
#include "caller/memory.h"
#include "caller/memory_parts.h"
#include "kernel/notify.h"

namespace seccompagent {
namespace {

// As retry_eintr; a child is never interrupted, but ended.
template <typename Call>
SECCOMPAGENT_CHILD_CODE long raw_retry(const Call& call) {
  long result = 0;
  do {
    result = call();
  } while (result == -EINTR);
  return result;
}

// Whether mappings that may be written to cover a range, as told by their lines in order. Names may
// be of any length and the text comes in pieces, so only the beginning of each line is kept.
class WritableRange {
 public:
  WritableRange(std::uint64_t begin, std::uint64_t end) : next_(begin), end_(end) {}

  // False: what follows can't change the answer.
  SECCOMPAGENT_CHILD_CODE bool take(const char* text, long size) {
    for (long at = 0; at < size; ++at) {
      if (text[at] != '\n') {
        if (length_ < sizeof line_) line_[length_++] = text[at];
        continue;
      }
      const bool goes_on = take_mapping();
      length_ = 0;
      if (!goes_on) return false;
    }
    return true;
  }
  [[nodiscard]] SECCOMPAGENT_CHILD_CODE bool is_covered() const { return next_ >= end_; }

 private:
  // Of hexadecimal digits, from `at` on, which is then behind them.
  [[nodiscard]] SECCOMPAGENT_CHILD_CODE std::uint64_t number(std::size_t& at) const {
    constexpr std::uint64_t kTen = 10;
    std::uint64_t value = 0;
    for (; at < length_; ++at) {
      const char digit = line_[at];
      if (digit >= '0' && digit <= '9')
        value = value << 4U | static_cast<std::uint64_t>(digit - '0');
      else if (digit >= 'a' && digit <= 'f')
        value = value << 4U | (static_cast<std::uint64_t>(digit - 'a') + kTen);
      else
        break;
    }
    return value;
  }
  // As in "7f5c0e000000-7f5c0e021000 rw-p", see proc_pid_maps(5).
  SECCOMPAGENT_CHILD_CODE bool take_mapping() {
    std::size_t at = 0;
    const std::uint64_t from = number(at);
    const std::uint64_t to = number(++at);
    // behind the space: first whether it may be read
    constexpr std::size_t kWritable = 2;
    if (at + kWritable >= length_) return false;
    if (to <= next_) return true;
    if (from > next_ || line_[at + kWritable] != 'w') return false;
    next_ = to;
    return !is_covered();
  }

  std::uint64_t next_;
  std::uint64_t end_;
  char line_[48] = {};
  std::size_t length_ = 0;
};

// In this thread or in a child; results are negated errnos.
class Write {
 public:
  Write(pid_t tid, std::uint64_t address, std::span<const std::byte> bytes)
      : mem_path_(tid, "mem"),
        maps_path_(tid, "maps"),
        address_(address),
        bytes_(bytes.data()),
        size_(static_cast<long>(bytes.size())) {}

  // From here on it stays with the memory that the thread has now, even if it has another one
  // later. What it opens is the caller's to close.
  SECCOMPAGENT_CHILD_CODE long begin() {
    mem_ = raw_retry([this] { return mem_path_.raw_open(O_RDWR); });
    if (mem_ < 0) return error_of_open(mem_);
    maps_ = raw_retry([this] { return maps_path_.raw_open(O_RDONLY); });
    if (maps_ < 0) return error_of_open(maps_);
    return size_ == 0 ? 0 : check_writable();
  }
  [[nodiscard]] SECCOMPAGENT_CHILD_CODE long finish() const {
    if (size_ == 0) return 0;
    const long written = raw_retry([this] {
      return raw_syscall(SYS_pwrite64, mem_, raw_pointer(bytes_), size_,
                         static_cast<long>(address_));
    });
    if (written < 0) return written == -EIO ? -EFAULT : written;
    // memory that nobody uses any more takes nothing
    if (written == 0) return -ESRCH;
    return written < size_ ? -EFAULT : 0;
  }

  // Closed: -1.
  [[nodiscard]] int mem() const { return static_cast<int>(std::max(mem_, -1L)); }
  [[nodiscard]] int maps() const { return static_cast<int>(std::max(maps_, -1L)); }

 private:
  // Errno of process_vm_writev(2) where /proc can't be opened.
  [[nodiscard]] static SECCOMPAGENT_CHILD_CODE long error_of_open(long error) {
    if (error == -ENOENT) return -ESRCH;
    return error == -EACCES ? -EPERM : error;
  }

  // /proc/TID/mem writes through protections, so they are looked at before. If the caller changes
  // them meanwhile, it changes its own memory only.
  SECCOMPAGENT_CHILD_CODE long check_writable() {
    const std::uint64_t end = address_ + static_cast<std::uint64_t>(size_);
    if (end < address_) return -EFAULT;
    const long asked = may_ask_ ? ask_writable(end) : -ENOTTY;
    return asked == -ENOTTY ? read_writable(end) : asked;
  }
  // Since Linux 6.11; ENOTTY: an older one.
  SECCOMPAGENT_CHILD_CODE long ask_writable(std::uint64_t end) const {
    for (std::uint64_t next = address_; next < end;) {
      MapQuery query = {.flags = MapQuery::kWritable, .address = next};
      const long asked =
          raw_syscall(SYS_ioctl, maps_, static_cast<long>(kAskMap), raw_pointer(&query));
      if (asked < 0) return asked == -ENOENT ? -EFAULT : asked;
      next = query.end;
    }
    return 0;
  }
  // Callers may have many mappings, each of which is a line.
  SECCOMPAGENT_CHILD_CODE long read_writable(std::uint64_t end) {
    WritableRange range(address_, end);
    for (bool is_first = true;; is_first = false) {
      const long got = raw_retry(
          [this] { return raw_syscall(SYS_read, maps_, raw_pointer(&text_[0]), sizeof text_); });
      if (got < 0) return got;
      // memory that nobody uses any more has no mappings
      if (got == 0) return is_first ? -ESRCH : -EFAULT;
      if (!range.take(&text_[0], got)) return range.is_covered() ? 0 : -EFAULT;
    }
  }

  const ProcPath mem_path_;
  const ProcPath maps_path_;
  long mem_ = -1;
  long maps_ = -1;
  const bool may_ask_ = !map_query_is_refused.load(std::memory_order_relaxed);
  const std::uint64_t address_;
  const std::byte* const bytes_;
  const long size_;
  char text_[4096];
};

[[nodiscard]] Result<void> result_of(long result) {
  return result < 0 ? fail(static_cast<int>(-result)) : Result<void>();
}

// Memory of a writing child: it may outlive the attempt, so it owns all of it.
struct ChildWrite {
  ChildStack stack;
  std::vector<std::byte> bytes;
  unsigned long id_valid_request;
  std::uint64_t id;
  Write write;
  long result = -EINTR;

  static SECCOMPAGENT_CHILD_CODE int child_main(void* argument) {
    auto& own = *static_cast<ChildWrite*>(argument);
    constexpr long kListener = ChildStarter::kFirstGiven;
    raw_end_with_agent();
    own.result = own.write.begin();
    if (own.result < 0) return 0;
    const long invalid = raw_syscall(SYS_ioctl, kListener, static_cast<long>(own.id_valid_request),
                                     raw_pointer(&own.id));
    // who waits for a page from here on may outlive us, and with it calls that nobody answers
    (void)raw_syscall(SYS_close, kListener);
    own.result = invalid < 0 ? -ESRCH : own.write.finish();
    return 0;
  }
};

// Once it is killed, it writes nothing any more, whenever the page comes: the kernel looks at that
// before it takes a page that it has waited for, see __get_user_pages in mm/gup.c.
Result<void> write_in_child(const CallId& call, std::uint64_t address,
                            std::span<const std::byte> bytes, const Reader& writer) {
  auto stack = ChildStack::make();
  if (!stack) return std::unexpected(stack.error());
  std::vector<std::byte> own(bytes.begin(), bytes.end());
  const Write write(call.tid, address, own);
  auto writing = std::make_unique<ChildWrite>(std::move(*stack), std::move(own),
                                              call.id_valid_request, call.id, write);
  if (const auto ended = run_in_child_of(writing, writer, std::span(&call.listener, 1)); !ended)
    return ended;
  return result_of(writing->result);
}

}  // namespace

Result<void> write_bytes(pid_t tid, std::uint64_t address, std::span<const std::byte> bytes,
                         const IsValid& is_valid) {
  Write write(tid, address, bytes);
  const long begun = write.begin();
  const UniqueFd mem(write.mem());
  const UniqueFd maps(write.maps());
  if (begun < 0) return result_of(begun);
  // asked only now: if it is valid, then what was opened is the caller's
  if (!is_valid()) return fail(ESRCH);
  return result_of(write.finish());
}

Result<void> write_bytes(const CallId& call, std::uint64_t address,
                         std::span<const std::byte> bytes, const Reader& writer) {
  if (writer.by == ReadBy::nobody) return fail(ENOMEM);
  if (writer.by != ReadBy::this_thread) return write_in_child(call, address, bytes, writer);
  return write_bytes(call.tid, address, bytes,
                     [&] { return id_valid(call.listener, call.id_valid_request, call.id); });
}

}  // namespace seccompagent
