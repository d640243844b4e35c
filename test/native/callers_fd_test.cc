// SPDX-License-Identifier: Apache-2.0
#include "process/callers_fd.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>
#include <utility>

#include "check.h"
#include "hanging_children.h"
#include "kernel/clock.h"
#include "process/ending_children.h"

namespace seccompagent::test {
namespace {

constexpr Payer kPayer = 4;

bool is_open(int fd) { return fcntl(fd, F_GETFD) != -1; }

UniqueFd regular_file() {
  UniqueFd file(memfd_create("file", MFD_CLOEXEC));
  CHECK(file.is_open());
  return file;
}

void wait_until_closed(int fd) {
  const Nanoseconds start = now();
  while (is_open(fd)) {
    CHECK(now() - start < 20 * kSecond);
    pause_for(kMillisecond);
  }
}

void has_a_child_close_a_file() {
  EndingChildren& ending = EndingChildren::of_process();
  const CallersFd file(regular_file(), kPayer);
  const int fd = file.get();
  const int other = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  CHECK(is_open(other));
  {
    const CallersFd closed(UniqueFd(other), kPayer);
  }
  // nobody was started who would wait for it
  CHECK_EQUAL(ending.count(), 1UL);
  CHECK(is_open(fd));
  wait_until_closed(other);
  ending.start();
  const Nanoseconds start = now();
  while (ending.count() > 0) {
    CHECK(now() - start < 20 * kSecond);
    pause_for(kMillisecond);
  }
  CHECK_EQUAL(waitpid(-1, nullptr, __WALL | WNOHANG), -1);
}

void closes_what_nobody_flushes_itself() {
  const UniqueFd file = regular_file();
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  for (const int fd : {open("/", O_PATH | O_CLOEXEC), open(path.c_str(), O_PATH | O_CLOEXEC)}) {
    CHECK(fd != -1);
    {
      const CallersFd closed(UniqueFd(fd), kPayer);
    }
    CHECK(!is_open(fd));
  }
  CHECK_EQUAL(EndingChildren::of_process().count(), 0UL);
}

void closes_at_once_what_it_is_told() {
  const UniqueFd file = regular_file();
  const int other = fcntl(file.get(), F_DUPFD_CLOEXEC, 0);
  {
    CallersFd first(UniqueFd(other), kPayer, Flush::none);
    const CallersFd closed(std::move(first));
    CHECK(is_open(other));
  }
  CHECK(!is_open(other));
  CHECK_EQUAL(EndingChildren::of_process().count(), 0UL);
}

struct Connection {
  UniqueFd near;
  UniqueFd far;
};

[[nodiscard]] Connection connection() {
  const UniqueFd listening(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  CHECK_EQUAL(bind(listening.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  CHECK_EQUAL(listen(listening.get(), 1), 0);
  CHECK_EQUAL(getsockname(listening.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  Connection made = {.near = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), .far = {}};
  CHECK_EQUAL(connect(made.near.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  made.far.reset(accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
  CHECK(made.far.is_open());
  return made;
}

// A writer has its lock while its memory is read: see userfaultfd(2).
void does_not_wait_for_a_pipe(Flush flush) {
  const UniqueFd faults(static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC)));
  CHECK(faults.is_open());
  uffdio_api api = {.api = UFFD_API, .features = 0, .ioctls = 0};
  CHECK_EQUAL(ioctl(faults.get(), UFFDIO_API, &api), 0);
  constexpr std::size_t kPage = 4096;
  void* const page =
      mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(page != MAP_FAILED);
  uffdio_register wanted = {
      .range = {.start = reinterpret_cast<std::uintptr_t>(page), .len = kPage},
      .mode = UFFDIO_REGISTER_MODE_MISSING,
      .ioctls = 0};
  CHECK_EQUAL(ioctl(faults.get(), UFFDIO_REGISTER, &wanted), 0);
  int ends[2];
  CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
  // once nobody reads
  signal(SIGPIPE, SIG_IGN);
  std::thread writer([&] { (void)!write(ends[1], page, kPage); });
  pollfd fault = {.fd = faults.get(), .events = POLLIN, .revents = 0};
  CHECK_EQUAL(poll(&fault, 1, 20'000), 1);
  const Nanoseconds start = now();
  {
    const CallersFd closed(UniqueFd(ends[0]), kPayer, flush);
  }
  CHECK(now() - start < 10 * kSecond);
  CHECK_EQUAL(EndingChildren::of_process().count(), 1UL);
  CHECK_EQUAL(ioctl(faults.get(), UFFDIO_UNREGISTER, &wanted.range), 0);
  writer.join();
  close(ends[1]);
  EndingChildren::of_process().start();
  while (EndingChildren::of_process().count() > 0) {
    CHECK(now() - start < 20 * kSecond);
    pause_for(kMillisecond);
  }
  CHECK(!is_open(ends[0]));
}

void does_not_wait_for_pipes() {
  does_not_wait_for_a_pipe(Flush::unknown);
  // as helpers say of FIFOs, which nobody flushes
  does_not_wait_for_a_pipe(Flush::none);
}

// One that waits until what it has to send has arrived, which nobody reads.
void does_not_wait_for_a_socket() {
  Connection lingering = connection();
  const linger long_time = {.l_onoff = 1, .l_linger = 1000};
  CHECK_EQUAL(setsockopt(lingering.near.get(), SOL_SOCKET, SO_LINGER, &long_time, sizeof long_time),
              0);
  const std::array<char, 4096> bytes = {};
  while (send(lingering.near.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) {
  }
  const Nanoseconds start = now();
  {
    const CallersFd closed(std::move(lingering.near), kPayer);
  }
  CHECK(now() - start < 10 * kSecond);
  CHECK_EQUAL(EndingChildren::of_process().count(), 1UL);
  // the child ends once this end is gone
  lingering.far.reset();
  EndingChildren::of_process().start();
  while (EndingChildren::of_process().count() > 0) {
    CHECK(now() - start < 20 * kSecond);
    pause_for(kMillisecond);
  }
}

// Nobody ever closes it in place of one: what hangs would not end then either.
void stays_open_where_too_many_hang() {
  let_too_many_hang(kPayer);
  const UniqueFd file = regular_file();
  const int other = fcntl(file.get(), F_DUPFD_CLOEXEC, 0);
  {
    const CallersFd closed(UniqueFd(other), kPayer);
  }
  pause_for(50 * kMillisecond);
  CHECK(is_open(other));
}

void moves() {
  CallersFd first(regular_file(), kPayer);
  const int fd = first.get();
  CallersFd second(std::move(first));
  CHECK_EQUAL(second.get(), fd);
  CallersFd third;
  CHECK(!third.is_open());
  third = std::move(second);
  CHECK_EQUAL(third.get(), fd);
  CHECK_EQUAL(EndingChildren::of_process().count(), 0UL);
}

constexpr Case kCases[] = {
    {"A5: CallersFd: a child closes a file", has_a_child_close_a_file},
    {"CallersFd: what nobody flushes is closed at once", closes_what_nobody_flushes_itself},
    {"A19: CallersFd: a file whose file system nobody has to ask is closed at once",
     closes_at_once_what_it_is_told},
    {"A5: CallersFd: nobody waits for a writer of a pipe", does_not_wait_for_pipes},
    {"A5: CallersFd: nobody waits for a socket that lingers", does_not_wait_for_a_socket},
    {"A5: CallersFd: of a container too many of whose children hang, it stays open",
     stays_open_where_too_many_hang},
    {"CallersFd: a move takes the descriptor along", moves}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
