// SPDX-License-Identifier: Apache-2.0
// Tests for whom the kernel counts what is made apart, and that nothing else changes.
#include "kernel/counted_apart.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "check.h"
#include "kernel/unique_fd.h"
#include "told_child.h"

namespace seccompagent::test {
namespace {

constexpr int kMost = 3;

[[nodiscard]] std::uint32_t effective() {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  CHECK_EQUAL(syscall(SYS_capget, &header, data), 0L);
  return data[0].effective;
}

void write_to(const std::string& path, const char* text) {
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  CHECK(file.is_open());
  CHECK(write(file.get(), text, strlen(text)) == static_cast<ssize_t>(strlen(text)));
}

// Another mount namespace, which lives as long as this. 0, or the errno.
[[nodiscard]] int make_namespace(std::vector<UniqueFd>& kept) {
  if (unshare(CLONE_NEWNS) == -1) return errno;
  kept.emplace_back(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  CHECK(kept.back().is_open());
  return 0;
}

// Root of a user namespace with all users: the limit there is for each of them.
void use_up_and_go_on() {
  std::vector<UniqueFd> kept;
  write_to("/proc/sys/user/max_mnt_namespaces", std::to_string(kMost).c_str());
  int error = 0;
  for (int made = 0; error == 0; ++made) {
    CHECK(made <= kMost);
    error = make_namespace(kept);
  }
  CHECK_EQUAL(error, ENOSPC);
  {
    const CountedApart apart;
    CHECK_EQUAL(make_namespace(kept), 0);
  }
  CHECK_EQUAL(make_namespace(kept), ENOSPC);
  _exit(0);
}

void is_counted_for_nobody_else() {
  const ToldChild child([](int told) {
    CHECK_EQUAL(unshare(CLONE_NEWUSER), 0);
    await_told(told);
    CHECK_EQUAL(setresuid(0, 0, 0), 0);
    use_up_and_go_on();
  });
  const std::string process = "/proc/" + std::to_string(child.pid());
  const auto is_unshared = [&] {
    std::string own(64, '\0');
    std::string theirs(64, '\0');
    return readlink("/proc/self/ns/user", own.data(), own.size()) > 0 &&
           readlink((process + "/ns/user").c_str(), theirs.data(), theirs.size()) > 0 &&
           own != theirs;
  };
  while (!is_unshared()) usleep(1000);
  write_to(process + "/uid_map", "0 0 4294967295");
  child.tell();
  siginfo_t ended = {};
  CHECK_EQUAL(waitid(P_PID, static_cast<id_t>(child.pid()), &ended, WEXITED | WNOWAIT), 0);
  CHECK_EQUAL(ended.si_code, CLD_EXITED);
  CHECK_EQUAL(ended.si_status, 0);
}

void keeps_power_and_owners() {
  const std::uint32_t before = effective();
  const int bits = prctl(PR_GET_SECUREBITS);
  const std::string path = "/tmp/seccompagent-test-counted-" + std::to_string(getpid());
  {
    const CountedApart apart;
    CHECK(geteuid() != 0);
    CHECK_EQUAL(getuid(), 0U);
    CHECK_EQUAL(effective(), before);
    CHECK_EQUAL(mkdir(path.c_str(), 0700), 0);
  }
  struct stat made = {};
  CHECK_EQUAL(stat(path.c_str(), &made), 0);
  CHECK_EQUAL(rmdir(path.c_str()), 0);
  CHECK_EQUAL(made.st_uid, 0U);
  CHECK_EQUAL(geteuid(), 0U);
  CHECK_EQUAL(effective(), before);
  CHECK_EQUAL(prctl(PR_GET_SECUREBITS), bits);
}

// For whoever relies on them: helpers end with the agent, and nobody looks into them.
void keeps_what_users_undo() {
  CHECK_EQUAL(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
  CHECK_EQUAL(prctl(PR_SET_DUMPABLE, 0), 0);
  const auto are_kept = [] {
    int number = 0;
    return prctl(PR_GET_PDEATHSIG, &number) == 0 && number == SIGKILL &&
           prctl(PR_GET_DUMPABLE) == 0;
  };
  {
    const CountedApart apart;
    CHECK(are_kept());
  }
  CHECK(are_kept());
}

void leaves_other_users_as_they_are() {
  constexpr uid_t kUser = 1000;
  CHECK_EQUAL(setresuid(kUser, kUser, kUser), 0);
  {
    const CountedApart apart;
    CHECK_EQUAL(geteuid(), kUser);
  }
  CHECK_EQUAL(geteuid(), kUser);
}

constexpr Case kCases[] = {
    {"A12: counted apart: what root makes is no part of root's count", is_counted_for_nobody_else},
    {"A12: counted apart: Linux capabilities, owners of files and securebits stay",
     keeps_power_and_owners},
    {"A12: counted apart: the signal at the end of the parent stays", keeps_what_users_undo},
    {"A12: counted apart: another user stays itself", leaves_other_users_as_they_are},
};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
