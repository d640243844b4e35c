// SPDX-License-Identifier: Apache-2.0
// Tests reads of a caller's memory, on the test's own.
#include "memory.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "check.h"
#include "clock.h"

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

Result<std::string> string_at(const char* pointer, std::size_t room = kPathMax,
                              Reader reader = Reader::this_thread) {
  Buffer buffer = {};
  const auto length = read_string(getpid(), address_of(pointer), std::span(buffer).first(room),
                                  Errno{ENAMETOOLONG}, reader);
  if (!length) return std::unexpected(length.error());
  CHECK(*length < room);
  return std::string(reinterpret_cast<const char*>(buffer.data()), *length);
}

Result<std::string> data_at(const char* pointer, std::size_t room = kPathMax,
                            Reader reader = Reader::this_thread) {
  Buffer buffer = {};
  const auto length =
      read_mount_data(getpid(), address_of(pointer), std::span(buffer).first(room), reader);
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

void check_same(const Result<std::string>& by_child, const Result<std::string>& direct) {
  CHECK_EQUAL(by_child.has_value(), direct.has_value());
  if (direct) CHECK_EQUAL(*by_child, *direct);
  if (!direct) CHECK_EQUAL(by_child.error(), direct.error());
}

// Whatever is there, a child reads the same.
void check_child_reads(const char* pointer, std::size_t room = kPathMax) {
  check_same(string_at(pointer, room, Reader::child), string_at(pointer, room));
  check_same(data_at(pointer, room, Reader::child), data_at(pointer, room));
}

void reads_in_a_child_as_in_itself() {
  const Pages pages(3);
  for (const std::size_t start : {2 * kPage, 2 * kPage + 1, 2 * kPage - 255, 2 * kPage - 256}) {
    for (const std::size_t length : {0UL, 255UL, 256UL, 257UL, 4094UL, 4095UL, 4096UL}) {
      char* from = pages.before_end(start);
      from[length] = '\0';
      check_child_reads(from);
      from[length] = 'x';
    }
  }
  check_child_reads(pages.before_end(3 * kPage));
  check_child_reads(pages.before_end(2 * kPage), 10);
  check_child_reads(pages.before_end(2 * kPage), 0);
}

void faults_in_a_child_as_in_itself() {
  const Pages pages(2);
  for (const std::size_t bytes : {0UL, 1UL, 7UL, kPage - 1, kPage + 3})
    check_child_reads(pages.before_end(bytes));
  check_child_reads(nullptr);
  for (const std::uint64_t address : {~0ULL, 0xffff800000000000ULL, 0x7fffffffffffULL, 1ULL})
    check_child_reads(reinterpret_cast<const char*>(address));
  CHECK_EQUAL(mprotect(pages.before_end(kPage), kPage, PROT_NONE), 0);
  check_child_reads(pages.before_end(kPage + 4));
}

void says_in_a_child_who_is_gone() {
  const Pages pages(1);
  Buffer buffer = {};
  const std::uint64_t address = address_of(pages.before_end(1));
  CHECK_EQUAL(ERROR(read_string(0x7fffffff, address, buffer, Errno{ENAMETOOLONG}, Reader::child)),
              Errno{ESRCH});
}

// A process that has two pages: one with a string that does not end there, and one that nobody ever
// fills, as a page of a file system may be that never answers.
class StuckProcess {
 public:
  StuckProcess() : pages_(2) {
    int ready[2];
    CHECK_EQUAL(pipe2(ready, O_CLOEXEC), 0);
    pid_ = fork();
    CHECK(pid_ != -1);
    if (pid_ == 0) {
      hold_last_page();
      CHECK_EQUAL(write(ready[1], "", 1), 1L);
      for (;;) pause();
    }
    close(ready[1]);
    char byte;
    CHECK_EQUAL(read(ready[0], &byte, 1), 1L);
    close(ready[0]);
  }
  StuckProcess(const StuckProcess&) = delete;
  StuckProcess& operator=(const StuckProcess&) = delete;
  ~StuckProcess() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::uint64_t before_stuck(std::size_t bytes) const {
    return address_of(pages_.before_end(kPage + bytes));
  }

 private:
  // See userfaultfd(2): whoever touches the page waits for us.
  void hold_last_page() const {
    char* page = pages_.before_end(kPage);
    CHECK_EQUAL(madvise(page, kPage, MADV_DONTNEED), 0);
    const int fd = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC));
    CHECK(fd != -1);
    uffdio_api api = {};
    api.api = UFFD_API;
    CHECK_EQUAL(ioctl(fd, UFFDIO_API, &api), 0);
    uffdio_register range = {};
    range.range = {.start = address_of(page), .len = kPage};
    range.mode = UFFDIO_REGISTER_MODE_MISSING;
    CHECK_EQUAL(ioctl(fd, UFFDIO_REGISTER, &range), 0);
  }

  Pages pages_;
  pid_t pid_ = 0;
};

// What a read comes to that meets a page which is never there.
template <typename Read>
void check_gives_up(Read read, Nanoseconds deadline = kSecond) {
  const Nanoseconds start = now();
  CHECK_EQUAL(ERROR(read()), Errno{ETIMEDOUT});
  const Nanoseconds took = now() - start;
  CHECK(took >= deadline * 9 / 10);
  CHECK(took < deadline + 2 * kSecond);
  // of those that end without a signal, as readers do, none is left
  CHECK_EQUAL(waitpid(-1, nullptr, __WCLONE | WNOHANG), -1);
}

void gives_up_strings() {
  const StuckProcess stuck;
  Buffer buffer = {};
  check_gives_up([&] {
    return read_string(stuck.pid(), stuck.before_stuck(0), buffer, Errno{ENAMETOOLONG},
                       Reader::child);
  });
  check_gives_up([&] {
    return read_string(stuck.pid(), stuck.before_stuck(100), buffer, Errno{ENAMETOOLONG},
                       Reader::child);
  });
}

void gives_up_mount_data() {
  const StuckProcess stuck;
  Buffer buffer = {};
  check_gives_up(
      [&] { return read_mount_data(stuck.pid(), stuck.before_stuck(0), buffer, Reader::child); });
  check_gives_up(
      [&] { return read_mount_data(stuck.pid(), stuck.before_stuck(100), buffer, Reader::child); });
}

void gives_up_soon() {
  constexpr Nanoseconds kSoon = 50 * kMillisecond;
  const StuckProcess stuck;
  Buffer buffer = {};
  check_gives_up(
      [&] {
        return read_string(stuck.pid(), stuck.before_stuck(0), buffer, Errno{ENAMETOOLONG},
                           Reader::hasty_child);
      },
      kSoon);
}

void reads_what_is_there_of_the_stuck() {
  const StuckProcess stuck;
  Buffer buffer = {};
  // it never comes to the other page
  const auto room = std::span(buffer).first(100);
  CHECK_EQUAL(ERROR(read_string(stuck.pid(), stuck.before_stuck(100), room, Errno{ENAMETOOLONG},
                                Reader::child)),
              Errno{ENAMETOOLONG});
  CHECK(buffer[99] == std::byte{'x'});
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
    {"read_mount_data: bytes are left as they are", leaves_binary_mount_data},
    {"M2: Reader: a child reads what this thread reads", reads_in_a_child_as_in_itself},
    {"M2: Reader: a child faults where this thread does", faults_in_a_child_as_in_itself},
    {"Reader: a child says who is gone", says_in_a_child_who_is_gone},
    {"A5: Reader: a child that a page holds is ended after a second: strings", gives_up_strings},
    {"A5: Reader: a child that a page holds is ended after a second: mount data",
     gives_up_mount_data},
    {"A5: Reader: a hasty child that a page holds is ended at once", gives_up_soon},
    {"Reader: a page that is not read holds nobody", reads_what_is_there_of_the_stuck}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
