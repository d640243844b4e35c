// SPDX-License-Identifier: Apache-2.0
// Tests what is kept of users whose files are closed.
#include "process/users_closing.h"

#include <sys/eventfd.h>
#include <sys/stat.h>

#include <utility>
#include <vector>

#include "check.h"
#include "kernel/clock.h"

namespace seccompagent::test {
namespace {

std::vector<UniqueFd> files(std::size_t count) {
  std::vector<UniqueFd> all;
  for (std::size_t at = 0; at < count; ++at) all.emplace_back(eventfd(0, EFD_CLOEXEC));
  return all;
}

void keeps_nothing_of_whose_files_are_closed() {
  UsersClosing closing;
  std::vector<int> numbers;
  for (uid_t user = 1; user <= 100; ++user) {
    std::vector<UniqueFd> some = files(3);
    for (const UniqueFd& fd : some) numbers.push_back(fd.get());
    closing.close(user, std::move(some));
    closing.close(user, files(1));
  }
  const Nanoseconds end = now() + 60 * kSecond;
  while (closing.user_count() != 0) {
    CHECK(now() < end);
    pause_for(kMillisecond);
  }
  struct stat found;
  for (const int number : numbers) CHECK_EQUAL(fstat(number, &found), -1);
}

constexpr Case kCases[] = {{"UsersClosing: nothing is kept of users whose files are closed",
                            keeps_nothing_of_whose_files_are_closed}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
