// SPDX-License-Identifier: Apache-2.0
// Tests the snapshot of a call's memory, with pointers into the test's own.
#include "receiver/call_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <tuple>
#include <vector>

#include "caller/memory.h"
#include "check.h"
#include "process/child_starter.h"

namespace seccompagent::test {
namespace {

constexpr Reader kByChild = {.by = ReadBy::child};

constexpr std::uint32_t kMount = 165;
constexpr std::uint32_t kMount32 = 21;
constexpr std::uint32_t kMkdir = 83;
constexpr std::uint32_t kSetxattr = 188;
constexpr std::uint32_t kOpenat2 = 437;
constexpr std::uint32_t kUtime = 132;
constexpr std::uint32_t kUtimes = 235;
constexpr std::uint32_t kUtimensat = 280;
constexpr std::uint32_t kUtime32 = 30;
constexpr std::uint32_t kUtimes32 = 271;
constexpr std::uint32_t kUtimensat32 = 320;
constexpr std::uint32_t kUtimensatTime64 = 412;
constexpr std::uint32_t kSetxattrat = 463;
constexpr std::uint32_t kGetxattrat = 464;

void set_kinds(ReadTable& table, SyscallNumber syscall, const std::vector<ReadKind>& kinds) {
  for (std::size_t argument = 0; argument < kinds.size(); ++argument)
    table[table_index(syscall) * kArguments + argument] = kinds[argument];
}

ReadTable table_of_calls() {
  ReadTable table(kArches * kNumbers * kArguments, ReadKind::nothing);
  const std::vector kinds = {ReadKind::source, ReadKind::path, ReadKind::source, ReadKind::nothing,
                             ReadKind::mount_data};
  set_kinds(table, {Arch::x86_64, kMount}, kinds);
  set_kinds(table, {Arch::i386, kMount32}, kinds);
  constexpr ReadKind kNothing = ReadKind::nothing;
  set_kinds(table, {Arch::x86_64, kSetxattr},
            {ReadKind::path, ReadKind::xattr_name, ReadKind::xattr_value});
  set_kinds(table, {Arch::x86_64, kOpenat2}, {kNothing, ReadKind::path, ReadKind::open_how});
  set_kinds(table, {Arch::x86_64, kSetxattrat},
            {kNothing, ReadKind::path, kNothing, ReadKind::xattr_name, ReadKind::xattr_args});
  set_kinds(table, {Arch::x86_64, kGetxattrat},
            {kNothing, ReadKind::path, kNothing, ReadKind::xattr_name, ReadKind::xattr_room});
  for (const auto& [arch, utime, utimes, utimensat] :
       {std::tuple{Arch::x86_64, kUtime, kUtimes, kUtimensat},
        std::tuple{Arch::i386, kUtime32, kUtimes32, kUtimensat32}}) {
    set_kinds(table, {arch, utime}, {ReadKind::path, ReadKind::utimbuf});
    set_kinds(table, {arch, utimes}, {ReadKind::path, ReadKind::timevals});
    set_kinds(table, {arch, utimensat}, {kNothing, ReadKind::path, ReadKind::timespecs});
  }
  set_kinds(table, {Arch::i386, kUtimensatTime64},
            {kNothing, ReadKind::path, ReadKind::timespecs64});
  return table;
}

// Only these calls are read.
ReadSet set_of_calls() {
  ReadSet set(kArches * kNumbers, 0);
  for (const std::uint32_t number :
       {kMount, kSetxattr, kOpenat2, kSetxattrat, kGetxattrat, kUtime, kUtimes, kUtimensat})
    set[table_index({Arch::x86_64, number})] = 1;
  for (const std::uint32_t number : {kMount32, kUtime32, kUtimes32, kUtimensat32, kUtimensatTime64})
    set[table_index({Arch::i386, number})] = 1;
  return set;
}

struct Snapshot {
  bool is_read;
  Pointers pointers;
  std::vector<std::byte> data;

  [[nodiscard]] std::string text(std::size_t argument) const {
    const Inbox::Pointer& pointer = pointers[argument];
    CHECK(pointer.length >= 0);
    CHECK(pointer.offset >= sizeof(Inbox));
    const std::size_t start = pointer.offset - sizeof(Inbox);
    CHECK(start + static_cast<std::size_t>(pointer.length) <= data.size());
    return std::string(reinterpret_cast<const char*>(&data[start]),
                       static_cast<std::size_t>(pointer.length));
  }
  [[nodiscard]] std::uint64_t hash() const { return hash_of(pointers, data); }
};

class Memory {
 public:
  [[nodiscard]] Snapshot read(const Notification& notification) {
    Snapshot snapshot = {
        .is_read = false, .pointers = {}, .data = std::vector<std::byte>(kInboxData)};
    snapshot.is_read = read_call_memory({.table = table_, .reads = reads_, .reader = reader_},
                                        notification, snapshot.pointers, snapshot.data);
    return snapshot;
  }
  void use_children() { reader_ = kByChild; }

 private:
  Reader reader_ = {};
  const ReadTable table_ = table_of_calls();
  const ReadSet reads_ = set_of_calls();
};

std::uint64_t address_of(const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }

Notification call_of(std::uint32_t arch, std::uint32_t nr,
                     const std::array<std::uint64_t, 6>& arguments) {
  return {.id = 1,
          .tid = getpid(),
          .arch = arch,
          .nr = static_cast<std::int32_t>(nr),
          .instruction_pointer = 0,
          .arguments = arguments};
}

Notification mount_of(const char* source, const char* target, const char* type, const char* data) {
  return call_of(
      AUDIT_ARCH_X86_64, kMount,
      {address_of(source), address_of(target), address_of(type), 0x1234, address_of(data), 0});
}

void check_nothing_read(const Notification& notification) {
  Memory memory;
  const Snapshot snapshot = memory.read(notification);
  CHECK(!snapshot.is_read);
  for (const Inbox::Pointer& pointer : snapshot.pointers) CHECK_EQUAL(pointer.length, kNotRead);
}

void reads_only_what_is_wanted() {
  const std::array<std::uint64_t, 6> arguments = {address_of("/a"), 0, 0, 0, 0, 0};
  check_nothing_read(call_of(AUDIT_ARCH_X86_64, kMkdir, arguments));
  check_nothing_read(call_of(AUDIT_ARCH_AARCH64, kMount, arguments));
  check_nothing_read(call_of(AUDIT_ARCH_X86_64, kMount | 0x40000000, arguments));
}

void reads_nothing_of_unknown_calls() {
  const std::array<std::uint64_t, 6> arguments = {address_of("/a"), 0, 0, 0, 0, 0};
  check_nothing_read(call_of(AUDIT_ARCH_RISCV64, kMount, arguments));
  check_nothing_read(call_of(AUDIT_ARCH_X86_64, kNumbers, arguments));
  check_nothing_read(call_of(AUDIT_ARCH_X86_64, 0xffffffff, arguments));
}

void reads_each_pointer_by_its_kind() {
  Memory memory;
  const Snapshot snapshot = memory.read(mount_of("none", "/target", "tmpfs", "mode=755"));
  CHECK(snapshot.is_read);
  CHECK_EQUAL(snapshot.text(0), "none");
  CHECK_EQUAL(snapshot.text(1), "/target");
  CHECK_EQUAL(snapshot.text(2), "tmpfs");
  CHECK_EQUAL(snapshot.pointers[3].length, kNotRead);
  CHECK_EQUAL(snapshot.text(4), "mode=755");
  CHECK_EQUAL(snapshot.pointers[5].length, kNotRead);
}

void tells_null_from_empty() {
  Memory memory;
  const Snapshot snapshot = memory.read(mount_of(nullptr, "", nullptr, ""));
  CHECK_EQUAL(snapshot.pointers[0].length, kNull);
  CHECK_EQUAL(snapshot.pointers[1].length, 0);
  CHECK_EQUAL(snapshot.pointers[2].length, kNull);
  CHECK_EQUAL(snapshot.pointers[4].length, 0);
}

void has_room_for_the_longest() {
  Memory memory;
  const std::string longest(kPathMax - 1, 'x');
  const char* text = longest.c_str();
  const Snapshot snapshot = memory.read(mount_of(text, text, text, text));
  for (const std::size_t argument : {0UL, 1UL, 2UL, 4UL})
    CHECK_EQUAL(snapshot.text(argument), longest);
}

void has_the_errors_of_the_kernel() {
  Memory memory;
  const std::string longer(kPathMax, 'x');
  const auto* nowhere = reinterpret_cast<const char*>(8);
  const Snapshot snapshot = memory.read(mount_of(longer.c_str(), longer.c_str(), nowhere, nowhere));
  CHECK_EQUAL(snapshot.pointers[0].length, -EINVAL);
  CHECK_EQUAL(snapshot.pointers[1].length, -ENAMETOOLONG);
  CHECK_EQUAL(snapshot.pointers[2].length, -EFAULT);
  CHECK_EQUAL(snapshot.pointers[4].length, -EFAULT);
}

// A page below 4 GiB, as programs of 32 bits have them.
char* low_page() {
  void* wanted = reinterpret_cast<void*>(0x10000000);
  void* page = mmap(wanted, 4096, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  CHECK(page == wanted);
  return static_cast<char*>(page);
}

void has_short_pointers_for_short_programs() {
  Memory memory;
  char* page = low_page();
  std::strcpy(page, "/low");
  constexpr std::uint64_t kAbove = 0xdeadbeef00000000;
  const std::uint64_t pointer = kAbove | address_of(page);
  const std::array<std::uint64_t, 6> arguments = {pointer, kAbove, 0, 0, 0, 0};
  const Snapshot snapshot = memory.read(call_of(AUDIT_ARCH_I386, kMount32, arguments));
  CHECK_EQUAL(snapshot.text(0), "/low");
  CHECK_EQUAL(snapshot.pointers[1].length, kNull);
  const Snapshot wide = memory.read(call_of(AUDIT_ARCH_X86_64, kMount, arguments));
  CHECK_EQUAL(wide.pointers[0].length, -EFAULT);
  CHECK_EQUAL(wide.pointers[1].length, -EFAULT);
}

void reads_the_same_with_children() {
  Memory memory;
  const std::string longer(kPathMax, 'x');
  const auto* nowhere = reinterpret_cast<const char*>(8);
  const std::vector<Notification> calls = {
      mount_of("none", "/target", "tmpfs", "mode=755"), mount_of(nullptr, "", nullptr, ""),
      mount_of(longer.c_str(), longer.c_str(), nowhere, longer.c_str())};
  std::vector<Snapshot> before;
  for (const Notification& call : calls) before.push_back(memory.read(call));
  memory.use_children();
  for (std::size_t index = 0; index < calls.size(); ++index) {
    const Snapshot after = memory.read(calls[index]);
    CHECK(after.is_read);
    for (std::size_t argument = 0; argument < kArguments; ++argument) {
      const std::int32_t length = before[index].pointers[argument].length;
      CHECK_EQUAL(after.pointers[argument].length, length);
      if (length > 0) CHECK_EQUAL(after.text(argument), before[index].text(argument));
    }
    CHECK_EQUAL(after.hash(), before[index].hash());
  }
}

Notification setxattr_of(const char* name, const void* value, std::uint64_t size) {
  return call_of(AUDIT_ARCH_X86_64, kSetxattr,
                 {address_of("/f"), address_of(name), address_of(value), size, 0, 0});
}

void reads_attributes() {
  Memory memory;
  const std::string value("a\0b", 3);
  const Snapshot snapshot = memory.read(setxattr_of("user.a", value.data(), value.size()));
  CHECK_EQUAL(snapshot.text(0), "/f");
  CHECK_EQUAL(snapshot.text(1), "user.a");
  CHECK_EQUAL(snapshot.text(2), value);
  // nobody looks where nothing is
  const auto* nowhere = reinterpret_cast<const char*>(8);
  CHECK_EQUAL(memory.read(setxattr_of("user.a", nullptr, 0)).pointers[2].length, 0);
  CHECK_EQUAL(memory.read(setxattr_of("user.a", nowhere, 0)).pointers[2].length, 0);
  CHECK_EQUAL(memory.read(setxattr_of("user.a", nullptr, 1)).pointers[2].length, kNull);
  CHECK_EQUAL(memory.read(setxattr_of("user.a", nowhere, 1)).pointers[2].length, -EFAULT);
}

void names_of_attributes_are_short() {
  Memory memory;
  const auto length_of = [&](const char* name) {
    return memory.read(setxattr_of(name, "", 0)).pointers[1].length;
  };
  CHECK_EQUAL(length_of(std::string(255, 'x').c_str()), 255);
  CHECK_EQUAL(length_of(std::string(256, 'x').c_str()), -ERANGE);
  CHECK_EQUAL(length_of(""), -ERANGE);
  CHECK_EQUAL(length_of(nullptr), kNull);
}

constexpr std::uint64_t kHugeSizes[] = {
    65537,     1UL << 20,   (1UL << 31) - 1, 1UL << 31, 1UL << 32, (1UL << 32) + 24,
    1UL << 63, ~0UL - 4096, ~0UL - 24,       ~0UL};

void sizes_are_capped() {
  Memory memory;
  const std::string path(kPathMax - 1, 'x');
  const std::string name(255, 'x');
  const std::vector<char> value(65536, 'v');
  const Snapshot max = memory.read(call_of(AUDIT_ARCH_X86_64, kSetxattr,
                                           {address_of(path.c_str()), address_of(name.c_str()),
                                            address_of(value.data()), value.size(), 0, 0}));
  CHECK_EQUAL(max.text(0), path);
  CHECK_EQUAL(max.text(1), name);
  CHECK_EQUAL(max.text(2), std::string(value.begin(), value.end()));
  for (const std::uint64_t size : kHugeSizes) {
    CHECK_EQUAL(memory.read(setxattr_of("user.a", value.data(), size)).pointers[2].length, -E2BIG);
    CHECK_EQUAL(memory.read(setxattr_of("user.a", nullptr, size)).pointers[2].length, -E2BIG);
    const Notification open = call_of(AUDIT_ARCH_X86_64, kOpenat2,
                                      {0, address_of("/f"), address_of(value.data()), size, 0, 0});
    CHECK_EQUAL(memory.read(open).pointers[2].length, -E2BIG);
    for (const std::uint32_t number : {kSetxattrat, kGetxattrat}) {
      const Notification call =
          call_of(AUDIT_ARCH_X86_64, number,
                  {0, address_of("/f"), 0, address_of("user.a"), address_of(value.data()), size});
      CHECK_EQUAL(memory.read(call).pointers[4].length, -E2BIG);
    }
  }
}

// As many bytes as are asked for, at the end of a page behind which nothing is.
std::byte* at_page_end(std::size_t size) {
  auto* pages = static_cast<std::byte*>(
      mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  CHECK(munmap(pages + 4096, 4096) == 0);
  return pages + 4096 - size;
}

std::int32_t length_of_how(const void* how, std::uint64_t size) {
  Memory memory;
  return memory
      .read(
          call_of(AUDIT_ARCH_X86_64, kOpenat2, {0, address_of("/f"), address_of(how), size, 0, 0}))
      .pointers[2]
      .length;
}

void reads_how_to_open() {
  struct Larger {
    open_how how;
    std::uint64_t more;
  };
  Larger larger = {.how = {.flags = O_CREAT, .mode = 0644, .resolve = RESOLVE_IN_ROOT}, .more = 0};
  CHECK_EQUAL(length_of_how(&larger, sizeof(open_how)), 24);
  CHECK_EQUAL(length_of_how(&larger, sizeof larger), 24);
  CHECK_EQUAL(length_of_how(&larger, 23), -EINVAL);
  CHECK_EQUAL(length_of_how(&larger, 0), -EINVAL);
  // the kernel looks at the size first
  CHECK_EQUAL(length_of_how(nullptr, sizeof(open_how)), -EFAULT);
  CHECK_EQUAL(length_of_how(nullptr, 8), -EINVAL);
  CHECK_EQUAL(length_of_how(nullptr, ~0UL), -E2BIG);
  larger.more = 1;
  CHECK_EQUAL(length_of_how(&larger, sizeof larger), -E2BIG);
  larger.how.mode = 010000;
  CHECK_EQUAL(length_of_how(&larger, sizeof(open_how)), -EINVAL);
  std::byte* last = at_page_end(24);
  std::memset(last, 0, 24);
  CHECK_EQUAL(length_of_how(last, 24), 24);
  CHECK_EQUAL(length_of_how(last, 25), -EFAULT);
  CHECK_EQUAL(length_of_how(at_page_end(0), 4097), -E2BIG);
}

struct XattrArgs {
  std::uint64_t value;
  std::uint32_t size;
  std::uint32_t flags;
};

Snapshot read_args(std::uint32_t number, const void* arguments, std::uint64_t size) {
  Memory memory;
  return memory.read(
      call_of(AUDIT_ARCH_X86_64, number,
              {0, address_of("/f"), 0, address_of("user.a"), address_of(arguments), size}));
}

void reads_arguments_of_attributes() {
  XattrArgs arguments = {.value = address_of("value"), .size = 5, .flags = 2};
  const std::string header("\2\0\0\0\5\0\0\0", 8);
  CHECK_EQUAL(read_args(kSetxattrat, &arguments, 16).text(4), header + "value");
  CHECK_EQUAL(read_args(kSetxattrat, &arguments, 15).pointers[4].length, -EINVAL);
  CHECK_EQUAL(read_args(kSetxattrat, nullptr, 16).pointers[4].length, -EFAULT);
  CHECK_EQUAL(read_args(kSetxattrat, nullptr, 15).pointers[4].length, -EINVAL);
  arguments.size = 65537;
  CHECK_EQUAL(read_args(kSetxattrat, &arguments, 16).pointers[4].length, -E2BIG);
  arguments.size = 0xffffffff;
  CHECK_EQUAL(read_args(kSetxattrat, &arguments, 16).pointers[4].length, -E2BIG);
  arguments = {.value = 8, .size = 1, .flags = 0};
  CHECK_EQUAL(read_args(kSetxattrat, &arguments, 16).pointers[4].length, -EFAULT);
  arguments.size = 0;
  CHECK_EQUAL(read_args(kSetxattrat, &arguments, 16).pointers[4].length, 8);
  CHECK_EQUAL(read_args(kGetxattrat, &arguments, 16).pointers[4].length, 16);
  arguments.flags = 1;
  CHECK_EQUAL(read_args(kGetxattrat, &arguments, 16).pointers[4].length, -EINVAL);
}

void values_may_end_anywhere() {
  Memory memory;
  for (const std::size_t size : {1UL, 7UL, 4095UL, 4096UL}) {
    std::byte* value = at_page_end(size);
    const auto bytes = static_cast<std::int32_t>(size);
    CHECK_EQUAL(memory.read(setxattr_of("user.a", value, size)).pointers[2].length, bytes);
    CHECK_EQUAL(memory.read(setxattr_of("user.a", value, size + 1)).pointers[2].length, -EFAULT);
  }
  const auto* last = reinterpret_cast<const char*>(~0UL);
  CHECK_EQUAL(memory.read(setxattr_of("user.a", last, 2)).pointers[2].length, -EFAULT);
}

std::uint64_t hash_of_mount(const char* source, const char* target, const char* type,
                            const char* data) {
  Memory memory;
  return memory.read(mount_of(source, target, type, data)).hash();
}

void hashes_the_same_alike() {
  const std::string copy = "/target";
  CHECK_EQUAL(hash_of_mount("none", copy.c_str(), "tmpfs", "a"),
              hash_of_mount("none", "/target", "tmpfs", "a"));
  // what is left behind the strings is of another call
  Memory memory;
  Snapshot snapshot = memory.read(mount_of("none", "/target", "tmpfs", "a"));
  const std::uint64_t before = snapshot.hash();
  snapshot.data.back() = std::byte{1};
  CHECK_EQUAL(snapshot.hash(), before);
}

void hashes_others_otherwise() {
  const auto* nowhere = reinterpret_cast<const char*>(8);
  const std::vector<std::uint64_t> hashes = {hash_of_mount("none", "/target", "tmpfs", "a"),
                                             hash_of_mount("nonf", "/target", "tmpfs", "a"),
                                             hash_of_mount("none", "/Target", "tmpfs", "a"),
                                             hash_of_mount("none", "/target", "tmpfr", "a"),
                                             hash_of_mount("none", "/target", "tmpfs", "b"),
                                             hash_of_mount("none", "/target", "tmpfs", ""),
                                             hash_of_mount("none", "/target", "tmpfs", nullptr),
                                             hash_of_mount("none", "/target", "tmpfs", nowhere),
                                             hash_of_mount("none/", "target", "tmpfs", "a"),
                                             hash_of_mount("/target", "none", "tmpfs", "a"),
                                             hash_of_mount("", "", "", ""),
                                             hash_of_mount(nullptr, nullptr, nullptr, nullptr)};
  for (std::size_t left = 0; left < hashes.size(); ++left) {
    for (std::size_t right = 0; right < left; ++right) CHECK(hashes[left] != hashes[right]);
  }
}

void hashes_each_byte() {
  const std::string text(kPathMax - 1, 'x');
  const std::uint64_t before = hash_of_mount("none", text.c_str(), "tmpfs", "a");
  for (std::size_t at = 0; at < text.size(); at += 63) {
    for (const char other : {'y', '\xf8', '\x01'}) {
      std::string changed = text;
      changed[at] = other;
      CHECK(hash_of_mount("none", changed.c_str(), "tmpfs", "a") != before);
    }
  }
}

// A page that 32-bit programs could have, too.
class LowPage {
 public:
  LowPage()
      : start_(mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
                    -1, 0)) {
    CHECK(start_ != MAP_FAILED);
  }
  LowPage(const LowPage&) = delete;
  LowPage& operator=(const LowPage&) = delete;
  ~LowPage() { munmap(start_, kSize); }

  [[nodiscard]] void* start() const { return start_; }

 private:
  static constexpr std::size_t kSize = 4096;
  void* start_;
};

// The times of one call, by what is read for them.
struct ReadTimes {
  std::int32_t length;
  std::array<NewTime, 2> times;
};

template <typename Given>
ReadTimes times_of(std::uint32_t arch, std::uint32_t number, std::size_t argument,
                   const Given& given) {
  const LowPage low;
  std::memcpy(low.start(), &given, sizeof given);
  std::array<std::uint64_t, 6> arguments = {};
  arguments[argument - 1] = address_of("/f");
  arguments[argument] = address_of(low.start());
  Memory memory;
  const Snapshot snapshot = memory.read(call_of(arch, number, arguments));
  const Inbox::Pointer& pointer = snapshot.pointers[argument];
  ReadTimes read = {.length = pointer.length, .times = {}};
  if (pointer.length == sizeof read.times)
    std::memcpy(read.times.data(), snapshot.data.data() + (pointer.offset - sizeof(Inbox)),
                sizeof read.times);
  return read;
}

void check_time(const NewTime& time, TimeChange change, std::int64_t seconds,
                std::uint32_t nanoseconds) {
  CHECK(time.change == change);
  CHECK_EQUAL(time.seconds, seconds);
  CHECK_EQUAL(time.nanoseconds, nanoseconds);
}

constexpr std::int32_t kSizeOfTimes = 32;

using Longs = std::array<std::int64_t, 4>;
using Words = std::array<std::int32_t, 4>;

void reads_times_of_all_forms() {
  constexpr std::uint32_t k64 = AUDIT_ARCH_X86_64;
  constexpr std::uint32_t k32 = AUDIT_ARCH_I386;
  for (const ReadTimes& read :
       {times_of(k64, kUtimensat, 2, Longs{-5, 7000, 6, 8000}),
        times_of(k32, kUtimensat32, 2, Words{-5, 7000, 6, 8000}),
        // what is above the nanoseconds is padding there
        times_of(k32, kUtimensatTime64, 2, Longs{-5, 7000 | 1LL << 40, 6, 8000}),
        times_of(k64, kUtimes, 1, Longs{-5, 7, 6, 8}),
        times_of(k32, kUtimes32, 1, Words{-5, 7, 6, 8})}) {
    CHECK_EQUAL(read.length, kSizeOfTimes);
    check_time(read.times[0], TimeChange::set, -5, 7000);
    check_time(read.times[1], TimeChange::set, 6, 8000);
  }
  for (const ReadTimes& read : {times_of(k64, kUtime, 1, std::array<std::int64_t, 2>{-5, 6}),
                                times_of(k32, kUtime32, 1, std::array<std::int32_t, 2>{-5, 6})}) {
    CHECK_EQUAL(read.length, kSizeOfTimes);
    check_time(read.times[0], TimeChange::set, -5, 0);
    check_time(read.times[1], TimeChange::set, 6, 0);
  }
}

void tells_now_and_omit_from_times() {
  const ReadTimes read =
      times_of(AUDIT_ARCH_X86_64, kUtimensat, 2, Longs{5, UTIME_NOW, 6, UTIME_OMIT});
  check_time(read.times[0], TimeChange::now, 0, 0);
  check_time(read.times[1], TimeChange::omit, 0, 0);
}

// The kernel looks at the path before it refuses them.
void leaves_other_nanoseconds_to_the_kernel() {
  const ReadTimes read =
      times_of(AUDIT_ARCH_X86_64, kUtimensat, 2, Longs{5, -1, 6, UTIME_OMIT | 1LL << 32});
  CHECK(read.times[0].change == TimeChange::set && read.times[0].nanoseconds >= 1'000'000'000);
  CHECK(read.times[1].change == TimeChange::set && read.times[1].nanoseconds >= 1'000'000'000);
}

void refuses_microseconds_that_are_none() {
  for (const std::int64_t part : {std::int64_t{-1}, std::int64_t{1'000'000}}) {
    CHECK_EQUAL(times_of(AUDIT_ARCH_X86_64, kUtimes, 1, Longs{5, part, 6, 0}).length, -EINVAL);
    CHECK_EQUAL(times_of(AUDIT_ARCH_X86_64, kUtimes, 1, Longs{5, 0, 6, part}).length, -EINVAL);
  }
}

void tells_no_times_from_times_that_cannot_be_read() {
  Memory memory;
  const auto length_at = [&](std::uint64_t address) {
    return memory.read(call_of(AUDIT_ARCH_X86_64, kUtimes, {address_of("/f"), address, 0, 0, 0, 0}))
        .pointers[1]
        .length;
  };
  CHECK_EQUAL(length_at(0), kNull);
  CHECK_EQUAL(length_at(8), -EFAULT);
}

constexpr Case kCases[] = {
    {"read_call_memory: a call that no handler wants read is not read", reads_only_what_is_wanted},
    {"K19: read_call_memory: a call that nobody knows is not read", reads_nothing_of_unknown_calls},
    {"read_call_memory: each pointer is read by its kind", reads_each_pointer_by_its_kind},
    {"K18: read_call_memory: NULL is no empty string", tells_null_from_empty},
    {"M1: read_call_memory: there is room for the longest strings", has_room_for_the_longest},
    {"M2: read_call_memory: errors are those of the kernel", has_the_errors_of_the_kernel},
    {"read_call_memory: extended attributes are read with their sizes", reads_attributes},
    {"M1: read_call_memory: names of attributes have 255 bytes", names_of_attributes_are_short},
    {"M1: read_call_memory: sizes that callers choose are capped", sizes_are_capped},
    {"M1: read_call_memory: open_how has the size that it says", reads_how_to_open},
    {"M1: read_call_memory: so has xattr_args, and its value", reads_arguments_of_attributes},
    {"M2: read_call_memory: a value may end with its page", values_may_end_anywhere},
    {"read_call_memory: times are read by their form and architecture", reads_times_of_all_forms},
    {"read_call_memory: UTIME_NOW and UTIME_OMIT are no times", tells_now_and_omit_from_times},
    {"read_call_memory: nanoseconds that are none are left to the kernel",
     leaves_other_nanoseconds_to_the_kernel},
    {"read_call_memory: microseconds that are none are EINVAL", refuses_microseconds_that_are_none},
    {"read_call_memory: NULL is no time, and other addresses are EFAULT",
     tells_no_times_from_times_that_cannot_be_read},
    {"K19: read_call_memory: pointers of 32-bit programs have 32 bits",
     has_short_pointers_for_short_programs},
    {"M2: read_call_memory: children read alike", reads_the_same_with_children},
    {"hash_of: calls that say the same have one hash", hashes_the_same_alike},
    {"hash_of: calls that say something else have another hash", hashes_others_otherwise},
    {"hash_of: each byte counts", hashes_each_byte}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  VALUE(seccompagent::ChildStarter::of_process().start());
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
