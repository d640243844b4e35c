// SPDX-License-Identifier: Apache-2.0
// Tests reads of lists of strings, on the test's own memory.
#include "caller/string_list.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "check.h"
#include "process/child_starter.h"

namespace seccompagent::test {
namespace {

struct Read {
  bool is_truncated;
  std::vector<std::string> items;
};

std::uint64_t address_of(const void* place) { return reinterpret_cast<std::uint64_t>(place); }

std::uint32_t number_at(std::span<const std::byte> bytes, std::size_t at) {
  std::uint32_t number = 0;
  std::memcpy(&number, &bytes[at], sizeof number);
  return number;
}

Result<Read> read_list(const void* list, bool is_narrow = false, Reader reader = {},
                       std::size_t room = 65536) {
  std::vector<std::byte> out(room);
  const auto size = read_string_list(
      {.tid = getpid(), .address = address_of(list), .is_narrow = is_narrow, .reader = reader},
      out);
  if (!size) return std::unexpected(size.error());
  CHECK(*size <= room);
  Read read = {.is_truncated = number_at(out, 0) != 0, .items = {}};
  for (std::size_t at = 4; at < *size;) {
    const std::size_t length = number_at(out, at);
    read.items.emplace_back(reinterpret_cast<const char*>(&out[at + 4]), length);
    at += 4 + length;
  }
  return read;
}

Result<Read> read_list(const char* const* list, bool is_narrow = false, Reader reader = {},
                       std::size_t room = 65536) {
  return read_list(static_cast<const void*>(list), is_narrow, reader, room);
}

void reads_all() {
  const char* const list[] = {"ls", "", "-l", nullptr};
  for (const ReadBy by : {ReadBy::this_thread, ReadBy::child}) {
    const auto read = VALUE(read_list(list, false, {.by = by}));
    CHECK(!read.is_truncated);
    CHECK(read.items == std::vector<std::string>({"ls", "", "-l"}));
  }
}

void reads_nothing() {
  CHECK(VALUE(read_list(static_cast<const void*>(nullptr))).items.empty());
  const char* const list[] = {nullptr};
  const auto read = VALUE(read_list(list));
  CHECK(read.items.empty() && !read.is_truncated);
}

void reads_pointers_of_32_bits() {
  void* page =
      // an address of 32 bits on every architecture
      mmap(reinterpret_cast<void*>(0x10000000), 4096, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  CHECK(page != MAP_FAILED);
  char* text = static_cast<char*>(page);
  std::memcpy(text, "narrow", 7);
  const auto low = static_cast<std::uint32_t>(address_of(text));
  const std::uint32_t list[] = {low, low, 0, 1};
  const auto read = VALUE(read_list(list, true));
  CHECK(read.items == std::vector<std::string>({"narrow", "narrow"}));
  CHECK_EQUAL(munmap(page, 4096), 0);
}

void cuts_long_strings() {
  const std::string longest(kMaxStringBytes - 1, 'a');
  const std::string longer(kMaxStringBytes + 5, 'b');
  const char* const fits[] = {longest.c_str(), nullptr};
  CHECK(!VALUE(read_list(fits)).is_truncated);
  const char* const list[] = {longer.c_str(), "behind", nullptr};
  const auto read = VALUE(read_list(list));
  CHECK(read.is_truncated);
  CHECK(read.items == std::vector<std::string>({std::string(kMaxStringBytes, 'b'), "behind"}));
}

void counts_strings() {
  std::vector<const char*> list(kMaxStrings, "x");
  list.push_back(nullptr);
  CHECK(!VALUE(read_list(list.data())).is_truncated);
  list.back() = "one more";
  list.push_back(nullptr);
  const auto read = VALUE(read_list(list.data()));
  CHECK(read.is_truncated);
  CHECK_EQUAL(read.items.size(), kMaxStrings);
}

void keeps_to_its_room() {
  const char* const list[] = {"abcdef", "ghi", nullptr};
  const auto whole = VALUE(read_list(list, false, {}, 4 + 4 + 7 + 4 + 4));
  CHECK(!whole.is_truncated);
  const auto cut = VALUE(read_list(list, false, {}, 4 + 4 + 3));
  CHECK(cut.is_truncated);
  CHECK(cut.items == std::vector<std::string>({"abc"}));
  const std::string large(4000, 'c');
  const std::vector<const char*> many(1000, large.c_str());
  CHECK(VALUE(read_list(many.data())).is_truncated);
  CHECK_EQUAL(ERROR(read_list(list, false, {}, 3)), Errno{E2BIG});
}

void says_what_is_not_there() {
  CHECK_EQUAL(ERROR(read_list(reinterpret_cast<const void*>(1))), Errno{EFAULT});
  const char* const list[] = {"a", reinterpret_cast<const char*>(1), nullptr};
  CHECK_EQUAL(ERROR(read_list(list)), Errno{EFAULT});
  // no NULL before the end of what is there
  constexpr std::size_t kPage = 4096;
  char* pages = static_cast<char*>(
      mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  CHECK(pages != MAP_FAILED);
  CHECK_EQUAL(mprotect(pages + kPage, kPage, PROT_NONE), 0);
  const std::uint64_t text = address_of("a");
  char* const last = pages + kPage - sizeof text;
  std::memcpy(last, &text, sizeof text);
  CHECK_EQUAL(ERROR(read_list(static_cast<const void*>(last))), Errno{EFAULT});
  CHECK_EQUAL(munmap(pages, 2 * kPage), 0);
}

void has_one_deadline() {
  const char* const list[] = {"a", "b", nullptr};
  TimeTaken taken;
  CHECK_EQUAL(VALUE(read_list(list, false, {.by = ReadBy::child, .taken = &taken})).items.size(),
              2UL);
  CHECK(taken.age() > 0);
}

constexpr Case kCases[] = {
    {"string list: all strings, by a child as well", reads_all},
    {"string list: NULL, and a list without strings", reads_nothing},
    {"K19: string list: pointers of 32 bits", reads_pointers_of_32_bits},
    {"M1: string list: long strings are cut, which is said", cuts_long_strings},
    {"M7: string list: more strings than are read, which is said", counts_strings},
    {"M1: string list: it keeps to its room", keeps_to_its_room},
    {"M2: string list: a pointer to nothing is a fault", says_what_is_not_there},
    {"A5: string list: all reads take of one deadline", has_one_deadline},
};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  VALUE(seccompagent::ChildStarter::of_process().start());
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
