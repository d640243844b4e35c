// SPDX-License-Identifier: Apache-2.0
// Reads pointers by the kinds of their arguments.
#include "receiver/call_memory.h"

#include <linux/openat2.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace seccompagent {
namespace {

// The kernel's own limits, see xattr(7).
constexpr std::size_t kXattrName = 256;
constexpr std::uint64_t kMaxXattr = 65536;
// Of the structs that carry their size, as copy_struct_from_user of the kernel is used.
constexpr std::uint64_t kMaxStruct = 4096;

// struct xattr_args of linux/xattr.h, Linux 6.13.
struct XattrArgs {
  std::uint64_t value;
  std::uint32_t size;
  std::uint32_t flags;
};
static_assert(sizeof(XattrArgs) == 16);

void mix(std::uint64_t& hash, std::uint64_t value) {
  // FNV-1a: whoever finds two calls with one hash deceives nobody but itself
  constexpr std::uint64_t kPrime = 0x100000001b3;
  hash = (hash ^ value) * kPrime;
}

// One pointer of a call.
struct Place {
  Arch arch;
  pid_t tid;
  std::uint64_t address;
  // The argument behind it.
  std::uint64_t size;
  Reader reader;
};

Result<std::size_t> read_xattr_name(const Place& place, std::span<std::byte> out) {
  const auto length =
      read_string(place.tid, place.address, out.first(std::min(kXattrName, out.size())),
                  Errno{ERANGE}, place.reader);
  if (length && *length == 0) return fail(ERANGE);
  return length;
}

Result<std::size_t> read_value(const Place& place, std::span<std::byte> out) {
  if (place.size == 0) return 0;
  if (place.size > std::min<std::uint64_t>(kMaxXattr, out.size())) return fail(E2BIG);
  const auto size = static_cast<std::size_t>(place.size);
  if (const auto read = read_bytes(place.tid, place.address, out.first(size), place.reader); !read)
    return std::unexpected(read.error());
  return size;
}

// A struct that may be larger than the one that we know, as long as the rest is zero.
Result<void> read_struct(const Place& place, std::span<std::byte> known) {
  if (place.size < known.size()) return fail(EINVAL);
  if (place.size > kMaxStruct) return fail(E2BIG);
  std::array<std::byte, kMaxStruct> all;
  const auto given = std::span(all).first(static_cast<std::size_t>(place.size));
  if (const auto read = read_bytes(place.tid, place.address, given, place.reader); !read)
    return read;
  const auto is_set = [](std::byte byte) { return byte != std::byte{0}; };
  if (std::ranges::any_of(given.subspan(known.size()), is_set)) return fail(E2BIG);
  std::ranges::copy(given.first(known.size()), known.begin());
  return {};
}

template <typename Struct>
void put(std::span<std::byte> out, const Struct& value) {
  std::memcpy(out.data(), &value, sizeof value);
}

// An XattrHeader and behind it the value.
Result<std::size_t> read_xattr_args(const Place& place, std::span<std::byte> out) {
  XattrArgs arguments = {};
  const auto read = read_struct(place, std::as_writable_bytes(std::span(&arguments, 1)));
  if (!read) return std::unexpected(read.error());
  const XattrHeader header = {.flags = arguments.flags, .size = arguments.size};
  if (out.size() < sizeof header) return fail(E2BIG);
  const auto size = read_value({.arch = place.arch,
                                .tid = place.tid,
                                .address = arguments.value,
                                .size = arguments.size,
                                .reader = place.reader},
                               out.subspan(sizeof header));
  if (!size) return size;
  put(out, header);
  return sizeof header + *size;
}

Result<std::size_t> read_xattr_room(const Place& place, std::span<std::byte> out) {
  XattrArgs arguments = {};
  if (out.size() < sizeof arguments) return fail(E2BIG);
  const auto read = read_struct(place, std::as_writable_bytes(std::span(&arguments, 1)));
  if (!read) return std::unexpected(read.error());
  if (arguments.flags != 0) return fail(EINVAL);
  put(out, arguments);
  return sizeof arguments;
}

Result<std::size_t> read_open_how(const Place& place, std::span<std::byte> out) {
  constexpr std::uint64_t kModes = 07777;
  open_how how = {};
  if (out.size() < sizeof how) return fail(E2BIG);
  const auto read = read_struct(place, std::as_writable_bytes(std::span(&how, 1)));
  if (!read) return std::unexpected(read.error());
  // no flags go along with such a mode
  if ((how.mode & ~kModes) != 0) return fail(EINVAL);
  put(out, how);
  return sizeof how;
}

// Numbers of the size that a `long` has for the caller.
Result<void> read_longs(const Place& place, bool is_narrow, std::span<std::int64_t> out) {
  if (!is_narrow)
    return read_bytes(place.tid, place.address, std::as_writable_bytes(out), place.reader);
  std::array<std::int32_t, 4> narrow = {};
  const auto given = std::span(narrow).first(out.size());
  if (const auto read =
          read_bytes(place.tid, place.address, std::as_writable_bytes(given), place.reader);
      !read) {
    return read;
  }
  std::ranges::copy(given, out.begin());
  return {};
}

// Invalid times are left to the kernel, which looks at the path before it says so.
NewTime time_of(const Place& place, std::int64_t seconds, std::int64_t nanoseconds) {
  constexpr std::int64_t kMax = std::numeric_limits<std::uint32_t>::max();
  // as the kernel has it, 32-bit calls have padding there
  const bool is_padded = place.arch == Arch::i386 || place.arch == Arch::x32;
  const std::int64_t given = is_padded ? nanoseconds & kMax : nanoseconds;
  if (given == UTIME_NOW) return {.change = TimeChange::now, .nanoseconds = 0, .seconds = 0};
  if (given == UTIME_OMIT) return {.change = TimeChange::omit, .nanoseconds = 0, .seconds = 0};
  return {.change = TimeChange::set,
          .nanoseconds = static_cast<std::uint32_t>(given < 0 ? kMax : std::min(given, kMax)),
          .seconds = seconds};
}

Result<std::array<NewTime, 2>> read_timevals(const Place& place, bool is_narrow) {
  constexpr std::int64_t kMicroseconds = 1'000'000;
  std::array<std::int64_t, 4> given = {};
  if (const auto read = read_longs(place, is_narrow, given); !read)
    return std::unexpected(read.error());
  const auto& [accessed, accessed_part, modified, modified_part] = given;
  for (const std::int64_t part : {accessed_part, modified_part})
    if (part < 0 || part >= kMicroseconds) return fail(EINVAL);
  return std::array{time_of(place, accessed, accessed_part * 1000),
                    time_of(place, modified, modified_part * 1000)};
}

Result<std::array<NewTime, 2>> read_times(ReadKind kind, const Place& place) {
  const bool is_narrow = place.arch == Arch::i386 && kind != ReadKind::timespecs64;
  if (kind == ReadKind::timevals) return read_timevals(place, is_narrow);
  if (kind == ReadKind::utimbuf) {
    std::array<std::int64_t, 2> given = {};
    if (const auto read = read_longs(place, is_narrow, given); !read)
      return std::unexpected(read.error());
    return std::array{time_of(place, given[0], 0), time_of(place, given[1], 0)};
  }
  std::array<std::int64_t, 4> given = {};
  if (const auto read = read_longs(place, is_narrow, given); !read)
    return std::unexpected(read.error());
  return std::array{time_of(place, given[0], given[1]), time_of(place, given[2], given[3])};
}

Result<std::size_t> put_times(ReadKind kind, const Place& place, std::span<std::byte> out) {
  const auto times = read_times(kind, place);
  if (!times) return std::unexpected(times.error());
  if (out.size() < sizeof *times) return fail(E2BIG);
  put(out, *times);
  return sizeof *times;
}

Result<std::size_t> read_pointer(ReadKind kind, const Place& place, std::span<std::byte> out) {
  const auto text = out.first(std::min(kPathMax, out.size()));
  switch (kind) {
    case ReadKind::path:
      return read_string(place.tid, place.address, text, Errno{ENAMETOOLONG}, place.reader);
    case ReadKind::source:
      return read_string(place.tid, place.address, text, Errno{EINVAL}, place.reader);
    case ReadKind::mount_data:
      return read_mount_data(place.tid, place.address, text, place.reader);
    case ReadKind::xattr_name:
      return read_xattr_name(place, out);
    case ReadKind::xattr_value:
      return read_value(place, out);
    case ReadKind::xattr_args:
      return read_xattr_args(place, out);
    case ReadKind::xattr_room:
      return read_xattr_room(place, out);
    case ReadKind::open_how:
      return read_open_how(place, out);
    case ReadKind::timespecs:
    case ReadKind::timespecs64:
    case ReadKind::timevals:
    case ReadKind::utimbuf:
      return put_times(kind, place, out);
    case ReadKind::nothing:
      break;
  }
  return fail(EFAULT);
}

// Whether NULL is an answer of its own, or a pointer to nothing is not looked at. If a size goes
// with it, the kernel looks at that first.
bool is_null(ReadKind kind, const Place& place) {
  if (place.address != 0) return false;
  switch (kind) {
    case ReadKind::xattr_value:
      return place.size != 0 && place.size <= kMaxXattr;
    case ReadKind::xattr_args:
    case ReadKind::xattr_room:
    case ReadKind::open_how:
      return false;
    default:
      return true;
  }
}

}  // namespace

bool read_call_memory(const CallReading& reading, const Notification& notification,
                      Pointers& pointers, std::span<std::byte> data) {
  const auto& [table, reads, reader] = reading;
  pointers.fill({.length = kNotRead, .offset = 0});
  const SyscallNumber syscall = syscall_number(notification.arch, notification.nr);
  if (!is_in_table(syscall)) return false;
  const std::size_t index = table_index(syscall);
  if (reads[index] == 0) return false;

  const std::uint64_t mask = syscall.arch == Arch::i386 ? 0xffffffff : ~0ULL;
  std::size_t used = 0;
  for (std::size_t argument = 0; argument < kArguments; ++argument) {
    const ReadKind kind = table[index * kArguments + argument];
    if (kind == ReadKind::nothing) continue;
    auto& pointer = pointers[argument];
    const bool is_last = argument + 1 == kArguments;
    const Place place = {.arch = syscall.arch,
                         .tid = notification.tid,
                         .address = notification.arguments[argument] & mask,
                         .size = is_last ? 0 : notification.arguments[argument + 1] & mask,
                         .reader = reader};
    if (is_null(kind, place)) {
      pointer.length = kNull;
      continue;
    }
    const auto length = read_pointer(kind, place, data.subspan(used));
    pointer.offset = static_cast<std::uint32_t>(sizeof(Inbox) + used);
    pointer.length = length ? static_cast<std::int32_t>(*length) : -length.error().number;
    if (length) used += *length;
  }
  return true;
}

std::uint64_t hash_of(const Pointers& pointers, std::span<const std::byte> data) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const Inbox::Pointer& pointer : pointers) {
    mix(hash, static_cast<std::uint32_t>(pointer.length));
    if (pointer.length <= 0) continue;
    const auto bytes =
        data.subspan(pointer.offset - sizeof(Inbox), static_cast<std::size_t>(pointer.length));
    for (const std::byte byte : bytes) mix(hash, std::to_integer<std::uint64_t>(byte));
  }
  return hash;
}

}  // namespace seccompagent
