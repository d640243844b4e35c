// SPDX-License-Identifier: Apache-2.0
// Tests that a thread is the caller in a role and itself afterwards, whatever the two have in
// common.
#include "files/thread_role.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "check.h"

namespace seccompagent::test {
namespace {

constexpr std::uint64_t kAll = ~0ULL;
// Those that the kernel takes from whoever gets other fs ids than root's, see capabilities(7).
constexpr std::uint64_t kOfFiles = 1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE |
                                   1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_FOWNER |
                                   1ULL << CAP_FSETID | 1ULL << CAP_LINUX_IMMUTABLE |
                                   1ULL << CAP_MKNOD | 1ULL << CAP_MAC_OVERRIDE;
constexpr std::uint32_t kUser = 1000;

// All that a role changes.
struct Now {
  std::string ids;
  std::uint64_t capabilities = 0;
  mode_t mask = 0;
  ino_t root = 0;
  ino_t cwd = 0;
};

void check_same(const Now& seen, const Now& expected) {
  CHECK_EQUAL(seen.ids, expected.ids);
  CHECK_EQUAL(seen.capabilities, expected.capabilities);
  CHECK_EQUAL(seen.mask, expected.mask);
  CHECK_EQUAL(seen.root, expected.root);
  CHECK_EQUAL(seen.cwd, expected.cwd);
}

// procfs from where it was before any role, since a role may have another root.
std::string status() {
  const int file = openat(ThreadRole::own_processes(), "thread-self/status", O_RDONLY | O_CLOEXEC);
  CHECK(file != -1);
  const UniqueFd closed(file);
  std::string text(8192, '\0');
  const ssize_t length = read(file, text.data(), text.size());
  CHECK(length > 0);
  text.resize(static_cast<std::size_t>(length));
  return text;
}

std::string line_of(const std::string& text, const std::string& name) {
  const std::size_t start = text.find("\n" + name) + 1;
  return text.substr(start, text.find('\n', start) - start);
}

ino_t inode_of(const char* path) {
  struct stat found = {};
  CHECK_EQUAL(stat(path, &found), 0);
  return found.st_ino;
}

Now look() {
  const std::string text = status();
  Now seen;
  for (const char* name : {"Uid:", "Gid:", "Groups:"}) seen.ids += line_of(text, name) + ' ';
  seen.capabilities = std::stoull(line_of(text, "CapEff:").substr(7), nullptr, 16);
  seen.mask = umask(0);
  umask(seen.mask);
  seen.root = inode_of("/");
  seen.cwd = inode_of(".");
  return seen;
}

struct Wanted {
  std::uint32_t uid = 0;
  std::vector<gid_t> groups = {};
  std::uint64_t capabilities = kAll;
};

// Identity of the thread in the role.
Now play(const Wanted& wanted) {
  const UniqueFd root(open("/usr", O_PATH | O_DIRECTORY | O_CLOEXEC));
  CHECK(root.is_open());
  const ino_t folder = inode_of("/usr");
  const RoleIds ids = {.fs_uid = wanted.uid, .fs_gid = wanted.uid, .groups = wanted.groups};
  const char* step = "";
  const auto role = ThreadRole::take(
      {.ids = &ids, .capabilities = wanted.capabilities, .umask = 027, .root = root.get()}, step);
  CHECK(role.has_value());
  const Now in_role = look();
  CHECK_EQUAL(in_role.mask, mode_t{027});
  CHECK_EQUAL(in_role.root, folder);
  CHECK_EQUAL(in_role.cwd, folder);
  return in_role;
}

void is_itself_again() {
  CHECK(ThreadRole::know_own_places().has_value());
  CHECK(ThreadRole::prepare().has_value());
  const Now before = look();
  const std::uint64_t permitted = VALUE(permitted_capabilities());
  CHECK_EQUAL(before.capabilities, permitted);
  const std::uint64_t chosen[] = {kAll,
                                  0,
                                  kOfFiles,
                                  ~kOfFiles,
                                  1ULL << CAP_CHOWN,
                                  ~(1ULL << CAP_SYS_CHROOT),
                                  ~(1ULL << CAP_SETUID)};
  for (const std::uint64_t capabilities : chosen) {
    for (const std::uint32_t uid : {0U, kUser}) {
      for (const std::vector<gid_t>& groups : {std::vector<gid_t>(), std::vector<gid_t>{7, 1000}}) {
        const Now in_role = play({.uid = uid, .groups = groups, .capabilities = capabilities});
        CHECK_EQUAL(in_role.capabilities, capabilities & permitted);
        CHECK_EQUAL(in_role.ids.contains("1000"), uid == kUser || !groups.empty());
        check_same(look(), before);
      }
    }
  }
}

// A role that has just those that other fs ids leave: nothing is set, and all is to be put back.
void gets_back_what_other_ids_took() {
  CHECK(ThreadRole::know_own_places().has_value());
  CHECK(ThreadRole::prepare().has_value());
  const Now before = look();
  setfsuid(kUser);
  const std::uint64_t left = look().capabilities;
  setfsuid(0);
  CHECK(left != before.capabilities);
  CHECK_EQUAL(play({.uid = kUser, .groups = {}, .capabilities = left}).capabilities, left);
  check_same(look(), before);
}

// A permitted capability that is not effective is for roles as well.
void needs_no_effective_ones_before() {
  CHECK(ThreadRole::know_own_places().has_value());
  CHECK_EQUAL(VALUE(set_effective(1ULL << CAP_CHOWN)), true);
  CHECK(ThreadRole::prepare().has_value());
  const Now before = look();
  CHECK_EQUAL(before.capabilities, VALUE(permitted_capabilities()));
  CHECK_EQUAL(play({.uid = kUser, .groups = {7}, .capabilities = kOfFiles}).capabilities,
              kOfFiles & before.capabilities);
  check_same(look(), before);
}

// Whatever it had taken on by then is given back.
void comes_back_where_a_step_fails() {
  CHECK(ThreadRole::know_own_places().has_value());
  CHECK(ThreadRole::prepare().has_value());
  const Now before = look();
  const std::vector<gid_t> too_many(65537, 7);
  const RoleIds ids = {.fs_uid = kUser, .fs_gid = kUser, .groups = too_many};
  const UniqueFd root(open("/usr", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const char* step = "";
  Role role = {.ids = &ids, .capabilities = 0, .umask = 027, .root = root.get()};
  CHECK_EQUAL(ERROR(ThreadRole::take(role, step)), Errno{EINVAL});
  CHECK_EQUAL(std::string(step), "setgroups");
  check_same(look(), before);
  const UniqueFd file(open("/etc/passwd", O_PATH | O_CLOEXEC));
  role.root = file.get();
  CHECK_EQUAL(ERROR(ThreadRole::take(role, step)), Errno{ENOTDIR});
  CHECK_EQUAL(std::string(step), "chroot");
  check_same(look(), before);
}

void tells_whether_it_set_any() {
  const std::uint64_t permitted = VALUE(permitted_capabilities());
  CHECK_EQUAL(VALUE(set_effective(kAll)), false);
  CHECK_EQUAL(VALUE(set_effective(kOfFiles)), true);
  CHECK_EQUAL(VALUE(set_effective(kOfFiles)), false);
  CHECK(is_effective(CAP_CHOWN) && !is_effective(CAP_SYS_ADMIN));
  {
    const LentCapability lent(1ULL << CAP_SYS_ADMIN);
    CHECK(is_effective(CAP_SYS_ADMIN));
  }
  CHECK(!is_effective(CAP_SYS_ADMIN));
  {
    const LentCapability had(1ULL << CAP_CHOWN);
    CHECK(is_effective(CAP_CHOWN));
  }
  CHECK(is_effective(CAP_CHOWN));
  CHECK_EQUAL(VALUE(set_effective(kAll)), true);
  CHECK_EQUAL(VALUE(permitted_capabilities()), permitted);
}

constexpr Case kCases[] = {
    {"ThreadRole: a thread is itself again, whatever it had in common", is_itself_again},
    {"ThreadRole: what other fs ids took comes back", gets_back_what_other_ids_took},
    {"ThreadRole: what is permitted is for roles, effective before or not",
     needs_no_effective_ones_before},
    {"ThreadRole: where a step fails, all is as it was", comes_back_where_a_step_fails},
    {"set_effective: tells whether it set any; what is lent goes again", tells_whether_it_set_any}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
