// SPDX-License-Identifier: Apache-2.0
#include "caller/first_process.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "caller/process_identity.h"
#include "caller/process_owner.h"
#include "kernel/process_files.h"
#include "kernel/result.h"

#ifndef NS_GET_PID_FROM_PIDNS
#define NS_GET_PID_FROM_PIDNS _IOR(NSIO, 0x6, int)
#endif

namespace seccompagent {
namespace {

constexpr uid_t kRoot = 0;
constexpr const char* kOfChildren = "ns/pid_for_children";

[[nodiscard]] UniqueFd open_pidfd(pid_t process) {
  return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
}

[[nodiscard]] std::vector<UniqueFd> open_children(pid_t process) {
  // a runtime has few
  constexpr std::size_t kMaxChildren = 16;
  const std::string name = std::to_string(process);
  const auto text = read_file("/proc/" + name + "/task/" + name + "/children");
  std::vector<UniqueFd> children;
  std::string_view rest = text ? std::string_view(*text) : std::string_view();
  while (children.size() < kMaxChildren) {
    pid_t child = 0;
    const auto [end, error] = std::from_chars(rest.begin(), rest.end(), child);
    if (error != std::errc()) break;
    rest = {std::min(end + 1, rest.end()), rest.end()};
    if (UniqueFd pidfd = open_pidfd(child); pidfd.is_open()) children.push_back(std::move(pidfd));
  }
  return children;
}

// Of two descriptors of namespaces.
[[nodiscard]] bool are_same(const UniqueFd& one, const UniqueFd& other) {
  struct stat first = {};
  struct stat second = {};
  return fstat(one.get(), &first) == 0 && fstat(other.get(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

[[nodiscard]] pid_t told_first_of(const UniqueFd& pid_namespace) {
  constexpr int kFirst = 1;
  return std::max(0, ioctl(pid_namespace.get(), NS_GET_PID_FROM_PIDNS, kFirst));
}

// Somebody else may have got the number before it was opened: then the namespace has no first
// process any more. Closed: there is none, or the kernel does not tell.
[[nodiscard]] UniqueFd open_told_first_of(const UniqueFd& pid_namespace) {
  const pid_t told = told_first_of(pid_namespace);
  UniqueFd pidfd = told == 0 ? UniqueFd() : open_pidfd(told);
  return told_first_of(pid_namespace) == told ? std::move(pidfd) : UniqueFd();
}

[[nodiscard]] UniqueFd first_in_machine_of(const UniqueFd& pid_namespace) {
  UniqueFd first;
  (void)each_process([&](pid_t pid) {
    UniqueFd pidfd = open_pidfd(pid);
    // the first look keeps nobody waiting
    if (!pidfd.is_open() || !is_first_of_namespace(pidfd)) return true;
    const auto its = open_of_process(pidfd, kOfChildren);
    if (!its || !are_same(*its, pid_namespace)) return true;
    first = std::move(pidfd);
    return false;
  });
  return first;
}

// Closed: it is our own one, or the process has ended.
[[nodiscard]] UniqueFd entered_by(const UniqueFd& pidfd) {
  auto entered = open_of_process(pidfd, kOfChildren);
  const UniqueFd ours(open("/proc/self/ns/pid_for_children", O_RDONLY | O_CLOEXEC));
  if (!entered || !ours.is_open() || are_same(*entered, ours)) return {};
  return std::move(*entered);
}

// For the rare case that nobody knows better. For users no processes are looked through: there may
// be thousands.
[[nodiscard]] UniqueFd first_entered(const AskedProcesses& asked, uid_t user) {
  UniqueFd entered = entered_by(asked.sender);
  const auto look_at = [&](const std::vector<UniqueFd>& children) {
    for (const UniqueFd& child : children) {
      if (!entered.is_open()) entered = entered_by(child);
    }
  };
  if (!entered.is_open()) look_at(asked.children);
  if (const auto sender = pid_of(asked.sender); !entered.is_open() && sender)
    look_at(open_children(*sender));
  if (!entered.is_open()) return {};
  UniqueFd told = open_told_first_of(entered);
  return told.is_open() || user != kRoot ? std::move(told) : first_in_machine_of(entered);
}

}  // namespace

AskedProcesses open_asked(pid_t sender, uid_t user, pid_t said) {
  AskedProcesses asked;
  if (said != 0) {
    asked.said = open_pidfd(said);
    return asked;
  }
  asked.sender = open_pidfd(sender);
  if (user == kRoot) asked.children = open_children(sender);
  return asked;
}

std::optional<FoundProcess> find_first_process(const AskedProcesses& asked, uid_t user) {
  const UniqueFd entered = asked.said.is_open() ? UniqueFd() : first_entered(asked, user);
  const UniqueFd& found = asked.said.is_open() ? asked.said : entered;
  if (!found.is_open() || (user != kRoot && !is_process_of(found, user))) return std::nullopt;
  const auto identity = identity_of(found);
  const auto pid = pid_of(found);
  if (!identity || !pid) return std::nullopt;
  return FoundProcess{.pid = *pid, .identity = *identity};
}

UniqueFd first_in_machine_beside(const UniqueFd& pidfd) {
  const auto children = open_of_process(pidfd, kOfChildren);
  return children ? first_in_machine_of(*children) : UniqueFd();
}

bool is_first_of_namespace(const UniqueFd& pidfd) {
  const auto status = read_of_process(pidfd, "status");
  constexpr std::string_view kName = "\nNSpid:";
  const std::size_t at = status ? status->find(kName) : std::string::npos;
  if (at == std::string::npos) return false;
  const std::string_view line = std::string_view(*status).substr(at + kName.size());
  const std::string_view numbers = line.substr(0, line.find('\n'));
  return numbers.substr(numbers.find_last_of('\t') + 1) == "1";
}

}  // namespace seccompagent
