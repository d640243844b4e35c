// SPDX-License-Identifier: Apache-2.0
#include "callers_fd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "check.h"
#include "clock.h"
#include "ending_children.h"

namespace seccompagent::test {
namespace {

constexpr std::uint32_t kToken = 4;

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
  const CallersFd file(regular_file(), kToken);
  const int fd = file.get();
  const int other = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  CHECK(is_open(other));
  {
    const CallersFd closed(UniqueFd(other), kToken);
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
  int ends[2];
  CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd writing(ends[1]);
  const UniqueFd file = regular_file();
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  for (const int fd : {ends[0], open("/", O_RDONLY | O_CLOEXEC), open("/", O_PATH | O_CLOEXEC),
                       open(path.c_str(), O_PATH | O_CLOEXEC)}) {
    CHECK(fd != -1);
    {
      const CallersFd closed(UniqueFd(fd), kToken);
    }
    CHECK(!is_open(fd));
  }
  CHECK_EQUAL(EndingChildren::of_process().count(), 0UL);
}

void moves() {
  CallersFd first(regular_file(), kToken);
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
    {"CallersFd: a move takes the descriptor along", moves}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
