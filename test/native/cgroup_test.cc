// SPDX-License-Identifier: Apache-2.0
// Tests that containers of users are killed and frozen with no more than the rights of these users.
#include "container/cgroup.h"

#include <linux/sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "check.h"
#include "container/own_cgroup_mounts.h"
#include "process/cgroup_places.h"
#include "sleeper.h"

namespace seccompagent::test {
namespace {

constexpr uid_t kUser = 1000;
constexpr uid_t kOther = 1001;

// As the agent knows it whose first process this is.
class Known {
 public:
  explicit Known(pid_t first, uid_t user = kUser)
      : first_(static_cast<int>(syscall(SYS_pidfd_open, first, 0))), user_(user) {}
  [[nodiscard]] KnownContainer get() const {
    return {.first_process = first_, .user = user_, .other_firsts = {}};
  }

 private:
  UniqueFd first_;
  uid_t user_;
};

// Has a process, and is gone at the end also of a case that fails: what stays frozen can't be
// killed.
class FreezerCgroup {
 public:
  explicit FreezerCgroup(pid_t process) {
    const auto mounts = VALUE(own_cgroup_mounts());
    const auto first = cgroup_mount(mounts, "freezer");
    const auto mounted = first ? first : cgroup_mount(mounts, kUnified);
    CHECK(mounted.has_value());
    folder_ = *mounted + "/seccompagent-cgroup-test-" + std::to_string(process);
    control_ = folder_ + (first ? "/freezer.state" : "/cgroup.freeze");
    thawed_ = first ? "THAWED\n" : "0\n";
    CHECK_EQUAL(mkdir(folder_.c_str(), 0755), 0);
    std::ofstream(folder_ + "/cgroup.procs") << process;
    open_ = this;
    CHECK_EQUAL(std::atexit([] {
                  if (open_ != nullptr) open_->leave();
                }),
                0);
  }
  FreezerCgroup(const FreezerCgroup&) = delete;
  FreezerCgroup& operator=(const FreezerCgroup&) = delete;
  ~FreezerCgroup() { leave(); }

  void give_to(uid_t user) const { CHECK_EQUAL(chown(control_.c_str(), user, 0), 0); }
  [[nodiscard]] bool is_thawed() const {
    std::ifstream in(control_);
    return std::string(std::istreambuf_iterator<char>(in), {}) == thawed_;
  }
  void leave() {
    if (folder_.empty()) return;
    std::ofstream(control_) << thawed_;
    const std::string above = std::filesystem::path(folder_).parent_path();
    std::ifstream processes(folder_ + "/cgroup.procs");
    for (std::string line; std::getline(processes, line);)
      std::ofstream(above + "/cgroup.procs") << line;
    rmdir(folder_.c_str());
    folder_.clear();
    open_ = nullptr;
  }

 private:
  inline static FreezerCgroup* open_ = nullptr;
  std::string folder_;
  std::string control_;
  std::string thawed_;
};

void leaves_what_became_anothers() {
  // as after a set-user-ID program that became root: it was the user's when it came
  const Sleeper roots;
  CHECK_EQUAL(ERROR(kill_all_of(Known(roots.pid()).get())), Errno{EPERM});
  const UsersSleeper others(kOther, "sleeper", CLONE_NEWPID);
  CHECK_EQUAL(ERROR(kill_all_of(Known(others.pid()).get())), Errno{EPERM});
  CHECK_EQUAL(waitpid(roots.pid(), nullptr, WNOHANG), 0);
  CHECK_EQUAL(waitpid(others.pid(), nullptr, WNOHANG), 0);
}

void kills_the_users_own() {
  const UsersSleeper theirs(kUser, "sleeper", CLONE_NEWPID);
  VALUE(kill_all_of(Known(theirs.pid()).get()));
  int status = 0;
  CHECK_EQUAL(waitpid(theirs.pid(), &status, 0), theirs.pid());
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

void kills_the_first_alone() {
  const UsersSleeper others(kOther);
  CHECK_EQUAL(ERROR(kill_first_of(Known(others.pid()).get())), Errno{EPERM});
  CHECK_EQUAL(waitpid(others.pid(), nullptr, WNOHANG), 0);
  CHECK_EQUAL(ERROR(kill_first_of(Known(1, 0).get())), Errno{ESRCH});
  for (const uid_t user : {kUser, uid_t{0}}) {
    const UsersSleeper theirs(kUser);
    VALUE(kill_first_of(Known(theirs.pid(), user).get()));
    int status = 0;
    CHECK_EQUAL(waitpid(theirs.pid(), &status, 0), theirs.pid());
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  }
}

void freezes_the_users_cgroups_alone() {
  const UsersSleeper theirs(kUser, "sleeper", CLONE_NEWPID);
  FreezerCgroup cgroup(theirs.pid());
  const Known container(theirs.pid());
  // root's, with processes of this user
  CHECK_EQUAL(ERROR(freeze_cgroup_of(container.get(), true)), Errno{EPERM});
  CHECK(cgroup.is_thawed());
  cgroup.give_to(kUser);
  VALUE(freeze_cgroup_of(container.get(), true));
  CHECK(!cgroup.is_thawed());
  cgroup.give_to(kOther);
  CHECK_EQUAL(ERROR(freeze_cgroup_of(container.get(), false)), Errno{EPERM});
  CHECK(!cgroup.is_thawed());
  cgroup.give_to(kUser);
  VALUE(freeze_cgroup_of(container.get(), false));
  CHECK(cgroup.is_thawed());
}

void freezes_any_for_root() {
  const UsersSleeper process(kUser, "sleeper", CLONE_NEWPID);
  FreezerCgroup cgroup(process.pid());
  const Known container(process.pid(), 0);
  VALUE(freeze_cgroup_of(container.get(), true));
  CHECK(!cgroup.is_thawed());
  VALUE(freeze_cgroup_of(container.get(), false));
}

constexpr Case kCases[] = {
    {"A10: kill_all_of: what has become somebody else's is not killed for a user",
     leaves_what_became_anothers},
    {"A10: kill_all_of: a user's own container is killed", kills_the_users_own},
    {"A10: kill_first_of: a first process is killed with its user's rights", kills_the_first_alone},
    {"A10: freeze_cgroup_of: a user's container is frozen by a cgroup of this user's alone",
     freezes_the_users_cgroups_alone},
    {"A10: freeze_cgroup_of: root's container is frozen whoever it runs as", freezes_any_for_root},
};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
