// SPDX-License-Identifier: Apache-2.0
// See setresuid(2), and proc_pid_fdinfo(5) for what an instance watches.
#include "process/watch_user.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/drawn_user.h"
#include "kernel/process_files.h"

namespace seccompagent {
namespace {

struct Users {
  uid_t own;
  uid_t drawn;
};

[[nodiscard]] const Users& users() {
  static const Users known = {.own = getuid(), .drawn = draw_user()};
  return known;
}

// Of this thread: that of the C library is for all of them.
[[nodiscard]] Result<void> set_real_user(uid_t user) {
  constexpr uid_t kAsItIs = static_cast<uid_t>(-1);
  if (syscall(SYS_setresuid, user, kAsItIs, kAsItIs) == -1) return fail_errno();
  return {};
}

[[nodiscard]] Result<UniqueFd> new_epoll() {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.is_open()) return fail_errno();
  return epoll;
}

struct Watch {
  int fd;
  epoll_event event;
};

[[nodiscard]] Result<std::vector<Watch>> watches_of(int epoll) {
  const auto text = read_file("/proc/self/fdinfo/" + std::to_string(epoll));
  if (!text) return std::unexpected(text.error());
  std::vector<Watch> watches;
  constexpr std::string_view kBegin = "tfd:";
  for (std::size_t at = text->find(kBegin); at != std::string::npos;
       at = text->find(kBegin, at + 1)) {
    int fd = -1;
    unsigned events = 0;
    unsigned long long data = 0;
    if (std::sscanf(text->c_str() + at, "tfd: %d events: %x data: %llx", &fd, &events, &data) != 3)
      return fail(EPROTO);
    watches.push_back({.fd = fd, .event = {.events = events, .data = {.u64 = data}}});
  }
  return watches;
}

// Threads that wait there meanwhile hear of the same, and wait at the new one next.
[[nodiscard]] Result<void> make_anew(int epoll) {
  auto watches = watches_of(epoll);
  if (!watches) return std::unexpected(watches.error());
  const auto other = new_epoll();
  if (!other) return std::unexpected(other.error());
  for (Watch& watch : *watches) {
    if (epoll_ctl(other->get(), EPOLL_CTL_ADD, watch.fd, &watch.event) == -1) return fail_errno();
  }
  if (dup3(other->get(), epoll, O_CLOEXEC) == -1) return fail_errno();
  return {};
}

[[nodiscard]] Result<void> make_anew(const std::vector<int>& epolls) {
  for (const int epoll : epolls) {
    if (const auto made = make_anew(epoll); !made) return made;
  }
  return {};
}

[[nodiscard]] bool is_epoll(int fd) {
  std::array<char, 32> target = {};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = readlink(link.c_str(), target.data(), target.size());
  return length > 0 && std::string_view(target.data(), static_cast<std::size_t>(length)) ==
                           "anon_inode:[eventpoll]";
}

[[nodiscard]] Result<std::vector<int>> open_epolls() {
  DIR* const folder = opendir("/proc/self/fd");
  if (folder == nullptr) return fail_errno();
  std::vector<int> epolls;
  while (const dirent* entry = readdir(folder)) {
    const std::string_view name = entry->d_name;
    int fd = -1;
    std::from_chars(name.begin(), name.end(), fd);
    if (fd >= 0 && is_epoll(fd)) epolls.push_back(fd);
  }
  closedir(folder);
  return epolls;
}

}  // namespace

void become_watch_user() { (void)set_real_user(users().drawn); }

void leave_watch_user() {
  uid_t real = 0;
  uid_t effective = 0;
  uid_t saved = 0;
  if (getresuid(&real, &effective, &saved) == -1) std::abort();
  // nothing else may be done as somebody else
  if (real == users().drawn && !set_real_user(users().own)) std::abort();
}

Result<UniqueFd> make_epoll() {
  become_watch_user();
  auto epoll = new_epoll();
  leave_watch_user();
  return epoll;
}

Result<void> own_epolls() {
  const auto epolls = open_epolls();
  if (!epolls) return std::unexpected(epolls.error());
  if (const auto became = set_real_user(users().drawn); !became) return became;
  const auto made = make_anew(*epolls);
  leave_watch_user();
  return made;
}

}  // namespace seccompagent
