// SPDX-License-Identifier: Apache-2.0
#include "kernel/process_files.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace seccompagent {
namespace {

[[nodiscard]] Result<std::string> read_all(const UniqueFd& file) {
  std::string text;
  char chunk[4096];
  for (;;) {
    const ssize_t got = retry_eintr([&] { return read(file.get(), chunk, sizeof chunk); });
    if (got == -1) return fail_errno();
    if (got == 0) return text;
    text.append(chunk, static_cast<std::size_t>(got));
  }
}

[[nodiscard]] bool has_ended(const UniqueFd& pidfd) {
  return syscall(SYS_pidfd_send_signal, pidfd.get(), 0, nullptr, 0) == -1;
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return fail_errno();
  return read_all(file);
}

bool each_process(const std::function<bool(pid_t)>& wants_more) {
  std::error_code error;
  std::filesystem::directory_iterator at("/proc", error);
  const std::filesystem::directory_iterator end;
  for (; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    pid_t pid = 0;
    const auto [rest, wrong] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (wrong != std::errc() || rest != name.data() + name.size()) continue;
    if (!wants_more(pid)) return true;
  }
  return !error;
}

Result<pid_t> pid_of(const UniqueFd& pidfd) {
  const auto text = read_file("/proc/self/fdinfo/" + std::to_string(pidfd.get()));
  if (!text) return std::unexpected(text.error());
  constexpr std::string_view kName = "\nPid:";
  const std::size_t at = text->find(kName);
  if (at == std::string::npos) return fail(ESRCH);
  const long pid = std::strtol(text->c_str() + at + kName.size(), nullptr, 10);
  return pid > 0 ? Result<pid_t>(static_cast<pid_t>(pid)) : fail(ESRCH);
}

Result<UniqueFd> open_of_process(const UniqueFd& pidfd, const char* name) {
  const auto pid = pid_of(pidfd);
  if (!pid) return std::unexpected(pid.error());
  const std::string path = "/proc/" + std::to_string(*pid) + "/" + name;
  UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const int error = errno;
  // the process whose file that is is still the one of the descriptor
  if (has_ended(pidfd)) return fail(ESRCH);
  if (!file.is_open()) return fail(error);
  return file;
}

Result<std::string> read_of_process(const UniqueFd& pidfd, const char* name) {
  const auto file = open_of_process(pidfd, name);
  if (!file) return std::unexpected(file.error());
  return read_all(*file);
}

}  // namespace seccompagent
