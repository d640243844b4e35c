// SPDX-License-Identifier: Apache-2.0
// Tests the protection of folders that many users write to while they exchange things in there, and
// where the numbers of their owners tell little.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <string>

#include "acting_as.h"
#include "check.h"
#include "files/file_operation.h"
#include "kernel/own_processes.h"
#include "kernel/unique_fd.h"

namespace seccompagent::test {
namespace {

constexpr uid_t kOther = 1000;
constexpr uid_t kNobody = 65534;

class There : public Validity {
 public:
  [[nodiscard]] bool is_gone() const override { return false; }
};

// The levels of distributions, whatever those of this system are.
[[nodiscard]] FileAnswer open_as_we_are(const std::string& path, std::uint32_t flags) {
  FileRequest request = {};
  request.operation = FileOperation::open;
  request.path = path;
  request.flags = flags;
  request.mode = 0600;
  request.first = 1;
  request.second = 1;
  const FilePlace place = {.base = -1, .second_base = -1, .processes = own_processes()};
  return operate_on_file(request, place, There());
}

constexpr std::uint32_t kToWrite = O_CREAT | O_RDWR | O_NONBLOCK;

[[nodiscard]] int error_for(const std::string& path) {
  return open_as_we_are(path, kToWrite).error;
}

void make_folder(const char* path, mode_t mode, uid_t owner) {
  CHECK_EQUAL(mkdir(path, 0700), 0);
  CHECK_EQUAL(chmod(path, mode), 0);
  CHECK_EQUAL(chown(path, owner, owner), 0);
}

void make_file(const char* path, uid_t owner, mode_t type = S_IFREG) {
  CHECK_EQUAL(mknod(path, type | 0600, 0), 0);
  CHECK_EQUAL(chmod(path, 0666), 0);
  CHECK_EQUAL(chown(path, owner, owner), 0);
}

void make_link(const char* text, const char* path, uid_t owner) {
  CHECK_EQUAL(symlink(text, path), 0);
  CHECK_EQUAL(lchown(path, owner, owner), 0);
}

// A folder that all write to, and one of somebody in there.
void make_folders() {
  CHECK(open_own_processes().has_value());
  CHECK_EQUAL(unshare(CLONE_NEWNS), 0);
  CHECK_EQUAL(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  CHECK_EQUAL(mount("none", "/mnt", "tmpfs", 0, nullptr), 0);
  make_folder("/mnt/shared", 01777, 0);
  make_folder("/mnt/home", 0755, kOther);
}

// Exchanges two names all the time.
class Exchanger {
 public:
  Exchanger(const char* one, const char* other) : process_(fork()) {
    CHECK(process_ != -1);
    if (process_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) == 0) continue;
    _exit(1);
  }
  Exchanger(const Exchanger&) = delete;
  Exchanger& operator=(const Exchanger&) = delete;
  ~Exchanger() {
    kill(process_, SIGKILL);
    int status = 0;
    waitpid(process_, &status, 0);
    // it went on until then
    CHECK(WIFSIGNALED(status));
  }

 private:
  pid_t process_;
};

constexpr int kTries = 20'000;

// His own file there and his own link to another name of it: neither is opened for others.
void finds_no_file_in_one_place_and_its_folder_in_another() {
  make_folders();
  for (const mode_t type : {S_IFREG, S_IFIFO}) {
    make_file("/mnt/home/file", kOther, type);
    CHECK_EQUAL(link("/mnt/home/file", "/mnt/shared/name"), 0);
    make_link("/mnt/home/file", "/mnt/shared/other", kOther);
    {
      const Exchanger exchanger("/mnt/shared/name", "/mnt/shared/other");
      for (int tries = 0; tries < kTries; ++tries)
        CHECK_EQUAL(error_for("/mnt/shared/name"), EACCES);
    }
    for (const char* path : {"/mnt/home/file", "/mnt/shared/name", "/mnt/shared/other"})
      CHECK_EQUAL(unlink(path), 0);
  }
}

// With our own file in place of the link.
void opens_what_was_judged() {
  make_folders();
  make_file("/mnt/shared/name", kOther);
  make_file("/mnt/shared/own", 0);
  struct stat own = {};
  CHECK_EQUAL(stat("/mnt/shared/own", &own), 0);
  const Exchanger exchanger("/mnt/shared/name", "/mnt/shared/own");
  for (int tries = 0; tries < kTries; ++tries) {
    const FileAnswer answer = open_as_we_are("/mnt/shared/name", kToWrite);
    if (answer.error == EACCES) continue;
    CHECK_EQUAL(answer.error, 0);
    struct stat found = {};
    CHECK_EQUAL(fstat(answer.fd.get(), &found), 0);
    CHECK_EQUAL(found.st_ino, own.st_ino);
  }
}

// What goes and comes is found or made, and never missed.
void makes_what_went_meanwhile() {
  make_folders();
  make_file("/mnt/home/file", kOther);
  const pid_t process = fork();
  CHECK(process != -1);
  if (process == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
      (void)link("/mnt/home/file", "/mnt/home/name");
      (void)unlink("/mnt/home/name");
    }
  }
  for (int tries = 0; tries < kTries; ++tries) CHECK_EQUAL(error_for("/mnt/home/name"), 0);
  kill(process, SIGKILL);
  CHECK_EQUAL(waitpid(process, nullptr, 0), process);
}

// Puts a link there once nothing was found by its name.
class Planting : public Validity {
 public:
  explicit Planting(const char* text) : text_(text) {}
  [[nodiscard]] bool is_gone() const override {
    constexpr int kOfMaking = 2;
    if (++asked_ == kOfMaking) CHECK_EQUAL(symlink(text_, "/volume/name"), 0);
    return false;
  }

 private:
  const char* text_;
  mutable int asked_ = 0;
};

struct Restricted {
  std::uint64_t resolve;
  const char* path;
  // Of the link that is put there.
  const char* text;
  // What comes of it, and in which folder it is made then.
  int error;
  const char* made;
};

// As root in that root; the kernel finds the link there.
[[nodiscard]] int plant_and_open(const FileRequest& request, const char* text, const UniqueFd& root,
                                 const UniqueFd& base, bool is_of_kernel) {
  const ActingAs whoever(0, root.get());
  if (is_of_kernel) {
    CHECK_EQUAL(symlink(text, "/volume/name"), 0);
    open_how how = {.flags = request.flags, .mode = request.mode, .resolve = request.resolve};
    const UniqueFd opened(
        static_cast<int>(syscall(SYS_openat2, base.get(), request.path.c_str(), &how, sizeof how)));
    return opened.is_open() ? 0 : errno;
  }
  const FilePlace place = {.base = request.path.starts_with('/') ? -1 : base.get(),
                           .second_base = -1,
                           .processes = own_processes()};
  return operate_on_file(request, place, Planting(text)).error;
}

// A folder of somebody on a mount of its own, in which root makes a file.
void follows_planted_links_as_far_as_allowed() {
  constexpr std::uint64_t kXdev = RESOLVE_NO_XDEV;
  constexpr Restricted kAll[] = {
      {0, "name", "/outside/made", 0, "/mnt/outside"},
      {kXdev, "name", "/outside/made", EXDEV, nullptr},
      {kXdev, "name", "../outside/made", EXDEV, nullptr},
      {kXdev, "name", "inside/made", 0, "/mnt/volume/inside"},
      {kXdev | RESOLVE_BENEATH, "name", "/outside/made", EXDEV, nullptr},
      {RESOLVE_BENEATH, "name", "/outside/made", EXDEV, nullptr},
      {RESOLVE_BENEATH, "name", "../outside/made", EXDEV, nullptr},
      {RESOLVE_BENEATH, "name", "inside/made", 0, "/mnt/volume/inside"},
      {RESOLVE_IN_ROOT, "name", "/inside/made", 0, "/mnt/volume/inside"},
      {RESOLVE_IN_ROOT, "name", "/outside/made", ENOENT, nullptr},
      {kXdev | RESOLVE_IN_ROOT, "name", "/inside/made", 0, "/mnt/volume/inside"},
      {RESOLVE_NO_SYMLINKS, "name", "/outside/made", ELOOP, nullptr},
      {kXdev, "/volume/name", "/outside/made", EXDEV, nullptr}};
  make_folders();
  for (const char* folder : {"/mnt/outside", "/mnt/volume"}) make_folder(folder, 0755, 0);
  CHECK_EQUAL(mount("none", "/mnt/volume", "tmpfs", 0, nullptr), 0);
  make_folder("/mnt/volume/inside", 0755, 0);
  const UniqueFd root(open("/mnt", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const UniqueFd base(open("/mnt/volume", O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (const auto& [resolve, path, text, error, made] : kAll) {
    for (const bool is_of_kernel : {true, false}) {
      FileRequest request = {};
      request.operation = FileOperation::open;
      request.path = path;
      request.flags = O_CREAT | O_WRONLY;
      request.mode = 0600;
      request.resolve = resolve;
      CHECK_EQUAL(plant_and_open(request, text, root, base, is_of_kernel), error);
      for (const char* folder : {"/mnt/outside", "/mnt/volume/inside"}) {
        const bool is_there = unlink((std::string(folder) + "/made").c_str()) == 0;
        CHECK_EQUAL(is_there, made != nullptr && std::string(folder) == made);
      }
      // not where it was refused before that
      (void)unlink("/mnt/volume/name");
    }
  }
}

void write_to(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  CHECK(file.good());
}

// In a user namespace with this map, as this user of it without Linux capabilities.
void run_in_user_namespace(const std::string& map, uid_t user, const std::function<void()>& work) {
  int ready[2];
  int mapped[2];
  CHECK_EQUAL(pipe2(ready, O_CLOEXEC), 0);
  CHECK_EQUAL(pipe2(mapped, O_CLOEXEC), 0);
  const pid_t process = fork();
  CHECK(process != -1);
  char byte = 0;
  if (process == 0) {
    CHECK_EQUAL(unshare(CLONE_NEWUSER), 0);
    CHECK_EQUAL(write(ready[1], "", 1), 1);
    CHECK_EQUAL(read(mapped[0], &byte, 1), 1);
    CHECK_EQUAL(setresgid(user, user, user), 0);
    CHECK_EQUAL(setresuid(user, user, user), 0);
    CHECK(set_effective(0).has_value());
    work();
    std::exit(0);
  }
  CHECK_EQUAL(read(ready[0], &byte, 1), 1);
  const std::string folder = "/proc/" + std::to_string(process);
  write_to(folder + "/uid_map", map);
  write_to(folder + "/gid_map", map);
  CHECK_EQUAL(write(mapped[1], "", 1), 1);
  int status = -1;
  CHECK_EQUAL(waitpid(process, &status, 0), process);
  CHECK_EQUAL(status, 0);
}

constexpr uid_t kFirst = 100'000;
constexpr const char* kMap = "0 100000 65536\n";

// Of the system's root, as the folder is.
void takes_nobody_for_another_without_number() {
  make_folders();
  make_file("/mnt/shared/file", kOther);
  make_file("/mnt/shared/fifo", kOther, S_IFIFO);
  make_link("/mnt/shared/made", "/mnt/shared/link", kOther);
  make_file("/mnt/shared/own", kFirst);
  make_folder("/mnt/shared/plain", 0777, 0);
  make_file("/mnt/shared/plain/file", kOther);
  run_in_user_namespace(kMap, 0, [] {
    CHECK_EQUAL(error_for("/mnt/shared/file"), EACCES);
    CHECK_EQUAL(error_for("/mnt/shared/fifo"), EACCES);
    CHECK_EQUAL(error_for("/mnt/shared/link"), EACCES);
    CHECK_EQUAL(access("/mnt/shared/made", F_OK), -1);
    CHECK_EQUAL(error_for("/mnt/shared/own"), 0);
    CHECK_EQUAL(error_for("/mnt/shared/plain/file"), 0);
  });
}

// The caller's number is that of all who have none.
void knows_own_files_of_nobody() {
  make_folders();
  make_file("/mnt/shared/file", kOther);
  make_file("/mnt/shared/own", kFirst + kNobody);
  make_file("/mnt/shared/fifo", kFirst + kNobody, S_IFIFO);
  run_in_user_namespace(kMap, kNobody, [] {
    CHECK_EQUAL(error_for("/mnt/shared/file"), EACCES);
    CHECK_EQUAL(error_for("/mnt/shared/fifo"), 0);
    for (const std::uint32_t wanted : {0, O_NOATIME, O_APPEND | O_TRUNC}) {
      const FileAnswer own = open_as_we_are("/mnt/shared/own", kToWrite | wanted);
      CHECK_EQUAL(own.error, 0);
      const auto flags = static_cast<std::uint32_t>(fcntl(own.fd.get(), F_GETFL));
      CHECK_EQUAL(flags & (O_NOATIME | O_APPEND | O_NONBLOCK),
                  (wanted & (O_NOATIME | O_APPEND)) | O_NONBLOCK);
    }
  });
}

// Where all have numbers it is one as others are.
void knows_nobody_where_all_have_numbers() {
  make_folders();
  make_file("/mnt/shared/own", kNobody);
  make_link("/mnt/shared/made", "/mnt/shared/link", kNobody);
  const ActingAs nobody(kNobody);
  CHECK_EQUAL(error_for("/mnt/shared/own"), 0);
  CHECK_EQUAL(error_for("/mnt/shared/link"), 0);
  CHECK_EQUAL(access("/mnt/shared/made", F_OK), 0);
}

constexpr Case kCases[] = {
    {"A16: protected folders: a file and its folder are found together, whoever renames it",
     finds_no_file_in_one_place_and_its_folder_in_another},
    {"A16: protected folders: what was judged is what is opened", opens_what_was_judged},
    {"A16: protected folders: what has gone meanwhile is made", makes_what_went_meanwhile},
    {"A3: protected folders: a link that was put there meanwhile leads no further than openat2 "
     "says",
     follows_planted_links_as_far_as_allowed},
    {"A2: protected folders: owners without a number are not taken for one",
     takes_nobody_for_another_without_number},
    {"A2: protected folders: the kernel tells what nobody owns in a user namespace",
     knows_own_files_of_nobody},
    {"A2: protected folders: nobody owns files as others do where all have numbers",
     knows_nobody_where_all_have_numbers}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
