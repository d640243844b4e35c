// SPDX-License-Identifier: Apache-2.0
#include "process/watch_user.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cstring>
#include <thread>

#include "check.h"

namespace seccompagent::test {
namespace {

// All of a thread that a change of users could take along.
struct Rights {
  std::array<uid_t, 3> users = {};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> capabilities = {};
  int is_dumpable = 0;
  int parents_signal = 0;
};

Rights rights() {
  Rights own;
  CHECK_EQUAL(getresuid(&own.users[0], &own.users[1], &own.users[2]), 0);
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  CHECK_EQUAL(syscall(SYS_capget, &header, own.capabilities.data()), 0);
  own.is_dumpable = prctl(PR_GET_DUMPABLE);
  CHECK_EQUAL(prctl(PR_GET_PDEATHSIG, &own.parents_signal), 0);
  return own;
}

void check_same_power(const Rights& before, const Rights& after) {
  CHECK_EQUAL(after.users[1], before.users[1]);
  CHECK_EQUAL(after.users[2], before.users[2]);
  CHECK(std::memcmp(&after.capabilities, &before.capabilities, sizeof after.capabilities) == 0);
  CHECK_EQUAL(after.is_dumpable, before.is_dumpable);
  CHECK_EQUAL(after.parents_signal, before.parents_signal);
}

void changes_the_real_user_alone() {
  CHECK_EQUAL(prctl(PR_SET_PDEATHSIG, SIGTERM), 0);
  const Rights before = rights();
  CHECK_EQUAL(before.users[0], 0U);
  become_watch_user();
  const Rights meanwhile = rights();
  check_same_power(before, meanwhile);
  // nobody else is that user
  CHECK(meanwhile.users[0] >= 1U << 31);
  CHECK(meanwhile.users[0] != static_cast<uid_t>(-1));
  leave_watch_user();
  const Rights after = rights();
  check_same_power(before, after);
  CHECK_EQUAL(after.users[0], 0U);
}

void is_inherited_by_threads_until_they_leave() {
  become_watch_user();
  std::thread thread([] {
    CHECK(getuid() != 0);
    leave_watch_user();
    CHECK_EQUAL(getuid(), 0U);
  });
  // of this thread alone
  leave_watch_user();
  CHECK_EQUAL(getuid(), 0U);
  thread.join();
}

void moves_what_is_watched() {
  const UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  const UniqueFd many(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
  const UniqueFd later(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_event often = {.events = EPOLLIN, .data = {.u64 = 0x123456789abcdef0}};
  epoll_event once = {.events = EPOLLIN | EPOLLONESHOT, .data = {.u64 = ~0ULL}};
  CHECK_EQUAL(epoll_ctl(epoll.get(), EPOLL_CTL_ADD, many.get(), &often), 0);
  CHECK_EQUAL(epoll_ctl(epoll.get(), EPOLL_CTL_ADD, later.get(), &once), 0);

  VALUE(own_epolls());
  CHECK_EQUAL(getuid(), 0U);
  CHECK_EQUAL(fcntl(epoll.get(), F_GETFD), FD_CLOEXEC);
  std::array<epoll_event, 4> events = {};
  CHECK_EQUAL(epoll_wait(epoll.get(), events.data(), 4, 0), 1);
  CHECK_EQUAL(events[0].data.u64, often.data.u64);
  CHECK_EQUAL(eventfd_write(later.get(), 1), 0);
  CHECK_EQUAL(epoll_wait(epoll.get(), events.data(), 4, 0), 2);
  CHECK_EQUAL(epoll_wait(epoll.get(), events.data(), 4, 0), 1);
  CHECK_EQUAL(epoll_ctl(epoll.get(), EPOLL_CTL_DEL, many.get(), nullptr), 0);
  CHECK_EQUAL(epoll_wait(epoll.get(), events.data(), 4, 0), 0);
}

void refuses_without_the_right() {
  constexpr uid_t kUser = 64'321;
  CHECK_EQUAL(setresuid(kUser, kUser, kUser), 0);
  const UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  CHECK_EQUAL(ERROR(own_epolls()), Errno{EPERM});
  CHECK(VALUE(make_epoll()).is_open());
  become_watch_user();
  CHECK_EQUAL(getuid(), kUser);
  leave_watch_user();
  CHECK_EQUAL(getuid(), kUser);
}

constexpr Case kCases[] = {
    {"watch user: the real user changes, and no right of the thread with it",
     changes_the_real_user_alone},
    {"watch user: threads have it until they leave it", is_inherited_by_threads_until_they_leave},
    {"watch user: instances that are made anew watch the same", moves_what_is_watched},
    {"watch user: where it is refused, all stays as it was", refuses_without_the_right}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
