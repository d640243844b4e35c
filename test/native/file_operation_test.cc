// SPDX-License-Identifier: Apache-2.0
// Tests new files, and extended attributes by any descriptor of a caller.
#include "files/file_operation.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "check.h"
#include "files/thread_role.h"
#include "kernel/unique_fd.h"

namespace seccompagent::test {
namespace {

constexpr std::uint64_t kAdmin = 1ULL << CAP_SYS_ADMIN;
constexpr std::uint64_t kAll = ~0ULL;
constexpr const char* kOfOverlay = "trusted.overlay.test";
constexpr const char* kTrusted = "trusted.test";
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
                                       std::uint64_t capabilities, std::uint64_t lent,
                                       std::uint64_t allowance = Made::kUntold) {
  CHECK(ThreadRole::know_own_places().has_value());
  FileRequest request = {};
  request.operation = FileOperation::set_xattr;
  request.name = name;
  request.data = std::string(kBytes, 'a');
  request.lent = lent;
  const FilePlace place = {.base = file.get(),
                           .second_base = -1,
                           .processes = ThreadRole::own_processes(),
                           .allowance = allowance};
  const char* step = "";
  const auto role = ThreadRole::take(
      {.ids = nullptr, .capabilities = capabilities, .umask = 022, .root = -1}, step);
  CHECK(role.has_value());
  return operate_on_file(request, place, HeldIds::all, There());
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

// With power of the caller's own.
void counts_what_the_kernel_has() {
  leave_mounts();
  for (const Thing& thing : things_of_the_kernel()) {
    const FileAnswer answer = set_attribute(thing.fd, kTrusted, kAll, 0, kBytes);
    (void)fremovexattr(thing.fd.get(), kTrusted);
    struct stat found = {};
    CHECK_EQUAL(fstat(thing.fd.get(), &found), 0);
    if (answer.error != ENOSPC || !answer.made.is_over || answer.made.place != found.st_dev ||
        answer.made.existing != Made::kUntold)
      fail_check(__FILE__, __LINE__, thing.name + ": " + std::to_string(answer.error));
  }
}

// The kernel counts them for the real user, who is root in a thread of the agent.
void leaves_message_queues_to_who_has_all_ids() {
  leave_mounts();
  const UniqueFd queues(mounted("mqueue"));
  CHECK(ThreadRole::know_own_places().has_value());
  FileRequest request = {};
  request.operation = FileOperation::mknod;
  request.path = "queue";
  request.mode = S_IFREG | 0600;
  const FilePlace place = {
      .base = queues.get(), .second_base = -1, .processes = ThreadRole::own_processes()};
  CHECK_EQUAL(operate_on_file(request, place, HeldIds::of_file_systems, There()).error, ENOTSUP);
  CHECK_EQUAL(operate_on_file(request, place, HeldIds::all, There()).error, 0);
}

// Since Linux 6.17.
void counts_attributes_of_processes() {
  const UniqueFd self(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  const bool has_any = fsetxattr(self.get(), kTrusted, "a", 1, 0) == 0;
  const int refused = has_any ? 0 : errno;
  const FileAnswer answer = set_attribute(self, kTrusted, kAll, 0);
  CHECK_EQUAL(answer.error, refused);
  CHECK_EQUAL(answer.made.amount >= kBytes, has_any);
}

[[nodiscard]] Made made_with_lent_power(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  CHECK(file.is_open());
  const FileAnswer answer = set_attribute(file, kOfOverlay, 0, kAdmin);
  CHECK_EQUAL(answer.error, 0);
  CHECK_EQUAL(getxattr(path.c_str(), kOfOverlay, nullptr, 0), static_cast<ssize_t>(kBytes));
  return answer.made;
}

void lends_where_layers_can_be() {
  leave_mounts();
  CHECK_EQUAL(system("mkdir /mnt/l /mnt/u /mnt/w /mnt/o /mnt/d && truncate -s 32M /mnt/image && "
                     "mkfs.ext4 -q /mnt/image && mount -o loop /mnt/image /mnt/d && "
                     "mount -t overlay -o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w none "
                     "/mnt/o"),
              0);
  CHECK(made_with_lent_power("/mnt").amount >= kBytes);
  CHECK(made_with_lent_power("/mnt/o").amount >= kBytes);
  CHECK(made_with_lent_power("/mnt/d") == Made{});
  const UniqueFd memory(memfd_create("memory", MFD_CLOEXEC));
  const std::string link = "/proc/self/fd/" + std::to_string(memory.get());
  CHECK(made_with_lent_power(link).amount >= kBytes);
}

// Takes a name away right before the effect.
class Removing : public Validity {
 public:
  [[nodiscard]] bool is_gone() const override {
    (void)remove("/mnt/taken");
    return false;
  }
};

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

[[nodiscard]] FileAnswer make_beyond(const FileRequest& request, const Validity& validity) {
  CHECK(ThreadRole::know_own_places().has_value());
  const UniqueFd directory(open("/mnt", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const FilePlace place = {.base = directory.get(),
                           .second_base = directory.get(),
                           .processes = ThreadRole::own_processes(),
                           .allowance = 0};
  return operate_on_file(request, place, HeldIds::all, validity);
}

void makes_nothing_beyond_the_allowance() {
  leave_mounts();
  const FileRequest requests[] = {request_for(FileOperation::mkdir, "taken"),
                                  request_for(FileOperation::mknod, "taken"),
                                  request_for(FileOperation::symlink, "taken", "nowhere"),
                                  request_for(FileOperation::link, "file", "taken")};
  CHECK_EQUAL(mknod("/mnt/file", S_IFREG | 0644, 0), 0);
  for (const FileRequest& request : requests) {
    CHECK_EQUAL(make_beyond(request, There()).error, ENOSPC);
    CHECK_EQUAL(mknod("/mnt/taken", S_IFREG | 0644, 0), 0);
    CHECK_EQUAL(make_beyond(request, Removing()).error, EEXIST);
    (void)remove("/mnt/taken");
  }
}

void makes_nothing_on_disks_when_all_is_full() {
  leave_mounts();
  CHECK_EQUAL(system("truncate -s 32M /mnt/image && mkfs.ext4 -q /mnt/image && mkdir /mnt/d && "
                     "mount -o loop /mnt/image /mnt/d && touch /mnt/d/file"),
              0);
  CHECK(ThreadRole::know_own_places().has_value());
  const UniqueFd directory(open("/mnt/d", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const auto error_of = [&](const FileRequest& request, bool is_full) {
    return operate_on_file(request,
                           {.base = directory.get(),
                            .second_base = directory.get(),
                            .processes = ThreadRole::own_processes(),
                            .allowance = 0,
                            .is_full = is_full},
                           HeldIds::all, There())
        .error;
  };
  for (const bool is_full : {true, false}) {
    const int expected = is_full ? ENOSPC : 0;
    CHECK_EQUAL(error_of(request_for(FileOperation::mkdir, "folder"), is_full), expected);
    CHECK_EQUAL(error_of(request_for(FileOperation::open, "new", "", O_CREAT | O_WRONLY), is_full),
                expected);
    // what is there
    CHECK_EQUAL(error_of(request_for(FileOperation::open, "file", "", O_CREAT | O_WRONLY), is_full),
                0);
    CHECK_EQUAL(error_of(request_for(FileOperation::mkdir, "file"), is_full), EEXIST);
  }
}

// A whiteout takes the old name, whatever has the new one.
void renames_nothing_beyond_the_allowance() {
  leave_mounts();
  const std::string name(100, 'n');
  const std::string path = "/mnt/" + name;
  CHECK_EQUAL(mknod("/mnt/file", S_IFREG | 0644, 0), 0);
  CHECK_EQUAL(mknod("/mnt/other", S_IFREG | 0644, 0), 0);
  const auto error_of = [&](const std::string& to, std::uint32_t flags) {
    return make_beyond(request_for(FileOperation::rename, "file", to, flags), There()).error;
  };
  CHECK_EQUAL(error_of("other", RENAME_WHITEOUT), ENOSPC);
  CHECK_EQUAL(error_of(name, 0), ENOSPC);
  CHECK_EQUAL(mknod(path.c_str(), S_IFREG | 0644, 0), 0);
  CHECK_EQUAL(error_of(name, 0), ENOSPC);
  CHECK_EQUAL(error_of(name, RENAME_NOREPLACE), EEXIST);
  CHECK_EQUAL(error_of(name, RENAME_EXCHANGE), 0);
  CHECK_EQUAL(error_of("other", 0), 0);
}

// A file that hides names of a lower layer is made in the upper one.
void hides_names_within_the_room() {
  leave_mounts();
  CHECK_EQUAL(system("cd /mnt && mkdir l u w o l/folder && touch l/first l/second l/third own && "
                     "mount -t overlay -o lowerdir=l,upperdir=u,workdir=w none o"),
              0);
  CHECK(ThreadRole::know_own_places().has_value());
  const UniqueFd directory(open("/mnt", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const auto done = [&](const FileRequest& request, std::uint64_t copy_room) {
    return operate_on_file(request,
                           {.base = directory.get(),
                            .second_base = directory.get(),
                            .processes = ThreadRole::own_processes(),
                            .copy_room = copy_room},
                           HeldIds::all, There());
  };
  constexpr std::uint64_t kRoom = 64UL * 1024;
  const FileRequest requests[] = {request_for(FileOperation::unlink, "o/first"),
                                  request_for(FileOperation::unlink, "o/folder", "", AT_REMOVEDIR),
                                  request_for(FileOperation::rename, "o/second", "o/other"),
                                  // the container has copied it itself, at its own price
                                  request_for(FileOperation::rename, "o/third", "o/last")};
  CHECK_EQUAL(chmod("/mnt/o/third", 0600), 0);
  for (const FileRequest& request : requests) {
    CHECK_EQUAL(done(request, 0).error, ENOSPC);
    const FileAnswer answer = done(request, kRoom);
    CHECK_EQUAL(answer.error, 0);
    CHECK(answer.copied > 0);
    CHECK_EQUAL(done(request, 0).error, ENOENT);
  }
  CHECK_EQUAL(done(request_for(FileOperation::unlink, "own"), 0).error, 0);
}

constexpr std::uint32_t kUser = 1001;

// As a user who has /mnt for its root, and starts in a folder there.
[[nodiscard]] int open_made(const char* folder, const char* path, const Validity& validity) {
  CHECK(ThreadRole::know_own_places().has_value());
  CHECK(ThreadRole::prepare().has_value());
  const UniqueFd root(open("/mnt", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const UniqueFd base(openat(root.get(), folder, O_PATH | O_DIRECTORY | O_CLOEXEC));
  const FilePlace place = {
      .base = base.get(), .second_base = -1, .processes = ThreadRole::own_processes()};
  const RoleIds ids = {.fs_uid = kUser, .fs_gid = kUser, .groups = {}};
  const char* step = "";
  const auto role =
      ThreadRole::take({.ids = &ids, .capabilities = 0, .umask = 022, .root = root.get()}, step);
  CHECK(role.has_value());
  return operate_on_file(request_for(FileOperation::open, path, "", O_CREAT | O_WRONLY | O_TRUNC),
                         place, HeldIds::all, validity)
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
[[nodiscard]] FileAnswer open_unnamed_at(const UniqueFd& base, std::uint64_t allowance) {
  CHECK(ThreadRole::know_own_places().has_value());
  FileRequest request = request_for(FileOperation::open, "", "", O_TMPFILE | O_RDWR);
  request.mode = 0640;
  return operate_on_file(request,
                         {.base = base.get(),
                          .second_base = -1,
                          .processes = ThreadRole::own_processes(),
                          .allowance = allowance},
                         HeldIds::all, There());
}

void counts_unnamed_files_wherever_they_are_made() {
  leave_mounts();
  umask(022);
  const UniqueFd directory(open("/mnt", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const FileAnswer made = open_unnamed_at(directory, Made::kUntold);
  CHECK_EQUAL(made.error, 0);
  CHECK(made.made.amount > 0);
  struct stat found = {};
  CHECK_EQUAL(fstat(made.fd.get(), &found), 0);
  CHECK_EQUAL(found.st_mode, static_cast<mode_t>(S_IFREG | 0640));
  const FileAnswer refused = open_unnamed_at(directory, 0);
  CHECK_EQUAL(refused.error, ENOSPC);
  CHECK(refused.made.is_over);
  const UniqueFd file(open("/mnt/file", O_CREAT | O_RDWR | O_CLOEXEC, 0644));
  CHECK_EQUAL(open_unnamed_at(file, Made::kUntold).error, ENOTDIR);
}

// Files that an overlay in memory has to copy first, or the folder that they are in.
[[nodiscard]] std::vector<FileRequest> requests_that_copy() {
  using enum FileOperation;
  std::vector<FileRequest> requests = {
      request_for(mkdir, "a/new"),
      request_for(mknod, "a/new"),
      request_for(symlink, "a/new", "nowhere"),
      request_for(link, "a/file", "a/new"),
      request_for(link, "upper", "a/new"),
      request_for(rename, "a/file", "a/new"),
      request_for(rename, "upper", "a/new"),
      request_for(rename, "a/file", "upper", RENAME_EXCHANGE),
      request_for(unlink, "a/file"),
      request_for(unlink, "a/b", "", AT_REMOVEDIR),
      request_for(chmod, "a/file"),
      request_for(chmod, "a/b"),
      request_for(chown, "a/file"),
      request_for(set_xattr, "a/file"),
      request_for(remove_xattr, "a/file"),
      request_for(open, "a/new", "", O_CREAT | O_RDWR),
      request_for(open, "a", "", O_TMPFILE | O_RDWR),
  };
  for (const std::uint32_t flags : {O_WRONLY, O_RDWR, O_RDONLY | O_TRUNC, O_CREAT | O_RDWR})
    requests.push_back(request_for(open, "a/file", "", flags));
  for (FileRequest& request : requests) request.name = "user.there";
  return requests;
}

void copies_nothing_beyond_its_room() {
  leave_mounts();
  CHECK_EQUAL(system("mkdir -p /mnt/l/a/b /mnt/u /mnt/w /mnt/o && echo text > /mnt/l/a/file && "
                     "mount -t overlay -o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w none "
                     "/mnt/o && echo text > /mnt/o/upper"),
              0);
  const std::string value(65'536, 'x');
  for (const char* path : {"/mnt/l/a", "/mnt/l/a/file"})
    CHECK_EQUAL(setxattr(path, "user.there", value.data(), value.size(), 0), 0);
  CHECK(ThreadRole::know_own_places().has_value());
  const UniqueFd directory(open("/mnt/o", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const FilePlace place = {.base = directory.get(),
                           .second_base = directory.get(),
                           .processes = ThreadRole::own_processes(),
                           .copy_room = 64ULL << 10};
  for (const FileRequest& request : requests_that_copy()) {
    const std::string what = std::to_string(static_cast<int>(request.operation)) + ' ' +
                             request.path + ' ' + std::to_string(request.flags);
    const FileAnswer answer = operate_on_file(request, place, HeldIds::all, There());
    if (answer.error != ENOSPC || answer.copied < 2 * value.size() || is_there("/mnt/u/a"))
      fail_check(__FILE__, __LINE__, what + ": " + std::to_string(answer.error));
    // whoever is not the caller alone leaves it to a helper
    const FileAnswer by_thread = operate_on_file(request, place, HeldIds::of_file_systems, There());
    if (by_thread.error != ENOTSUP) fail_check(__FILE__, __LINE__, what + " by a thread");
  }
  // what is there needs no room
  CHECK_EQUAL(
      operate_on_file(request_for(FileOperation::mkdir, "a/b"), place, HeldIds::all, There()).error,
      EEXIST);
  CHECK(!is_there("/mnt/u/a"));
}

constexpr Case kCases[] = {
    {"A4: file operation: message queues are made by who has all of the caller's ids",
     leaves_message_queues_to_who_has_all_ids},
    {"A12: file operations: an overlay copies no attributes beyond its room, whatever is done",
     copies_nothing_beyond_its_room},
    {"A12: file operations: names of an overlay's lower layer are hidden as long as there is room",
     hides_names_within_the_room},
    {"A12: file operations: unnamed files are counted wherever they are made",
     counts_unnamed_files_wherever_they_are_made},
    {"A1: file operations: what a link leads to is made there, as seen from the root",
     makes_where_links_lead},
    {"A1: file operations: a link that was put there meanwhile is followed as the kernel would",
     follows_no_link_of_others_that_was_not_there},
    {"A12: file operations: over what the kernel has in memory no power is lent for attributes",
     lends_nothing_over_what_the_kernel_has},
    {"A12: file operations: attributes of what the kernel has in memory are counted",
     counts_what_the_kernel_has},
    {"A12: file operations: so are those of processes", counts_attributes_of_processes},
    {"A12: file operations: power for attributes is lent where layers of overlays can be",
     lends_where_layers_can_be},
    {"A12: file operations: beyond the allowance nothing is made, whatever becomes of a name",
     makes_nothing_beyond_the_allowance},
    {"A12: file operations: on disks, too, nothing is made when all is full",
     makes_nothing_on_disks_when_all_is_full},
    {"A12: file operations: beyond the allowance no rename makes anything",
     renames_nothing_beyond_the_allowance}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
