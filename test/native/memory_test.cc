// SPDX-License-Identifier: Apache-2.0
// Tests reads of a caller's memory, on the test's own, and writes, on that of others.
#include "caller/memory.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "check.h"
#include "hanging_children.h"
#include "kernel/clock.h"
#include "kernel/unique_fd.h"
#include "process/child_starter.h"
#include "sleeper.h"

namespace seccompagent::test {
namespace {

constexpr Reader kByChild = {.by = ReadBy::child};
constexpr Reader kByHastyChild = {.by = ReadBy::hasty_child};

constexpr std::size_t kPage = 4096;

// Those of arm64 may be larger.
std::size_t kernel_page() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

// Memory for so many of kPage at least, and a page behind it that is not there.
class Pages {
 public:
  explicit Pages(std::size_t count)
      : size_((count * kPage + kernel_page() - 1) / kernel_page() * kernel_page()) {
    base_ = static_cast<char*>(mmap(nullptr, size_ + kernel_page(), PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK(base_ != MAP_FAILED);
    CHECK_EQUAL(munmap(base_ + size_, kernel_page()), 0);
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
                              Reader reader = {}) {
  Buffer buffer = {};
  const auto length = read_string(getpid(), address_of(pointer), std::span(buffer).first(room),
                                  Errno{ENAMETOOLONG}, reader);
  if (!length) return std::unexpected(length.error());
  CHECK(*length < room);
  return std::string(reinterpret_cast<const char*>(buffer.data()), *length);
}

Result<std::string> data_at(const char* pointer, std::size_t room = kPathMax, Reader reader = {}) {
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

// Since Linux 6.11.
bool kernel_has_map_query() {
  const UniqueFd maps(open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
  std::array<std::uint64_t, 13> query = {sizeof query};
  return ioctl(maps.get(), _IOWR('f', 17, decltype(query)), &query) == 0 || errno != ENOTTY;
}

void reads_what_the_kernel_reads() {
  const Pages pages(1);
  char* const path = pages.before_end(8);
  std::strcpy(path, "/none/a");
  char* const page = pages.before_end(kernel_page());
  for (const int rights : {PROT_WRITE, PROT_EXEC, PROT_WRITE | PROT_EXEC, PROT_NONE}) {
    CHECK_EQUAL(mprotect(page, kernel_page(), rights), 0);
    const bool is_fault = (access(path, F_OK) == -1 && errno == EFAULT) || !kernel_has_map_query();
    for (const Reader reader : {Reader{}, kByChild}) {
      const auto text = string_at(path, kPathMax, reader);
      if (is_fault) CHECK_EQUAL(ERROR(text), Errno{EFAULT});
      if (!is_fault) CHECK_EQUAL(VALUE(text), "/none/a");
    }
  }
  CHECK_EQUAL(mprotect(page, kernel_page(), PROT_READ | PROT_WRITE), 0);
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
  if (kernel_page() > kPage) {
    // it is cut later there than we read
    CHECK_EQUAL(ERROR(data_at(pages.before_end(3 * kPage))), Errno{E2BIG});
    pages.before_end(3 * kPage)[4095] = '\0';
    CHECK_EQUAL(VALUE(data_at(pages.before_end(3 * kPage))).size(), 4095UL);
    return;
  }
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
  check_same(string_at(pointer, room, kByChild), string_at(pointer, room));
  check_same(data_at(pointer, room, kByChild), data_at(pointer, room));
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
  CHECK_EQUAL(ERROR(read_string(0x7fffffff, address, buffer, Errno{ENAMETOOLONG}, kByChild)),
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

// Result of a read that meets a page which is never there.
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
    return read_string(stuck.pid(), stuck.before_stuck(0), buffer, Errno{ENAMETOOLONG}, kByChild);
  });
  check_gives_up([&] {
    return read_string(stuck.pid(), stuck.before_stuck(100), buffer, Errno{ENAMETOOLONG}, kByChild);
  });
}

void gives_up_mount_data() {
  const StuckProcess stuck;
  Buffer buffer = {};
  check_gives_up(
      [&] { return read_mount_data(stuck.pid(), stuck.before_stuck(0), buffer, kByChild); });
  check_gives_up(
      [&] { return read_mount_data(stuck.pid(), stuck.before_stuck(100), buffer, kByChild); });
}

// Of whose container so many hang already, it is not even begun.
void gives_up_at_once() {
  constexpr Reader kOfMany = {.by = ReadBy::child, .payer = 5};
  const StuckProcess stuck;
  Buffer buffer = {};
  const auto read_it = [&] {
    return read_string(stuck.pid(), stuck.before_stuck(100), buffer, Errno{ENAMETOOLONG}, kOfMany);
  };
  let_too_many_hang(kOfMany.payer);
  const Nanoseconds start = now();
  CHECK_EQUAL(ERROR(read_it()), Errno{ETIMEDOUT});
  CHECK(now() - start < kSecond / 2);
}

void gives_up_soon() {
  constexpr Nanoseconds kSoon = 50 * kMillisecond;
  const StuckProcess stuck;
  Buffer buffer = {};
  check_gives_up(
      [&] {
        return read_string(stuck.pid(), stuck.before_stuck(0), buffer, Errno{ENAMETOOLONG},
                           kByHastyChild);
      },
      kSoon);
}

void reads_what_is_there_of_the_stuck() {
  const StuckProcess stuck;
  Buffer buffer = {};
  // it never comes to the other page
  const auto room = std::span(buffer).first(100);
  CHECK_EQUAL(
      ERROR(read_string(stuck.pid(), stuck.before_stuck(100), room, Errno{ENAMETOOLONG}, kByChild)),
      Errno{ENAMETOOLONG});
  CHECK(buffer[99] == std::byte{'x'});
}

Result<void> write_to(
    pid_t pid, const char* pointer, std::string_view text,
    const IsValid& is_valid = [] { return true; }) {
  return write_bytes(pid, address_of(pointer), std::as_bytes(std::span(text)), is_valid);
}

// Whatever the protections are.
std::string memory_of(pid_t pid, const char* pointer, std::size_t size) {
  const std::string path = "/proc/" + std::to_string(pid) + "/mem";
  const UniqueFd mem(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  CHECK(mem.is_open());
  std::string bytes(size, '\0');
  CHECK_EQUAL(pread(mem.get(), bytes.data(), size, static_cast<off_t>(address_of(pointer))),
              static_cast<ssize_t>(size));
  return bytes;
}

void check_refuses_write(pid_t pid, const char* pointer) {
  CHECK_EQUAL(ERROR(write_to(pid, pointer, "abcdefgh")), Errno{EFAULT});
}

void writes_what_is_given() {
  const Pages pages(2);
  const Sleeper target;
  VALUE(write_to(target.pid(), pages.before_end(8), "abcdefgh"));
  CHECK_EQUAL(memory_of(target.pid(), pages.before_end(10), 10), "xxabcdefgh");
  const std::string max(2 * kPage, 'y');
  VALUE(write_to(target.pid(), pages.before_end(2 * kPage), max));
  CHECK_EQUAL(memory_of(target.pid(), pages.before_end(2 * kPage), 2 * kPage), max);
  VALUE(write_to(target.pid(), nullptr, ""));
  // it has a memory of its own
  CHECK_EQUAL(std::string(pages.before_end(2), 2), "xx");
}

void writes_to_no_protected_memory() {
  for (const int rights : {PROT_READ, PROT_NONE, PROT_READ | PROT_EXEC}) {
    const Pages pages(1);
    CHECK_EQUAL(mprotect(pages.before_end(kPage), kPage, rights), 0);
    const Sleeper target;
    check_refuses_write(target.pid(), pages.before_end(kPage));
    check_refuses_write(target.pid(), pages.before_end(8));
    CHECK_EQUAL(memory_of(target.pid(), pages.before_end(kPage), kPage), std::string(kPage, 'x'));
  }
}

void writes_across_mappings() {
  const Pages pages(3);
  // other rights make another mapping
  CHECK_EQUAL(mprotect(pages.before_end(2 * kPage), kPage, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
  CHECK_EQUAL(mprotect(pages.before_end(kPage), kPage, PROT_READ), 0);
  const Sleeper target;
  VALUE(write_to(target.pid(), pages.before_end(2 * kPage + 4), "abcdefgh"));
  CHECK_EQUAL(memory_of(target.pid(), pages.before_end(2 * kPage + 5), 10), "xabcdefghx");
  check_refuses_write(target.pid(), pages.before_end(kPage + 4));
  CHECK_EQUAL(memory_of(target.pid(), pages.before_end(kPage + 4), 8), "xxxxxxxx");
  VALUE(write_to(target.pid(), pages.before_end(kPage + 8), "abcdefgh"));
}

void writes_to_no_gap() {
  const Pages pages(3);
  CHECK_EQUAL(munmap(pages.before_end(2 * kPage), kPage), 0);
  const Sleeper target;
  check_refuses_write(target.pid(), pages.before_end(2 * kPage + 4));
  check_refuses_write(target.pid(), pages.before_end(2 * kPage));
  check_refuses_write(target.pid(), pages.before_end(kPage + 4));
  check_refuses_write(target.pid(), pages.before_end(4));
  const std::string max(3 * kPage, 'y');
  CHECK_EQUAL(ERROR(write_to(target.pid(), pages.before_end(3 * kPage), max)), Errno{EFAULT});
  CHECK_EQUAL(memory_of(target.pid(), pages.before_end(3 * kPage), kPage), std::string(kPage, 'x'));
  CHECK_EQUAL(memory_of(target.pid(), pages.before_end(kPage), kPage), std::string(kPage, 'x'));
  for (const std::uint64_t address : {~0ULL, ~0ULL - 7, 0xffff800000000000ULL, 1ULL, 0ULL})
    check_refuses_write(target.pid(), reinterpret_cast<const char*>(address));
}

void writes_behind_many_mappings() {
  // their lines take more than one read, and end anywhere in it
  constexpr std::size_t kMany = 501;
  const Pages pages(kMany);
  for (std::size_t page = 1; page < kMany; page += 2)
    CHECK_EQUAL(mprotect(pages.before_end((page + 1) * kPage), kPage, PROT_READ), 0);
  const Sleeper target;
  for (std::size_t page = 0; page < kMany; ++page) {
    const char* pointer = pages.before_end((page + 1) * kPage);
    const auto written = write_to(target.pid(), pointer, "abcdefgh");
    CHECK_EQUAL(written.has_value(), page % 2 == 0);
    CHECK_EQUAL(memory_of(target.pid(), pointer, 8), page % 2 == 0 ? "abcdefgh" : "xxxxxxxx");
  }
}

void looks_at_the_lines_of_mappings() {
  refuse_map_query(true);
  writes_to_no_protected_memory();
  writes_across_mappings();
  writes_to_no_gap();
  writes_behind_many_mappings();
  refuse_map_query(false);
}

void writes_for_no_call_that_has_ended() {
  const Pages pages(1);
  Sleeper target;
  CHECK_EQUAL(ERROR(write_to(target.pid(), pages.before_end(8), "abcdefgh", [] { return false; })),
              Errno{ESRCH});
  CHECK_EQUAL(memory_of(target.pid(), pages.before_end(8), 8), "xxxxxxxx");
  const pid_t pid = target.pid();
  const auto end_it = [&] {
    target.end();
    return true;
  };
  CHECK_EQUAL(ERROR(write_to(pid, pages.before_end(8), "abcdefgh", end_it)), Errno{ESRCH});
  CHECK_EQUAL(ERROR(write_to(pid, pages.before_end(8), "abcdefgh")), Errno{ESRCH});
}

void writes_to_no_program_with_the_same_number() {
  const Pages pages(1);
  Sleeper first;
  const pid_t pid = first.pid();
  std::optional<Sleeper> second;
  const auto replace_it = [&] {
    first.end();
    second.emplace(pid);
    return true;
  };
  CHECK_EQUAL(ERROR(write_to(pid, pages.before_end(8), "abcdefgh", replace_it)), Errno{ESRCH});
  CHECK_EQUAL(second->pid(), pid);
  CHECK_EQUAL(memory_of(pid, pages.before_end(8), 8), "xxxxxxxx");
}

// A shell that executes another one when it is told to. Both have their memory at the same places.
class Executor {
 public:
  Executor() {
    int input[2];
    int output[2];
    CHECK_EQUAL(pipe2(input, O_CLOEXEC), 0);
    CHECK_EQUAL(pipe2(output, O_CLOEXEC), 0);
    pid_ = fork();
    CHECK(pid_ != -1);
    if (pid_ == 0) {
      personality(ADDR_NO_RANDOMIZE);
      dup2(input[0], STDIN_FILENO);
      dup2(output[1], STDOUT_FILENO);
      execl("/bin/sh", "sh", "-c", "echo; read x; exec /bin/sh -c 'echo; read x'", nullptr);
      _exit(1);
    }
    close(input[0]);
    close(output[1]);
    input_ = UniqueFd(input[1]);
    output_ = UniqueFd(output[0]);
    wait_for_start();
  }
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  ~Executor() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  void execute() const {
    CHECK_EQUAL(write(input_.get(), "\n", 1), 1L);
    wait_for_start();
  }
  [[nodiscard]] const char* end_of_stack() const {
    std::ifstream maps("/proc/" + std::to_string(pid_) + "/maps");
    for (std::string line; std::getline(maps, line);) {
      if (!line.ends_with("[stack]")) continue;
      return reinterpret_cast<const char*>(
          std::stoull(line.substr(line.find('-') + 1), nullptr, 16));
    }
    return nullptr;
  }

 private:
  void wait_for_start() const {
    char byte;
    CHECK_EQUAL(read(output_.get(), &byte, 1), 1L);
  }

  pid_t pid_ = 0;
  UniqueFd input_;
  UniqueFd output_;
};

void writes_to_no_program_that_was_executed() {
  const Executor target;
  const char* const end = target.end_of_stack();
  CHECK(end != nullptr);
  const char* const place = end - 8;
  VALUE(write_to(target.pid(), place, "abcdefgh"));
  const auto execute = [&] {
    target.execute();
    return true;
  };
  CHECK_EQUAL(ERROR(write_to(target.pid(), place, "abcdefgh", execute)), Errno{ESRCH});
  CHECK(target.end_of_stack() == end);
  CHECK_EQUAL(memory_of(target.pid(), place, 8), std::string(8, '\0'));
  VALUE(write_to(target.pid(), place, "abcdefgh"));
}

constexpr Case kCases[] = {
    {"M2: read_string: each length up to the end of a page is read", reads_strings_of_each_length},
    {"M2: read_string: strings across pages are read", reads_across_pages},
    {"read_string: pages that may be written or executed only are read where the kernel does",
     reads_what_the_kernel_reads},
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
    {"A5: Reader: of a container too many of whose children hang, a child reads nothing",
     gives_up_at_once},
    {"Reader: a page that is not read holds nobody", reads_what_is_there_of_the_stuck},
    {"M4: write_bytes: what is given is written", writes_what_is_given},
    {"M4: write_bytes: what the caller may not write is not written",
     writes_to_no_protected_memory},
    {"M4: write_bytes: a range may span mappings, if all may be written", writes_across_mappings},
    {"M4: write_bytes: nothing is written next to memory that is not there", writes_to_no_gap},
    {"M4: write_bytes: any number of mappings is looked through", writes_behind_many_mappings},
    {"M4: write_bytes: before Linux 6.11, mappings are told by their lines",
     looks_at_the_lines_of_mappings},
    {"M4: write_bytes: a call that has ended is not written for",
     writes_for_no_call_that_has_ended},
    {"K2, M4: write_bytes: who has got the number since is not written to",
     writes_to_no_program_with_the_same_number},
    {"K2, M4: write_bytes: a program that was executed since is not written to",
     writes_to_no_program_that_was_executed}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  VALUE(seccompagent::ChildStarter::of_process().start());
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
