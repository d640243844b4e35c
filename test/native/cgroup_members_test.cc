// SPDX-License-Identifier: Apache-2.0
// Tests whose processes a cgroup has, with folders such as the kernel has them.
#include "container/cgroup_members.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "sleeper.h"

namespace seccompagent::test {
namespace {

constexpr uid_t kUser = 1000;

// A folder that goes with all that is in it.
class Folder {
 public:
  Folder() { CHECK(mkdtemp(path_) != nullptr); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::string path() const { return path_; }
  void has(const std::string& processes) const {
    std::ofstream(path() + "/cgroup.procs") << processes;
  }

 private:
  char path_[32] = "/tmp/cgroup-members-XXXXXX";
};

[[nodiscard]] std::string line_of(const UsersSleeper& process) {
  return std::to_string(process.pid()) + "\n";
}

// Whether others than a container of a pid namespace that has all of us are in a folder.
[[nodiscard]] bool others_in(const Folder& folder, uid_t user, bool shares_ours = false) {
  const UniqueFd self(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  const KnownContainer container = {.first_process = self, .user = user, .other_firsts = {}};
  Membership membership = VALUE(membership_of(container));
  CHECK(membership.shares_ours);
  membership.shares_ours = shares_ours;
  return has_others({.folder = folder.path(), .path = "/none", .hierarchy = ""}, container,
                    membership);
}

void goes_on_where_cgroups_vanish() {
  const Folder folder;
  for (int place = 0; place < 20; ++place)
    std::filesystem::create_directory(folder.path() + "/stays" + std::to_string(place));
  std::atomic<bool> is_over = false;
  std::thread changer([&] {
    for (std::uint64_t name = 0; !is_over.load(); ++name) {
      const std::string path = folder.path() + "/" + std::to_string(name % 50);
      std::error_code ignored;
      std::filesystem::create_directory(path, ignored);
      std::filesystem::remove(folder.path() + "/" + std::to_string((name + 25) % 50), ignored);
    }
  });
  int refused = 0;
  // most of them see one vanish
  constexpr int kLooks = 200;
  for (int looks = 0; looks < kLooks; ++looks) refused += others_in(folder, 0) ? 1 : 0;
  is_over.store(true);
  changer.join();
  CHECK_EQUAL(refused, 0);
}

void looks_into_so_many() {
  const Folder folder;
  CHECK(!others_in(folder, 0));
  for (int place = 0; place < 2048; ++place)
    std::filesystem::create_directory(folder.path() + "/" + std::to_string(place));
  CHECK(!others_in(folder, 0));
  std::filesystem::create_directory(folder.path() + "/more");
  CHECK(others_in(folder, 0));
}

void looks_so_deep() {
  const Folder folder;
  std::string path = folder.path();
  for (int depth = 0; depth < 32; ++depth) path += "/d";
  std::filesystem::create_directories(path);
  CHECK(!others_in(folder, 0));
  std::filesystem::create_directory(path + "/d");
  CHECK(others_in(folder, 0));
}

void has_its_users_processes() {
  const Folder folder;
  const UsersSleeper theirs(kUser);
  const Sleeper roots;
  folder.has(line_of(theirs));
  CHECK(!others_in(folder, kUser));
  folder.has(line_of(theirs) + std::to_string(roots.pid()) + "\n");
  CHECK(others_in(folder, kUser));
  CHECK(!others_in(folder, 0));
}

// Of any user, and not in the container's pid namespace; but by its name alone nobody is one.
void leaves_out_helpers() {
  constexpr uid_t kOther = 1001;
  const Folder folder;
  const UsersSleeper helper(kOther, "seccompagent-helper");
  folder.has(line_of(helper));
  CHECK(!others_in(folder, kUser));
  const UsersSleeper other(kOther);
  folder.has(line_of(helper) + line_of(other));
  CHECK(others_in(folder, kUser));
}

void leaves_out_what_has_ended() {
  const Folder folder;
  Sleeper ended;
  folder.has(std::to_string(ended.pid()) + "\n");
  ended.end();
  CHECK(!others_in(folder, kUser));
}

void sees_who_is_hidden() {
  const Folder folder;
  folder.has("0\n");
  CHECK(others_in(folder, 0));
}

void tells_no_users_from_ours() {
  const Folder folder;
  const UsersSleeper theirs(kUser);
  folder.has(line_of(theirs));
  CHECK(others_in(folder, kUser, true));
  CHECK(!others_in(folder, 0, true));
}

CgroupPlace place_of(const Folder& folder) {
  return {.folder = folder.path(), .path = "/none", .hierarchy = ""};
}

void lists_all_below() {
  const Folder folder;
  folder.has("12\n34\n");
  const std::string below = folder.path() + "/a/b";
  std::filesystem::create_directories(below);
  std::ofstream(folder.path() + "/a/cgroup.procs") << "";
  std::ofstream(below + "/cgroup.procs") << "56\n";
  const auto listed = processes_in(place_of(folder));
  CHECK(listed.has_value());
  CHECK(*listed == std::vector<pid_t>({12, 34, 56}));
}

// Nobody is to be left out, so that whoever asks looks elsewhere then.
void lists_all_or_none() {
  const Folder hidden;
  hidden.has("12\n0\n");
  CHECK(!processes_in(place_of(hidden)));
  const Folder many;
  many.has("12\n");
  for (int place = 0; place < 2049; ++place) {
    const std::string path = many.path() + "/" + std::to_string(place);
    std::filesystem::create_directory(path);
    std::ofstream(path + "/cgroup.procs") << "";
  }
  CHECK(!processes_in(place_of(many)));
  // not seen from here, as of another cgroup namespace
  const Folder empty;
  CHECK(!processes_in(place_of(empty)));
  CHECK(!processes_in({.folder = empty.path() + "/none", .path = "/none", .hierarchy = ""}));
}

constexpr Case kCases[] = {
    {"A10: processes_in: those of a cgroup and of all below it", lists_all_below},
    {"A10: processes_in: all of them or none", lists_all_or_none},
    {"A10: has_others: cgroups that vanish are no others", goes_on_where_cgroups_vanish},
    {"A10: has_others: it looks into so many cgroups and no more", looks_into_so_many},
    {"A10: has_others: it looks so deep and no deeper", looks_so_deep},
    {"A10: has_others: a user's container has the processes of this user", has_its_users_processes},
    {"A10: has_others: who acts for a container is nobody else", leaves_out_helpers},
    {"A10: has_others: a process that has ended is nobody else", leaves_out_what_has_ended},
    {"A10: has_others: whoever we do not see into is another", sees_who_is_hidden},
    {"A10: has_others: in our pid namespace a user's container has no cgroup for itself",
     tells_no_users_from_ours},
};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
