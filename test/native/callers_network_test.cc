// SPDX-License-Identifier: Apache-2.0
// Tests that a thread is in a caller's network namespace for as long as it says, and nowhere else.
#include "acting/callers_network.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "check.h"
#include "files/thread_role.h"

namespace seccompagent::test {
namespace {

constexpr unsigned kUser = 1000;

// A process with a network namespace of its own.
class Caller {
 public:
  Caller() {
    int ends[2];
    CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd ready(ends[0]);
    UniqueFd told(ends[1]);
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (unshare(CLONE_NEWNET) == -1 || write(told.get(), "r", 1) != 1) _exit(1);
      pause();
      _exit(1);
    }
    told.reset();
    char letter = 0;
    CHECK_EQUAL(read(ready.get(), &letter, 1), static_cast<ssize_t>(1));
  }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;
  ~Caller() { end(); }

  void end() {
    if (pid_ == -1) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

std::string network_of(const std::string& process) {
  std::string link(64, '\0');
  const ssize_t length = readlinkat(ThreadRole::own_processes(), (process + "/ns/net").c_str(),
                                    link.data(), link.size());
  CHECK(length > 0);
  link.resize(static_cast<std::size_t>(length));
  return link;
}

// Any descriptor that answers the question will do, see helper_test.cc: bytes to read there are of
// a file, and none of a path.
struct Call {
  explicit Call(pid_t tid, bool is_there = true)
      : listener(open("/proc/self/exe", (is_there ? O_RDONLY : O_PATH) | O_CLOEXEC)),
        id({.listener = listener.get(), .id_valid_request = FIONREAD, .id = 0, .tid = tid}) {}

  UniqueFd listener;
  CallId id;
};

ThreadRole role_of_user() {
  static constexpr RoleIds kIds = {.fs_uid = kUser, .fs_gid = kUser, .groups = {}};
  const char* step = "";
  auto role = ThreadRole::take({.ids = &kIds, .capabilities = 0, .umask = 022, .root = -1}, step);
  CHECK(role.has_value());
  return std::move(*role);
}

void enters_in_a_role() {
  const Caller caller;
  CHECK(ThreadRole::know_own_places().has_value());
  const std::string own = network_of("thread-self");
  const std::string theirs = network_of(std::to_string(caller.pid()));
  CHECK(own != theirs);
  const Call call(caller.pid());
  {
    CallersNetwork network(call.id);
    const ThreadRole role = role_of_user();
    CHECK(!network.is_entered());
    CHECK_EQUAL(network_of("thread-self"), own);
    CHECK(network.enter().has_value());
    CHECK(network.is_entered());
    CHECK_EQUAL(network_of("thread-self"), theirs);
    // what it took to get there is not left to the role
    CHECK(!is_effective(CAP_SYS_ADMIN));
    CHECK(!is_effective(CAP_SYS_PTRACE));
  }
  CHECK_EQUAL(network_of("thread-self"), own);
}

void stays_where_the_call_is_gone() {
  Caller caller;
  CHECK(ThreadRole::know_own_places().has_value());
  const std::string own = network_of("thread-self");
  const Call gone(caller.pid(), false);
  const pid_t pid = caller.pid();
  CallersNetwork network(gone.id);
  CHECK_EQUAL(ERROR(network.enter()), Errno{ESRCH});
  caller.end();
  const Call ended(pid);
  CallersNetwork other(ended.id);
  CHECK_EQUAL(ERROR(other.enter()), Errno{ESRCH});
  CHECK(!network.is_entered() && !other.is_entered());
  CHECK_EQUAL(network_of("thread-self"), own);
}

void crosses_mounts_in_there_only() {
  const Caller caller;
  CHECK(ThreadRole::know_own_places().has_value());
  const std::string own = network_of("thread-self");
  const Call call(caller.pid());
  class There : public Validity {
   public:
    [[nodiscard]] bool is_gone() const override { return false; }
  };
  const UniqueFd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  FileRequest request = {};
  request.operation = FileOperation::stat;
  const auto error_of = [&](const char* path, CallersNetwork& network) {
    request.path = path;
    const FilePlace place = {.base = root.get(),
                             .second_base = -1,
                             .processes = ThreadRole::own_processes(),
                             .crossing = &network};
    return operate_on_file(request, place, HeldIds::of_file_systems, There()).error;
  };
  {
    CallersNetwork network(call.id);
    CHECK_EQUAL(error_of("/usr", network), 0);
    CHECK(!network.is_entered());
    CHECK_EQUAL(error_of("/proc/sys/net/ipv4/conf/lo/../../../../../../usr", network), 0);
    CHECK(network.is_entered());
    // somebody else is to say what is in there
    CHECK_EQUAL(error_of("/proc/sys/net", network), ENOTSUP);
  }
  CHECK_EQUAL(network_of("thread-self"), own);
  const Call gone(caller.pid(), false);
  CallersNetwork closed(gone.id);
  CHECK_EQUAL(error_of("/proc/sys/net/ipv4/conf/lo/../../../../../../usr", closed), ENOTSUP);
}

constexpr Case kCases[] = {
    {"A14: caller's network: a thread is in it until it leaves its role", enters_in_a_role},
    {"A14: caller's network: a thread stays out of it where the call is gone",
     stays_where_the_call_is_gone},
    {"A14: caller's network: paths lead into other mounts from within it only",
     crosses_mounts_in_there_only}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
