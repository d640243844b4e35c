// SPDX-License-Identifier: Apache-2.0
// Tests the size of files on file systems in memory.
#include "files/memory_file_system.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "check.h"
#include "files/file_size_limit.h"
#include "files/overlay.h"
#include "files/overlay_copy.h"
#include "kernel/unique_fd.h"

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

[[nodiscard]] std::uint64_t weighed(const UniqueFd& file, bool has_content = true) {
  if (!is_copied_into_memory(file.get())) return 0;
  const UniqueFd processes = opened("/proc");
  return weigh_copy({.file = file.get(), .has_content = has_content, .processes = processes.get()});
}

// Over the lower folder /mnt/l, at /mnt/o; what is below `upper` is made.
void mount_overlay(const std::string& upper) {
  CHECK_EQUAL(mkdir("/mnt/l", 0755), 0);
  CHECK_EQUAL(mkdir("/mnt/l/a", 0755), 0);
  CHECK_EQUAL(mkdir("/mnt/l/a/b", 0755), 0);
  CHECK_EQUAL(mkdir("/mnt/o", 0755), 0);
  for (const char* folder : {"/u", "/w"}) CHECK_EQUAL(mkdir((upper + folder).c_str(), 0755), 0);
  const std::string options = "lowerdir=/mnt/l,upperdir=" + upper + "/u,workdir=" + upper + "/w";
  mount_at("overlay", "/mnt/o", options.c_str());
}

void weighs_overlays_by_their_upper_one() {
  leave_mounts();
  mount_overlay("/mnt");
  CHECK(made_in("/mnt/o").amount > 0);
  // its number is another's once it is gone, and what was made is not
  CHECK_EQUAL(made_in("/mnt/o").existing, Made::kUntold);
  CHECK_EQUAL(mkdir("/mnt/o/new", 0755), 0);
  CHECK(made_in("/mnt/o/new").amount > 0);
  const UniqueFd folder = opened("/mnt/o/a/b");
  CHECK(weigh({.at = folder.get(), .name = nullptr, .bytes = 1, .is_attribute = true}).amount > 0);
}

// A new file makes the folder anew in the upper one, whatever the lower one looks like.
void weighs_folders_of_the_lower_one() {
  leave_mounts();
  CHECK_EQUAL(system("truncate -s 32M /mnt/image && mkfs.ext4 -q /mnt/image && mkdir /mnt/l && "
                     "mount -o loop /mnt/image /mnt/l && mkdir -p /mnt/l/a/b /mnt/o /mnt/u /mnt/w"),
              0);
  mount_at("overlay", "/mnt/o", "lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w");
  for (const char* folder : {"/mnt/o/a", "/mnt/o/a/b"}) CHECK(made_in(folder).amount > 0);
  CHECK_EQUAL(mount("/mnt/o/a/b", "/mnt/o", nullptr, MS_BIND, nullptr), 0);
  CHECK(made_in("/mnt/o").amount > 0);
}

// The handles of an overlay that was mounted in a user namespace tell nothing, and folders have the
// figures of their layer.
void weighs_overlays_of_user_namespaces() {
  leave_mounts();
  CHECK_EQUAL(system("truncate -s 32M /mnt/image && mkfs.ext4 -q /mnt/image && mkdir /mnt/l && "
                     "mount -o loop /mnt/image /mnt/l && mkdir /mnt/l/a /mnt/u /mnt/w /mnt/o"),
              0);
  CHECK_EQUAL(unshare(CLONE_NEWUSER | CLONE_NEWNS), 0);
  std::ofstream("/proc/self/setgroups") << "deny";
  for (const char* map : {"/proc/self/uid_map", "/proc/self/gid_map"})
    CHECK((std::ofstream(map) << "0 0 1" << std::flush).good());
  mount_at("overlay", "/mnt/o", "userxattr,lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w");
  CHECK_EQUAL(system("echo text > /mnt/l/lower"), 0);
  CHECK(weighed(opened("/mnt/o/lower")) > 0);
  CHECK_EQUAL(system("echo text > /mnt/o/file"), 0);
  for (const char* path : {"/mnt/o", "/mnt/o/a"}) CHECK(made_in(path).amount > 0);
  for (const char* path : {"/mnt/o", "/mnt/o/a", "/mnt/o/file"}) {
    const UniqueFd file = opened(path);
    CHECK(weigh({.at = file.get(), .name = nullptr, .bytes = 1, .is_attribute = true}).amount > 0);
  }
}

// Whose layers are on a tmpfs of the user's own.
void mount_users_overlay() {
  leave_mounts();
  CHECK_EQUAL(unshare(CLONE_NEWUSER | CLONE_NEWNS), 0);
  std::ofstream("/proc/self/setgroups") << "deny";
  for (const char* map : {"/proc/self/uid_map", "/proc/self/gid_map"})
    CHECK((std::ofstream(map) << "0 0 1" << std::flush).good());
  mount_at("tmpfs", "/mnt", "nr_inodes=0");
  CHECK_EQUAL(system("mkdir -p /mnt/l/a/b /mnt/u /mnt/w /mnt/o /mnt/bound"), 0);
  for (const char* file : {"/mnt/l/a/b/file", "/mnt/l/other"}) std::ofstream(file) << "text";
  mount_at("overlay", "/mnt/o", "userxattr,lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w");
}

void set_attributes(const char* path, int count) {
  const std::string value(65'536, 'x');
  for (int at = 0; at < count; ++at) {
    const std::string name = "user." + std::to_string(at);
    CHECK_EQUAL(setxattr(path, name.c_str(), value.data(), value.size(), 0), 0);
  }
}

constexpr std::uint64_t kTooMuch = 1ULL << 40;

// The kernel keeps 64 KiB and a little in 128 KiB.
void weighs_what_attributes_take() {
  constexpr std::uint64_t kOne = 128ULL << 10;
  mount_users_overlay();
  const std::uint64_t bare = weighed(opened("/mnt/o/other"));
  CHECK(bare > 0 && bare < kOne / 4);
  set_attributes("/mnt/l/other", 2);
  CHECK(weighed(opened("/mnt/o/other")) >= bare + 2 * kOne);
  set_attributes("/mnt/l/other", 100);
  CHECK(weighed(opened("/mnt/o/other")) > kTooMuch);
  // all that is above is copied, too
  set_attributes("/mnt/l/a", 1);
  for (const char* path : {"/mnt/o/a", "/mnt/o/a/b", "/mnt/o/a/b/file"}) {
    const std::uint64_t with = weighed(opened(path));
    CHECK(with >= kOne && with < 2 * kOne);
  }
  set_attributes("/mnt/l/a", 100);
  for (const char* path : {"/mnt/o/a", "/mnt/o/a/b", "/mnt/o/a/b/file"})
    CHECK(weighed(opened(path)) > kTooMuch);
}

// Who may not read the file hears no sizes.
void takes_what_is_not_told_for_the_largest() {
  mount_users_overlay();
  CHECK_EQUAL(setxattr("/mnt/l/other", "user.a", "x", 1, 0), 0);
  CHECK_EQUAL(chmod("/mnt/l/other", 0), 0);
  const UniqueFd file = opened("/mnt/o/other");
  CHECK(weighed(file) < 8192);
  CHECK_EQUAL(prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH, 0, 0, 0), 0);
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct none[2] = {};
  CHECK_EQUAL(syscall(SYS_capset, &header, none), 0);
  CHECK(weighed(file) >= 128ULL << 10);
}

void weighs_no_overlay_that_is_seen_in_part() {
  mount_users_overlay();
  CHECK_EQUAL(mount("/mnt/o/a", "/mnt/bound", nullptr, MS_BIND, nullptr), 0);
  for (const char* path : {"/mnt/bound", "/mnt/bound/b", "/mnt/bound/b/file"})
    CHECK(weighed(opened(path)) > kTooMuch);
  CHECK_EQUAL(umount("/mnt/bound"), 0);
  for (const char* path : {"/mnt/o/a", "/mnt/o/a/b", "/mnt/o/a/b/file"})
    CHECK(weighed(opened(path)) < kTooMuch);
  // a file without a name was made in the upper layer
  std::ofstream("/mnt/o/a/new") << "text";
  const UniqueFd file = opened("/mnt/o/a/new");
  CHECK_EQUAL(unlink("/mnt/o/a/new"), 0);
  CHECK(weighed(file) < kTooMuch);
}

void weighs_what_is_above_the_root() {
  mount_users_overlay();
  set_attributes("/mnt/l/a", 1);
  const UniqueFd processes = opened("/proc");
  const UniqueFd own_root = opened("/");
  const UniqueFd root = opened("/mnt/o/a/b");
  const std::uint64_t above = weigh_above(root.get(), processes.get());
  CHECK(above >= 128ULL << 10 && above < kTooMuch);
  CHECK_EQUAL(fchdir(root.get()), 0);
  CHECK_EQUAL(chroot("."), 0);
  const UniqueFd file = opened("/file");
  const Copy copy = {.file = file.get(), .has_content = false, .processes = processes.get()};
  CHECK(weigh_copy(copy) < above);
  Copy from_there = copy;
  from_there.above_root = above;
  CHECK(weigh_copy(from_there) > above && weigh_copy(from_there) < kTooMuch);
  CHECK_EQUAL(fchdir(own_root.get()), 0);
  CHECK_EQUAL(chroot("."), 0);
}

void believes_no_other_figures() {
  leave_mounts();
  CHECK_EQUAL(mkdir("/mnt/h", 0755), 0);
  mount_at("hugetlbfs", "/mnt/h", "size=4M");
  const Made made = made_in("/mnt/h");
  CHECK(made.amount > 0);
  CHECK_EQUAL(made.existing, Made::kUntold);
}

void weighs_overlays_on_a_ramfs() {
  leave_mounts();
  CHECK_EQUAL(mkdir("/mnt/r", 0755), 0);
  mount_at("ramfs", "/mnt/r");
  mount_overlay("/mnt/r");
  CHECK(made_in("/mnt/o").amount > 0);
}

// An ext4 that keeps no blocks for anybody, and its small folders in their inodes, has the figures
// of a tmpfs.
void weighs_no_overlay_on_a_disk() {
  leave_mounts();
  CHECK_EQUAL(system("truncate -s 32M /mnt/image && mkdir /mnt/d && "
                     "mkfs.ext4 -q -m 0 -O inline_data /mnt/image && "
                     "mount -o loop /mnt/image /mnt/d && "
                     "echo 0 > /sys/fs/ext4/$(basename $(findmnt -no SOURCE /mnt/d))/"
                     "reserved_clusters"),
              0);
  mount_overlay("/mnt/d");
  CHECK_EQUAL(weighed(opened("/mnt/o/a")), 0U);
  CHECK(!copies_into_memory(opened("/mnt/o/a").get()));
  CHECK_EQUAL(mkdir("/mnt/o/new", 0755), 0);
  struct stat found = {};
  CHECK_EQUAL(stat("/mnt/o/new", &found), 0);
  CHECK_EQUAL(found.st_blocks, 0);
  CHECK_EQUAL(found.st_size % 20, 0);
  for (const char* folder : {"/mnt/o", "/mnt/o/new", "/mnt/o/a", "/mnt/o/a/b"})
    CHECK(made_in(folder) == Made{});
}

void weighs_no_disk() {
  leave_mounts();
  CHECK_EQUAL(system("truncate -s 32M /mnt/image && mkfs.ext4 -q /mnt/image && mkdir /mnt/d && "
                     "mount -o loop /mnt/image /mnt/d"),
              0);
  CHECK(made_in("/mnt/d") == Made{});
  const UniqueFd file = opened("/mnt/d");
  CHECK(weigh({.at = file.get(), .name = nullptr, .bytes = 1, .is_attribute = true}) == Made{});
}

void weighs_what_it_does_not_know() {
  leave_mounts();
  for (const char* path : {"/proc", "/sys", "/proc/self/ns/mnt"}) {
    const UniqueFd file = opened(path);
    struct stat found = {};
    CHECK_EQUAL(fstat(file.get(), &found), 0);
    for (const bool is_attribute : {false, true}) {
      const Made made =
          weigh({.at = file.get(), .name = "new", .bytes = 1, .is_attribute = is_attribute});
      CHECK_EQUAL(made.place, found.st_dev);
      CHECK(made.amount > 0);
      CHECK_EQUAL(made.existing, Made::kUntold);
    }
  }
}

void says_whether_a_name_is_taken() {
  leave_mounts();
  const UniqueFd directory = opened("/mnt");
  CHECK(!is_there({.at = directory.get(), .name = "a"}));
  CHECK_EQUAL(symlinkat("nowhere", directory.get(), "a"), 0);
  CHECK(is_there({.at = directory.get(), .name = "a"}));
  CHECK(!is_there({.at = directory.get(), .name = nullptr}));
}

void weighs_what_an_overlay_copies() {
  constexpr std::uint64_t kContent = 1ULL << 20;
  leave_mounts();
  mount_overlay("/mnt");
  CHECK_EQUAL(system("dd if=/dev/zero of=/mnt/l/file bs=1M count=1 status=none"), 0);
  {
    const UniqueFd file = opened("/mnt/o/file");
    CHECK(weighed(file) > kContent);
    const std::uint64_t without = weighed(file, false);
    CHECK(without > 0 && without < kContent);
    CHECK(copies_into_memory(file.get()));
  }
  // the kernel keeps the limit, whatever was weighed
  CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
  {
    const FileSizeLimit limit(kContent / 2);
    CHECK_EQUAL(chmod("/mnt/o/file", 0600), -1);
    CHECK_EQUAL(errno, EFBIG);
    CHECK_EQUAL(rename("/mnt/o/file", "/mnt/o/other"), -1);
    CHECK_EQUAL(errno, EFBIG);
  }
  {
    const FileSizeLimit limit(2 * kContent);
    CHECK_EQUAL(chmod("/mnt/o/file", 0600), 0);
  }
  const UniqueFd made = opened("/mnt/o/a");
  CHECK(weighed(made) > 0);
  CHECK_EQUAL(mkdir("/mnt/o/new", 0755), 0);
  CHECK_EQUAL(weighed(opened("/mnt/o/new")), 0U);
  const UniqueFd elsewhere = opened("/mnt/l/file");
  CHECK_EQUAL(weighed(elsewhere), 0U);
  CHECK(!copies_into_memory(elsewhere.get()));
}

constexpr Case kCases[] = {
    {"A12: memory file systems: a tmpfs tells how many things it has", weighs_a_tmpfs},
    {"A12: memory file systems: attributes take what they have", weighs_attributes},
    {"A12: memory file systems: one without a bound of its own can’t tell",
     cannot_tell_what_is_there},
    {"A12: memory file systems: an overlay is where its upper one is",
     weighs_overlays_by_their_upper_one},
    {"A12: memory file systems: so is what only its lower one has by then",
     weighs_folders_of_the_lower_one},
    {"A12: memory file systems: an overlay copies a file with its content, up to a limit",
     weighs_what_an_overlay_copies},
    {"A12: memory file systems: an overlay copies attributes, also of folders above",
     weighs_what_attributes_take},
    {"A12: memory file systems: an attribute whose size nobody tells is as large as one may be",
     takes_what_is_not_told_for_the_largest},
    {"A12: memory file systems: folders that cannot be seen may have any attributes",
     weighs_no_overlay_that_is_seen_in_part},
    {"A12: memory file systems: an overlay copies what is above a caller’s root",
     weighs_what_is_above_the_root},
    {"A12: memory file systems: an overlay of a user namespace may always be in memory",
     weighs_overlays_of_user_namespaces},
    {"A12: memory file systems: figures of a hugetlbfs are not believed",
     believes_no_other_figures},
    {"A12: memory file systems: an overlay may be on a ramfs", weighs_overlays_on_a_ramfs},
    {"A12: memory file systems: an overlay on a disk takes nothing, whatever it looks like",
     weighs_no_overlay_on_a_disk},
    {"A12: memory file systems: a disk takes nothing", weighs_no_disk},
    {"A12: memory file systems: what is not known to be elsewhere counts as memory",
     weighs_what_it_does_not_know},
    {"A12: memory file systems: a name is taken by whatever it is", says_whether_a_name_is_taken}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
