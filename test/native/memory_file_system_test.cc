// SPDX-License-Identifier: Apache-2.0
// What things take on file systems in memory.
#include "helper/memory_file_system.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <string>

#include "check.h"
#include "unique_fd.h"

namespace seccompagent::test {
namespace {

// In a mount namespace of our own.
void mount_at(const char* type, const char* path, const char* options = nullptr) {
  CHECK_EQUAL(mount("none", path, type, 0, options), 0);
}

void leave_mounts() {
  CHECK_EQUAL(unshare(CLONE_NEWNS), 0);
  CHECK_EQUAL(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  mount_at("tmpfs", "/mnt", "nr_inodes=100");
}

[[nodiscard]] UniqueFd opened(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_PATH | O_CLOEXEC));
  CHECK(fd.is_open());
  return fd;
}

[[nodiscard]] Made made_in(const std::string& path, std::size_t text = 0) {
  const UniqueFd directory = opened(path);
  return weigh({.at = directory.get(), .name = "new", .bytes = text});
}

void weighs_a_tmpfs() {
  leave_mounts();
  const Made empty = made_in("/mnt");
  struct stat found = {};
  CHECK_EQUAL(stat("/mnt", &found), 0);
  CHECK_EQUAL(empty.place, found.st_dev);
  CHECK(empty.amount >= 1024);
  CHECK_EQUAL(empty.largest, empty.amount);
  CHECK(!empty.is_over);
  CHECK_EQUAL(mkdir("/mnt/a", 0755), 0);
  CHECK_EQUAL(made_in("/mnt").existing, empty.existing + 1);
  CHECK_EQUAL(rmdir("/mnt/a"), 0);
  CHECK_EQUAL(made_in("/mnt").existing, empty.existing);
  // a long text has a page
  CHECK_EQUAL(made_in("/mnt", 100).amount, empty.amount);
  CHECK_EQUAL(made_in("/mnt", 1000).amount, empty.amount + 4096);
}

void weighs_attributes() {
  leave_mounts();
  const UniqueFd file = opened("/mnt");
  constexpr std::size_t kBytes = 60'000;
  const Made made =
      weigh({.at = file.get(), .name = nullptr, .bytes = kBytes, .is_attribute = true});
  CHECK(made.amount >= kBytes);
}

void cannot_tell_what_is_there() {
  leave_mounts();
  for (const char* type : {"ramfs", "tmpfs"}) {
    CHECK_EQUAL(mkdir("/mnt/a", 0755), 0);
    mount_at(type, "/mnt/a", std::string(type) == "tmpfs" ? "nr_inodes=0" : nullptr);
    CHECK(made_in("/mnt/a").amount > 0);
    CHECK_EQUAL(made_in("/mnt/a").existing, Made::kUntold);
    CHECK_EQUAL(umount("/mnt/a"), 0);
    CHECK_EQUAL(rmdir("/mnt/a"), 0);
  }
}

void weighs_overlays_by_their_upper_one() {
  leave_mounts();
  for (const char* folder : {"/mnt/l", "/mnt/u", "/mnt/w", "/mnt/o"})
    CHECK_EQUAL(mkdir(folder, 0755), 0);
  mount_at("overlay", "/mnt/o", "lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w");
  CHECK(made_in("/mnt/o").amount > 0);
}

void weighs_no_disk() {
  leave_mounts();
  // it takes nothing of what is not kept in memory
  CHECK(made_in("/proc") == Made{});
  CHECK(made_in("/sys") == Made{});
}

void says_whether_a_name_is_taken() {
  leave_mounts();
  const UniqueFd directory = opened("/mnt");
  CHECK(!is_there({.at = directory.get(), .name = "a"}));
  CHECK_EQUAL(symlinkat("nowhere", directory.get(), "a"), 0);
  CHECK(is_there({.at = directory.get(), .name = "a"}));
  CHECK(!is_there({.at = directory.get(), .name = nullptr}));
}

constexpr Case kCases[] = {
    {"A12: memory file systems: a tmpfs tells how many things it has", weighs_a_tmpfs},
    {"A12: memory file systems: attributes take what they have", weighs_attributes},
    {"A12: memory file systems: one without a bound of its own can’t tell",
     cannot_tell_what_is_there},
    {"A12: memory file systems: an overlay is where its upper one is",
     weighs_overlays_by_their_upper_one},
    {"A12: memory file systems: others take nothing", weighs_no_disk},
    {"A12: memory file systems: a name is taken by whatever it is", says_whether_a_name_is_taken}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
