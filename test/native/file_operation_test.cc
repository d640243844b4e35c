// SPDX-License-Identifier: Apache-2.0
// Tests new files, and extended attributes by any descriptor of a caller.
#include "files/file_operation.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "acting_as.h"
#include "check.h"
#include "fuse_file_system.h"
#include "kernel/unique_fd.h"

namespace seccompagent::test {
namespace {

constexpr std::uint64_t kAdmin = 1ULL << CAP_SYS_ADMIN;
constexpr const char* kOfOverlay = "trusted.overlay.test";
constexpr std::size_t kBytes = 500;

class There : public Validity {
 public:
  [[nodiscard]] bool is_gone() const override { return false; }
};

struct Thing {
  std::string name;
  UniqueFd fd;
};

void add(std::vector<Thing>& things, const char* name, int fd) {
  things.push_back({name, UniqueFd(fd)});
  if (!things.back().fd.is_open()) fail_check(__FILE__, __LINE__, name);
}

void leave_mounts() {
  CHECK_EQUAL(unshare(CLONE_NEWNS | CLONE_NEWIPC), 0);
  CHECK_EQUAL(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  CHECK_EQUAL(mount("none", "/mnt", "tmpfs", 0, nullptr), 0);
}

[[nodiscard]] int mounted(const std::string& type, const char* options = nullptr) {
  const std::string at = "/mnt/" + type;
  CHECK_EQUAL(mkdir(at.c_str(), 0755), 0);
  CHECK_EQUAL(mount("none", at.c_str(), type.c_str(), 0, options), 0);
  return open(at.c_str(), O_RDONLY | O_CLOEXEC);
}

// File systems in memory of the kernel's own, where no overlay has a layer.
[[nodiscard]] std::vector<Thing> things_of_the_kernel() {
  std::vector<Thing> things;
  int ends[2];
  CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
  add(things, "pidfd", static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  add(things, "namespace", open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  add(things, "socket", socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  add(things, "pipe", ends[0]);
  add(things, "other end", ends[1]);
  add(things, "anonymous inode", eventfd(0, EFD_CLOEXEC));
  add(things, "process", open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  for (const char* type :
       {"sysfs", "debugfs", "tracefs", "securityfs", "devpts", "mqueue", "ramfs", "bpf"})
    add(things, type, mounted(type));
  return things;
}

[[nodiscard]] FileAnswer set_attribute(const UniqueFd& file, const char* name,
                                       std::uint64_t capabilities, std::uint64_t lent) {
  CHECK(open_own_processes().has_value());
  FileRequest request = {};
  request.operation = FileOperation::set_xattr;
  request.name = name;
  request.data = std::string(kBytes, 'a');
  request.lent = lent;
  const FilePlace place = {.base = file.get(), .second_base = -1, .processes = own_processes()};
  CHECK(set_effective(capabilities).has_value());
  auto done = operate_on_file(request, place, There());
  CHECK(set_effective(~0ULL).has_value());
  return done;
}

void lends_nothing_over_what_the_kernel_has() {
  leave_mounts();
  for (const Thing& thing : things_of_the_kernel()) {
    const FileAnswer answer = set_attribute(thing.fd, kOfOverlay, 0, kAdmin);
    // of sysfs it would stay for ever
    (void)fremovexattr(thing.fd.get(), kOfOverlay);
    if (answer.error != EOPNOTSUPP)
      fail_check(__FILE__, __LINE__, thing.name + ": " + std::to_string(answer.error));
  }
}

void set_with_lent_power(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  CHECK(file.is_open());
  const FileAnswer answer = set_attribute(file, kOfOverlay, 0, kAdmin);
  CHECK_EQUAL(answer.error, 0);
  CHECK_EQUAL(getxattr(path.c_str(), kOfOverlay, nullptr, 0), static_cast<ssize_t>(kBytes));
}

void lends_where_layers_can_be() {
  leave_mounts();
  CHECK_EQUAL(system("mkdir /mnt/l /mnt/u /mnt/w /mnt/o /mnt/d && truncate -s 32M /mnt/image && "
                     "mkfs.ext4 -q /mnt/image && mount -o loop /mnt/image /mnt/d && "
                     "mount -t overlay -o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w none "
                     "/mnt/o"),
              0);
  for (const char* path : {"/mnt", "/mnt/o", "/mnt/d"}) set_with_lent_power(path);
  const UniqueFd memory(memfd_create("memory", MFD_CLOEXEC));
  const std::string link = "/proc/self/fd/" + std::to_string(memory.get());
  set_with_lent_power(link);
}

[[nodiscard]] FileRequest request_for(FileOperation operation, const std::string& path,
                                      const std::string& second_path = "",
                                      std::uint32_t flags = 0) {
  FileRequest request = {};
  request.operation = operation;
  request.path = path;
  request.second_path = second_path;
  request.flags = flags;
  request.mode = operation == FileOperation::mknod ? S_IFREG | 0644 : 0755;
  return request;
}

constexpr std::uint32_t kUser = 1001;

// As a user who has /mnt for its root, and starts in a folder there.
[[nodiscard]] int open_made(const char* folder, const char* path, const Validity& validity) {
  const UniqueFd root(open("/mnt", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const UniqueFd base(openat(root.get(), folder, O_PATH | O_DIRECTORY | O_CLOEXEC));
  const ActingAs user(kUser, root.get());
  const FilePlace place = {.base = base.get(), .second_base = -1, .processes = own_processes()};
  return operate_on_file(request_for(FileOperation::open, path, "", O_CREAT | O_WRONLY | O_TRUNC),
                         place, validity)
      .error;
}

[[nodiscard]] bool is_there(const char* path) {
  struct stat found = {};
  return lstat(path, &found) == 0;
}

void makes_where_links_lead() {
  leave_mounts();
  CHECK_EQUAL(chmod("/mnt", 0777), 0);
  CHECK_EQUAL(mkdir("/mnt/a", 0777), 0);
  CHECK_EQUAL(symlink("/made", "/mnt/a/to-root"), 0);
  CHECK_EQUAL(open_made("a", "to-root", There()), 0);
  CHECK(is_there("/mnt/made"));
  CHECK(!is_there("/mnt/a/made"));
  // and finds it there again
  CHECK_EQUAL(open_made("a", "to-root", There()), 0);
}

// Puts a link there once nothing was found by its name.
class Planting : public Validity {
 public:
  [[nodiscard]] bool is_gone() const override {
    constexpr int kOfMaking = 2;
    if (++asked_ == kOfMaking) CHECK_EQUAL(rename("/planted", "/shared/name"), 0);
    return false;
  }

 private:
  mutable int asked_ = 0;
};

// In a folder that many write to.
void follows_no_link_of_others_that_was_not_there() {
  constexpr uid_t kOfFolder = 1000;
  constexpr uid_t kOther = 1002;
  leave_mounts();
  CHECK_EQUAL(chmod("/mnt", 0777), 0);
  CHECK_EQUAL(mkdir("/mnt/shared", 0), 0);
  CHECK_EQUAL(chmod("/mnt/shared", 01777), 0);
  CHECK_EQUAL(chown("/mnt/shared", kOfFolder, kOfFolder), 0);
  for (const uid_t owner : {kOther, kOfFolder}) {
    CHECK_EQUAL(symlink("/victim", "/mnt/planted"), 0);
    CHECK_EQUAL(lchown("/mnt/planted", owner, owner), 0);
    CHECK_EQUAL(open_made("shared", "name", Planting()), owner == kOther ? EACCES : 0);
    CHECK_EQUAL(is_there("/mnt/victim"), owner != kOther);
    CHECK_EQUAL(remove("/mnt/shared/name"), 0);
  }
}

// As /proc/self/fd/N is meant: the base itself.
[[nodiscard]] FileAnswer open_unnamed_at(const UniqueFd& base) {
  CHECK(open_own_processes().has_value());
  FileRequest request = request_for(FileOperation::open, "", "", O_TMPFILE | O_RDWR);
  request.mode = 0640;
  return operate_on_file(
      request, {.base = base.get(), .second_base = -1, .processes = own_processes()}, There());
}

void makes_unnamed_files_in_directories_alone() {
  leave_mounts();
  umask(022);
  const UniqueFd directory(open("/mnt", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const FileAnswer made = open_unnamed_at(directory);
  CHECK_EQUAL(made.error, 0);
  struct stat found = {};
  CHECK_EQUAL(fstat(made.fd.get(), &found), 0);
  CHECK_EQUAL(found.st_mode, static_cast<mode_t>(S_IFREG | 0640));
  const UniqueFd file(open("/mnt/file", O_CREAT | O_RDWR | O_CLOEXEC, 0644));
  CHECK_EQUAL(open_unnamed_at(file).error, ENOTDIR);
}

// A disk that somebody has claimed, as a mount does.
void claims_disks_as_the_caller_asks() {
  leave_mounts();
  CHECK_EQUAL(system("truncate -s 32M /mnt/image && losetup -f --show /mnt/image > /mnt/name"), 0);
  std::string name;
  std::ifstream("/mnt/name") >> name;
  CHECK(open_own_processes().has_value());
  const CallersProcess caller = {.process = {getpid()}, .thread = {getpid()}};
  const auto opened = [&](std::uint32_t flags) {
    const FileRequest request = request_for(FileOperation::open, name, "", flags);
    const FilePlace place = {
        .base = -1, .second_base = -1, .processes = own_processes(), .process = &caller};
    return operate_on_file(request, place, There());
  };
  {
    const FileAnswer first = opened(O_RDONLY | O_EXCL);
    CHECK_EQUAL(first.error, 0);
    CHECK_EQUAL(opened(O_RDONLY | O_EXCL).error, EBUSY);
    CHECK_EQUAL(opened(O_RDONLY).error, 0);
  }
  CHECK_EQUAL(system(("losetup -d " + name).c_str()), 0);
}

[[nodiscard]] int open_in_processes(const std::string& path, bool has_memory_of_another,
                                    std::uint32_t flags = O_RDONLY) {
  CHECK(open_own_processes().has_value());
  const CallersProcess caller = {.process = {1}, .thread = {1}};
  const FilePlace place = {.base = -1,
                           .second_base = -1,
                           .processes = own_processes(),
                           .process = &caller,
                           .has_memory_of_another = has_memory_of_another};
  return operate_on_file(request_for(FileOperation::open, path, "", flags), place, There()).error;
}

// A file system is asked once, and what it answers is the answer; but for an errno of which a
// procfs on the way may be the cause.
void asks_once() {
  for (const std::uint32_t flags : {O_RDONLY, O_DIRECTORY, O_WRONLY, O_PATH}) {
    for (const int error : {EINTR, EIO}) {
      FuseFileSystem files;
      std::atomic<int> asked = 0;
      std::thread answering([&] {
        constexpr int kLongMs = 500;
        // another answer would be given to whoever asks again
        for (; files.has_question(asked == 0 ? -1 : kLongMs); ++asked)
          files.fail_with(files.next_question(), asked == 0 ? error : EXFULL);
      });
      CHECK_EQUAL(open_in_processes(files.file(), false, flags), error);
      answering.join();
      CHECK_EQUAL(asked.load(), 1);
    }
  }
}

// Whoever asks for it asks again without.
void finds_no_process_in_a_cache() {
  CHECK(open_own_processes().has_value());
  const CallersProcess caller = {.process = {1}, .thread = {1}};
  const FilePlace place = {
      .base = -1, .second_base = -1, .processes = own_processes(), .process = &caller};
  for (const char* path : {"/proc/self/status", "/proc/thread-self/comm", "/proc/self/fd/"}) {
    FileRequest request = request_for(FileOperation::open, path, "", O_RDONLY);
    request.resolve = RESOLVE_CACHED;
    CHECK_EQUAL(operate_on_file(request, place, There()).error, EAGAIN);
  }
}

void opens_nothing_of_its_own_process() {
  const std::string own = "/proc/" + std::to_string(getpid());
  for (const char* name : {"/status", "/mem", "/maps", "/fd"})
    CHECK_EQUAL(open_in_processes(own + name, false), EOPNOTSUPP);
  for (const char* name : {"/fd", "/task", ""})
    CHECK_EQUAL(open_in_processes(own + name, false, O_DIRECTORY), EOPNOTSUPP);
  CHECK_EQUAL(open_in_processes("/proc/" + std::to_string(getppid()) + "/status", false), 0);
  CHECK_EQUAL(open_in_processes("/proc/version", false), 0);
}

void opens_nothing_beside_whose_memory_it_has() {
  for (const pid_t process : {getpid(), getppid()})
    CHECK_EQUAL(open_in_processes("/proc/" + std::to_string(process) + "/status", true),
                EOPNOTSUPP);
}

constexpr Case kCases[] = {
    {"A3a: file operations: with RESOLVE_CACHED, what is another one's for each process is in no "
     "cache",
     finds_no_process_in_a_cache},
    {"A3a: file operations: what a file system answers to an open is the answer", asks_once},
    {"A4: file operations: nothing is opened in a procfs of the process that acts",
     opens_nothing_of_its_own_process},
    {"A4: file operations: nothing is opened in a procfs that shows whose memory we have",
     opens_nothing_beside_whose_memory_it_has},
    {"A1: file operations: unnamed files are made in directories alone",
     makes_unnamed_files_in_directories_alone},
    {"A13: file operations: a claimed disk is EBUSY for who claims it, too",
     claims_disks_as_the_caller_asks},
    {"A1: file operations: what a link leads to is made there, as seen from the root",
     makes_where_links_lead},
    {"A1: file operations: a link that was put there meanwhile is followed as the kernel would",
     follows_no_link_of_others_that_was_not_there},
    {"A12: file operations: over what the kernel has in memory no power is lent for attributes",
     lends_nothing_over_what_the_kernel_has},
    {"A12: file operations: power for attributes is lent where layers of overlays can be",
     lends_where_layers_can_be}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
