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

#include "check.h"
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

constexpr Case kCases[] = {
    {"A14: devices: who is in another cgroup gets none but those that all have",
     opens_for_those_in_our_cgroup},
    {"A14: devices: a helper's own cgroup has the rules of the one above",
     opens_for_those_above_the_cgroup_of_helpers},
    {"A14: devices: a caller that has ended gets none", knows_nobody_that_has_ended},
    {"A14: devices: those behind which nobody knows what is are waited for",
     waits_for_what_may_take_long},
};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
