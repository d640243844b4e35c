// SPDX-License-Identifier: Apache-2.0
// Devices are opened for whom the rules of our own cgroup are.
#include "files/device.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

#include "check.h"
#include "files/terminal.h"
#include "kernel/own_processes.h"
#include "kernel/process_files.h"
#include "process/cgroup_places.h"

namespace seccompagent::test {
namespace {

class There : public Validity {
 public:
  [[nodiscard]] bool is_gone() const override { return false; }
};

FileFacts device(mode_t type, unsigned major, unsigned minor) {
  return {.type = type, .device = 0, .inode = 0, .node = makedev(major, minor), .system = 0};
}

// A process that does nothing, until this ends.
class Sleeping {
 public:
  Sleeping() : pid_(fork()) {
    if (pid_ != 0) return;
    for (;;) pause();
  }
  Sleeping(const Sleeping&) = delete;
  Sleeping& operator=(const Sleeping&) = delete;
  ~Sleeping() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

// Below ours, in the hierarchy whose rules for devices count; without rules of its own.
class Cgroup {
 public:
  explicit Cgroup(const std::string& name) {
    const std::string mounts = VALUE(read_file("/proc/self/mounts"));
    const std::string ours = VALUE(read_file("/proc/self/cgroup"));
    const bool is_first = cgroup_mount(mounts, "devices").has_value();
    const std::string_view hierarchy = is_first ? "devices" : kUnified;
    folder_ = *cgroup_mount(mounts, hierarchy) + *cgroup_path(ours, hierarchy) + "/" + name;
    std::filesystem::create_directory(folder_);
  }
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;
  ~Cgroup() { std::filesystem::remove(folder_); }

  void add(pid_t process) const { std::ofstream(folder_ + "/cgroup.procs") << process; }

 private:
  std::string folder_;
};

int error_for(pid_t process, const FileFacts& found, std::uint64_t flags = O_RDONLY) {
  CHECK(open_own_processes().has_value());
  FileRequest request = {};
  request.flags = static_cast<std::uint32_t>(flags);
  const CallersProcess caller = {.process = {process}, .thread = {process}};
  const FilePlace place = {
      .base = -1, .second_base = -1, .processes = own_processes(), .process = &caller};
  const There there;
  return device_error({.request = request, .place = place, .validity = there}, found);
}

void opens_for_those_in_our_cgroup() {
  const FileFacts disk = device(S_IFBLK, 7, 0);
  const FileFacts null = device(S_IFCHR, 1, 3);
  const Cgroup nested("seccompagent-test-devices-" + std::to_string(getpid()));
  const Sleeping process;
  CHECK_EQUAL(error_for(process.pid(), disk), 0);
  nested.add(process.pid());
  // it may allow less
  CHECK_EQUAL(error_for(process.pid(), disk), EOPNOTSUPP);
  CHECK_EQUAL(error_for(process.pid(), null), 0);
}

// As a helper is in version 2.
void opens_for_those_above_the_cgroup_of_helpers() {
  const FileFacts disk = device(S_IFBLK, 7, 0);
  const Cgroup child{std::string(kActingChild)};
  const Sleeping above;
  const pid_t helper = fork();
  if (helper == 0) {
    child.add(getpid());
    _exit(error_for(above.pid(), disk));
  }
  int status = -1;
  CHECK_EQUAL(waitpid(helper, &status, 0), helper);
  CHECK_EQUAL(status, 0);
}

void knows_nobody_that_has_ended() {
  const pid_t process = Sleeping().pid();
  CHECK_EQUAL(error_for(process, device(S_IFBLK, 7, 0)), EOPNOTSUPP);
}

void waits_for_what_may_take_long() {
  CHECK(may_wait(device(S_IFCHR, 4, 64)));
  CHECK(!may_wait(device(S_IFCHR, 1, 3)));
  CHECK(!may_wait(device(S_IFCHR, 136, 0)));
  CHECK(!may_wait(device(S_IFBLK, 7, 0)));
  CHECK(!may_wait(device(S_IFREG, 0, 0)));
}

void knows_terminals_of_all_drivers() {
  constexpr std::string_view kDrivers =
      "/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
      "serial               /dev/ttyS       4 64-95 serial\n"
      "odd /dev/ name       /dev/ttyX     204       7 serial\n"
      "unknown              /dev/tty        4 1-63 console\n";
  for (const auto& [major, minor] : {std::pair(5U, 0U), {4U, 64U}, {4U, 95U}, {4U, 1U}, {204U, 7U}})
    CHECK(is_among_terminals(kDrivers, makedev(major, minor)));
  for (const auto& [major, minor] :
       {std::pair(5U, 1U), {4U, 0U}, {4U, 96U}, {10U, 229U}, {204U, 8U}})
    CHECK(!is_among_terminals(kDrivers, makedev(major, minor)));
  CHECK(!is_among_terminals("", makedev(5, 0)));
}

// Nor could it be for another process.
void opens_no_terminal_that_would_control_its_caller() {
  const FileFacts console = device(S_IFCHR, 5, 1);
  const pid_t leader = fork();
  if (leader == 0) {
    setsid();
    for (;;) pause();
  }
  while (getsid(leader) != leader) usleep(1000);
  CHECK_EQUAL(error_for(leader, console), EOPNOTSUPP);
  CHECK_EQUAL(error_for(leader, console, O_RDONLY | O_NOCTTY), 0);
  CHECK_EQUAL(error_for(leader, device(S_IFCHR, 10, 229)), 0);
  CHECK_EQUAL(error_for(getpid(), console), 0);
  kill(leader, SIGKILL);
  waitpid(leader, nullptr, 0);
}

constexpr Case kCases[] = {
    {"A13: devices: who is in another cgroup gets none but those that all have",
     opens_for_those_in_our_cgroup},
    {"A13: devices: a helper's own cgroup has the rules of the one above",
     opens_for_those_above_the_cgroup_of_helpers},
    {"A13: devices: a caller that has ended gets none", knows_nobody_that_has_ended},
    {"A13: devices: terminals are those of all drivers", knows_terminals_of_all_drivers},
    {"A13: devices: none is opened that would become the controlling terminal",
     opens_no_terminal_that_would_control_its_caller},
    {"A13: devices: those behind which nobody knows what is are waited for",
     waits_for_what_may_take_long},
};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
