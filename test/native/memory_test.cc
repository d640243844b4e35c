// SPDX-License-Identifier: Apache-2.0
// Tests reads of a caller's memory, on the test's own.
#include "memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "check.h"

namespace seccompagent::test {
namespace {

constexpr std::size_t kPage = 4096;

// Pages that are there, and one behind them that is not.
class Pages {
 public:
  explicit Pages(std::size_t count) : size_(count * kPage) {
    base_ = static_cast<char*>(
        mmap(nullptr, size_ + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK(base_ != MAP_FAILED);
    CHECK_EQUAL(munmap(base_ + size_, kPage), 0);
    std::memset(base_, 'x', size_);
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages() { munmap(base_, size_); }

  // The address so many bytes before the end of what is there.
  [[nodiscard]] char* before_end(std::size_t bytes) const { return base_ + size_ - bytes; }

 private:
  std::size_t size_;
  char* base_;
};

std::uint64_t address_of(const char* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }

using Buffer = std::array<std::byte, kPathMax>;

Result<std::string> string_at(const char* pointer, std::size_t room = kPathMax) {
  Buffer buffer = {};
  const auto length = read_string(getpid(), address_of(pointer), std::span(buffer).first(room),
                                  Errno{ENAMETOOLONG});
  if (!length) return std::unexpected(length.error());
  CHECK(*length < room);
  return std::string(reinterpret_cast<const char*>(buffer.data()), *length);
}

Result<std::string> data_at(const char* pointer, std::size_t room = kPathMax) {
  Buffer buffer = {};
  const auto length = read_mount_data(getpid(), address_of(pointer), std::span(buffer).first(room));
  if (!length) return std::unexpected(length.error());
  CHECK(*length <= room);
  return std::string(reinterpret_cast<const char*>(buffer.data()), *length);
}

void reads_strings_of_each_length() {
  const Pages pages(2);
  for (std::size_t length = 0; length < kPathMax; ++length) {
    char* start = pages.before_end(length + 1);
    pages.before_end(1)[0] = '\0';
    CHECK_EQUAL(VALUE(string_at(start)).size(), length);
  }
}

void reads_across_pages() {
  const Pages pages(3);
  // a NUL at, before and behind each edge that the chunks of a read have
  for (const std::size_t start : {2 * kPage, 2 * kPage + 1, 2 * kPage - 255, 2 * kPage - 256}) {
    for (const std::size_t length : {255UL, 256UL, 257UL, 4094UL, 4095UL}) {
      char* from = pages.before_end(start);
      from[length] = '\0';
      CHECK_EQUAL(VALUE(string_at(from)), std::string(length, 'x'));
      from[length] = 'x';
    }
  }
}

void refuses_strings_that_are_too_long() {
  const Pages pages(3);
  char* start = pages.before_end(2 * kPage + 100);
  start[4095] = '\0';
  CHECK_EQUAL(VALUE(string_at(start)).size(), 4095UL);
  start[4095] = 'x';
  start[4096] = '\0';
  CHECK_EQUAL(ERROR(string_at(start)), Errno{ENAMETOOLONG});
  Buffer buffer = {};
  CHECK_EQUAL(ERROR(read_string(getpid(), address_of(start), buffer, Errno{EINVAL})),
              Errno{EINVAL});
}

void faults_where_the_string_runs_out() {
  const Pages pages(1);
  CHECK_EQUAL(ERROR(string_at(pages.before_end(1))), Errno{EFAULT});
  CHECK_EQUAL(ERROR(string_at(pages.before_end(kPage - 1))), Errno{EFAULT});
  CHECK_EQUAL(ERROR(string_at(pages.before_end(0))), Errno{EFAULT});
  CHECK_EQUAL(ERROR(string_at(nullptr)), Errno{EFAULT});
}

void prefers_too_long_to_a_fault() {
  // 4096 bytes without a NUL are there, so the kernel never looks further
  const Pages pages(1);
  Buffer buffer = {};
  const auto read =
      read_string(getpid(), address_of(pages.before_end(kPage)), buffer, Errno{ENAMETOOLONG});
  CHECK_EQUAL(ERROR(read), Errno{ENAMETOOLONG});
}

void faults_at_the_ends_of_the_address_space() {
  Buffer buffer = {};
  for (const std::uint64_t address : {~0ULL, ~0ULL - 4095, 0xffff800000000000ULL, 0x7fffffffffffULL,
                                      0x00007ffffffff000ULL, 1ULL}) {
    CHECK_EQUAL(ERROR(read_string(getpid(), address, buffer, Errno{ENAMETOOLONG})), Errno{EFAULT});
    CHECK_EQUAL(ERROR(read_mount_data(getpid(), address, buffer)), Errno{EFAULT});
  }
}

void faults_without_permission() {
  const Pages pages(2);
  CHECK_EQUAL(mprotect(pages.before_end(kPage), kPage, PROT_NONE), 0);
  CHECK_EQUAL(ERROR(string_at(pages.before_end(kPage + 4))), Errno{EFAULT});
  pages.before_end(kPage + 1)[0] = '\0';
  CHECK_EQUAL(VALUE(string_at(pages.before_end(kPage + 4))), "xxx");
}

void writes_no_more_than_its_room() {
  const Pages pages(2);
  Buffer buffer = {};
  const auto read = read_string(getpid(), address_of(pages.before_end(kPage)),
                                std::span(buffer).first(10), Errno{ENAMETOOLONG});
  CHECK_EQUAL(ERROR(read), Errno{ENAMETOOLONG});
  CHECK(buffer[9] == std::byte{'x'});
  CHECK(buffer[10] == std::byte{0});
  CHECK_EQUAL(ERROR(string_at(pages.before_end(kPage), 0)), Errno{ENAMETOOLONG});
}

void says_who_is_gone() {
  Buffer buffer = {};
  const Pages pages(1);
  const std::uint64_t address = address_of(pages.before_end(1));
  // more than any pid can be
  CHECK_EQUAL(ERROR(read_string(0x7fffffff, address, buffer, Errno{ENAMETOOLONG})), Errno{ESRCH});
  CHECK_EQUAL(ERROR(read_mount_data(0x7fffffff, address, buffer)), Errno{ESRCH});
}

void reads_mount_data_to_the_first_nul() {
  const Pages pages(2);
  std::memcpy(pages.before_end(100), "mode=755", 9);
  CHECK_EQUAL(VALUE(data_at(pages.before_end(100))), "mode=755");
  std::memcpy(pages.before_end(kPage + 4), "mode=755", 9);
  CHECK_EQUAL(VALUE(data_at(pages.before_end(kPage + 4))), "mode=755");
  pages.before_end(50)[0] = '\0';
  CHECK_EQUAL(VALUE(data_at(pages.before_end(50))), "");
}

void reads_as_much_mount_data_as_is_there() {
  const Pages pages(1);
  CHECK_EQUAL(VALUE(data_at(pages.before_end(7))), "xxxxxxx");
  CHECK_EQUAL(VALUE(data_at(pages.before_end(1))), "x");
  CHECK_EQUAL(ERROR(data_at(pages.before_end(0))), Errno{EFAULT});
  CHECK_EQUAL(ERROR(data_at(nullptr)), Errno{EFAULT});
}

void cuts_mount_data_at_a_page() {
  const Pages pages(3);
  // the kernel puts a NUL into the last byte of the page that it copied to
  CHECK_EQUAL(VALUE(data_at(pages.before_end(3 * kPage))).size(), 4095UL);
  CHECK_EQUAL(VALUE(data_at(pages.before_end(2 * kPage + 17))).size(), 4095UL);
  pages.before_end(3 * kPage)[4095] = '\0';
  CHECK_EQUAL(VALUE(data_at(pages.before_end(3 * kPage))).size(), 4095UL);
}

void leaves_binary_mount_data() {
  const Pages pages(1);
  const char bytes[] = "\xff\x01\n=,";
  std::memcpy(pages.before_end(100), bytes, sizeof bytes);
  CHECK_EQUAL(VALUE(data_at(pages.before_end(100))), "\xff\x01\n=,");
}

constexpr Case kCases[] = {
    {"M2: read_string: each length up to the end of a page is read", reads_strings_of_each_length},
    {"M2: read_string: strings across pages are read", reads_across_pages},
    {"M2: read_string: 4095 bytes are a path, 4096 are too long",
     refuses_strings_that_are_too_long},
    {"M2: read_string: a string that runs out of the memory is a fault",
     faults_where_the_string_runs_out},
    {"M2: read_string: too long comes before a fault behind it", prefers_too_long_to_a_fault},
    {"M2: read_string: the ends of the address space are faults",
     faults_at_the_ends_of_the_address_space},
    {"M2: read_string: memory without permission is a fault", faults_without_permission},
    {"M1: read_string: no more is written than there is room", writes_no_more_than_its_room},
    {"read_string: a caller that is gone is named so", says_who_is_gone},
    {"M2: read_mount_data: it ends at the first NUL", reads_mount_data_to_the_first_nul},
    {"M2: read_mount_data: as much as is there is read", reads_as_much_mount_data_as_is_there},
    {"M1: read_mount_data: it ends with a page", cuts_mount_data_at_a_page},
    {"read_mount_data: bytes are left as they are", leaves_binary_mount_data}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
