// SPDX-License-Identifier: Apache-2.0
// Tests the snapshot of a call's memory, with pointers into the test's own.
#include "call_memory.h"

#include <errno.h>
#include <linux/audit.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "check.h"
#include "memory.h"

namespace seccompagent::test {
namespace {

constexpr std::uint32_t kMount = 165;
constexpr std::uint32_t kMount32 = 21;
constexpr std::uint32_t kMkdir = 83;

void set_kinds(ReadTable& table, SyscallNumber syscall, const std::vector<ReadKind>& kinds) {
  for (std::size_t argument = 0; argument < kinds.size(); ++argument)
    table[table_index(syscall) * kArguments + argument] = kinds[argument];
}

ReadTable table_of_mount() {
  ReadTable table(kArches * kNumbers * kArguments, ReadKind::nothing);
  const std::vector kinds = {ReadKind::source, ReadKind::path, ReadKind::source, ReadKind::nothing,
                             ReadKind::mount_data};
  set_kinds(table, {Arch::x86_64, kMount}, kinds);
  set_kinds(table, {Arch::i386, kMount32}, kinds);
  return table;
}

// Only the calls of mount are read.
ReadSet set_of_mount() {
  ReadSet set(kArches * kNumbers, 0);
  set[table_index({Arch::x86_64, kMount})] = 1;
  set[table_index({Arch::i386, kMount32})] = 1;
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
    snapshot.is_read = read_call_memory({.table = table_, .listener = listener_, .reader = reader_},
                                        notification, snapshot.pointers, snapshot.data);
    return snapshot;
  }
  void use_children() { reader_ = Reader::child; }

 private:
  Reader reader_ = Reader::this_thread;
  const ReadTable table_ = table_of_mount();
  Listener listener_{.fd = {},
                     .id_valid_request = 0,
                     .token = 1,
                     .reads = set_of_mount(),
                     .registry = {},
                     .failure = {},
                     .first_process = {}};
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

constexpr Case kCases[] = {
    {"read_call_memory: a call that no handler wants read is not read", reads_only_what_is_wanted},
    {"K19: read_call_memory: a call that nobody knows is not read", reads_nothing_of_unknown_calls},
    {"read_call_memory: each pointer is read by its kind", reads_each_pointer_by_its_kind},
    {"K18: read_call_memory: NULL is no empty string", tells_null_from_empty},
    {"M1: read_call_memory: there is room for the longest strings", has_room_for_the_longest},
    {"M2: read_call_memory: errors are those of the kernel", has_the_errors_of_the_kernel},
    {"K19: read_call_memory: pointers of 32-bit programs have 32 bits",
     has_short_pointers_for_short_programs},
    {"M2: read_call_memory: children read alike", reads_the_same_with_children},
    {"hash_of: calls that say the same have one hash", hashes_the_same_alike},
    {"hash_of: calls that say something else have another hash", hashes_others_otherwise},
    {"hash_of: each byte counts", hashes_each_byte}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
