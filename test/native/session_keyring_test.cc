// SPDX-License-Identifier: Apache-2.0
#include "kernel/session_keyring.h"

#include <sys/wait.h>

#include <cstring>
#include <string>
#include <thread>

#include "check.h"

namespace seccompagent::test {
namespace {

constexpr const char* kType = "user";
constexpr const char* kName = "seccompagent-test";

// An errno; 0: it is there.
int key_error() {
  const long found = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, kType, kName, 0);
  return found == -1 ? errno : 0;
}

int add_key_error() {
  const long added =
      syscall(SYS_add_key, kType, kName, "secret", std::strlen("secret"), KEY_SPEC_SESSION_KEYRING);
  return added == -1 ? errno : 0;
}

// As who starts an agent has one.
void have_a_key() {
  CHECK(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) != -1);
  CHECK_EQUAL(add_key_error(), 0);
  CHECK_EQUAL(key_error(), 0);
}

void has_an_empty_one() {
  have_a_key();
  VALUE(leave_session_keyring());
  CHECK_EQUAL(key_error(), ENOKEY);
  // nobody can bring any about for who acts later
  CHECK_EQUAL(add_key_error(), EPERM);
  CHECK_EQUAL(key_error(), ENOKEY);
}

void is_inherited() {
  have_a_key();
  VALUE(leave_session_keyring());
  std::thread([] { CHECK_EQUAL(key_error(), ENOKEY); }).join();
  const pid_t child = fork();
  if (child == 0) _exit(key_error() == ENOKEY && add_key_error() == EPERM ? 0 : 1);
  int status = -1;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK_EQUAL(status, 0);
}

void tells_of_a_full_quota() {
  // root's is everybody's
  constexpr uid_t kUser = 64'321;
  CHECK_EQUAL(setresuid(kUser, kUser, kUser), 0);
  have_a_key();
  const std::string room(1000, 'x');
  for (int key = 0; key < 1000; ++key) {
    const std::string name = "filler-" + std::to_string(key);
    const long added = syscall(SYS_add_key, kType, name.c_str(), room.data(),
                               key < 15 ? room.size() : 1, KEY_SPEC_SESSION_KEYRING);
    if (added == -1 && errno == EDQUOT) break;
    CHECK(key < 999);
  }
  CHECK_EQUAL(ERROR(leave_session_keyring()), Errno{EDQUOT});
}

constexpr Case kCases[] = {
    {"session keyring: who has left it has an empty one that nothing can be added to",
     has_an_empty_one},
    {"session keyring: threads and children have the same", is_inherited},
    {"session keyring: where the quota is full, that is an error", tells_of_a_full_quota}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
