// SPDX-License-Identifier: Apache-2.0
// Tests what is done as a user: with this user's rights and no others, and what it leaves.
#include "process/as_user.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "cgroup_files.h"
#include "check.h"
#include "kernel/unique_fd.h"
#include "sleeper.h"

namespace seccompagent::test {
namespace {

constexpr uid_t kUser = 1000;

[[nodiscard]] Result<void> signal_as_user(pid_t process) {
  return as_user(kUser, [&]() -> Result<void> {
    if (kill(process, 0) == -1) return fail_errno();
    return {};
  });
}

[[nodiscard]] Result<void> write_as_user(const std::string& path) {
  return as_user(kUser, [&]() -> Result<void> {
    const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file.is_open()) return fail_errno();
    return {};
  });
}

void sends_signals_as_the_user() {
  const UsersSleeper theirs(kUser);
  const UsersSleeper others(kUser + 1);
  const Sleeper roots;
  VALUE(signal_as_user(theirs.pid()));
  CHECK_EQUAL(ERROR(signal_as_user(others.pid())), Errno{EPERM});
  CHECK_EQUAL(ERROR(signal_as_user(roots.pid())), Errno{EPERM});
  // here nothing has changed
  CHECK_EQUAL(kill(others.pid(), 0), 0);
}

// A process of a user namespace that the user has made runs as another one.
void sends_signals_into_own_user_namespaces() {
  constexpr const char* kMap = "0 100000 1";
  int is_made[2];
  int is_mapped[2];
  CHECK(pipe(is_made) == 0 && pipe(is_mapped) == 0);
  const pid_t pid = fork();
  CHECK(pid != -1);
  if (pid == 0) {
    char one = 0;
    if (setresgid(kUser, kUser, kUser) == -1 || setresuid(kUser, kUser, kUser) == -1 ||
        unshare(CLONE_NEWUSER) == -1 || write(is_made[1], "", 1) != 1 ||
        read(is_mapped[0], &one, 1) != 1 || setresuid(0, 0, 0) == -1 ||
        write(is_made[1], "", 1) != 1)
      _exit(1);
    for (;;) pause();
  }
  close(is_made[1]);
  char one = 0;
  CHECK_EQUAL(read(is_made[0], &one, 1), 1);
  std::ofstream("/proc/" + std::to_string(pid) + "/uid_map") << kMap;
  CHECK_EQUAL(write(is_mapped[1], "", 1), 1);
  CHECK_EQUAL(read(is_made[0], &one, 1), 1);
  const auto sent = signal_as_user(pid);
  CHECK_EQUAL(kill(pid, SIGKILL), 0);
  CHECK_EQUAL(waitpid(pid, nullptr, 0), pid);
  VALUE(sent);
}

void opens_files_as_the_user() {
  const CgroupFiles files;
  CHECK_EQUAL(chmod(files.path().c_str(), 0755), 0);
  files.write("file", "");
  const std::string path = files.path() + "/file";
  // nor does it have our groups
  CHECK_EQUAL(chmod(path.c_str(), 0660), 0);
  CHECK_EQUAL(ERROR(write_as_user(path)), Errno{EACCES});
  CHECK_EQUAL(chown(path.c_str(), kUser, 0), 0);
  VALUE(write_as_user(path));
  CHECK_EQUAL(chown(path.c_str(), 0, 0), 0);
  CHECK(UniqueFd(open(path.c_str(), O_WRONLY | O_CLOEXEC)).is_open());
}

// What a thread gets may be for all threads of its process.
void is_out_of_the_users_reach() {
  int threads[2];
  int errors[2];
  CHECK(pipe(threads) == 0 && pipe(errors) == 0);
  const pid_t agent = getpid();
  const pid_t pid = fork();
  CHECK(pid != -1);
  if (pid == 0) {
    pid_t thread = 0;
    if (setresuid(kUser, kUser, kUser) == -1) _exit(1);
    if (read(threads[0], &thread, sizeof thread) != sizeof thread) _exit(1);
    const int error = syscall(SYS_tgkill, agent, thread, SIGKILL) == 0 ? 0 : errno;
    _exit(write(errors[1], &error, sizeof error) == sizeof error ? 0 : 1);
  }
  close(errors[1]);
  int error = 0;
  VALUE(as_user(kUser, [&]() -> Result<void> {
    const pid_t thread = gettid();
    if (write(threads[1], &thread, sizeof thread) == -1) return fail_errno();
    if (read(errors[0], &error, sizeof error) != sizeof error) return fail(EIO);
    return {};
  }));
  CHECK_EQUAL(Errno{error}, Errno{EPERM});
  CHECK_EQUAL(waitpid(pid, nullptr, 0), pid);
}

void is_here_for_root() {
  const pid_t own = gettid();
  VALUE(as_user(0, [&]() -> Result<void> {
    CHECK_EQUAL(gettid(), own);
    return {};
  }));
}

constexpr Case kCases[] = {
    {"A10: as a user: signals are sent to this user's processes", sends_signals_as_the_user},
    {"A10: as a user: signals are sent into this user's namespaces",
     sends_signals_into_own_user_namespaces},
    {"A10: as a user: files are opened with this user's rights alone", opens_files_as_the_user},
    {"A10: as a user: the user cannot end the process", is_out_of_the_users_reach},
    {"A10: as a user: for root it happens in the same thread", is_here_for_root},
};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
