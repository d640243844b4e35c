// SPDX-License-Identifier: Apache-2.0
// Tests reading files of runtimes.
#include "process/runtime_file.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "check.h"
#include "kernel/clock.h"
#include "kernel/unique_fd.h"
#include "process/child_starter.h"
#include "process/ending_children.h"

namespace seccompagent::test {
namespace {

// A folder that goes with all that is in it.
class Folder {
 public:
  Folder() { CHECK(mkdtemp(path_) != nullptr); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    for (const char* name : {"file", "fifo", "link"}) unlink(at(name).c_str());
    rmdir(path_);
  }
  [[nodiscard]] std::string at(const char* name) const { return std::string(path_) + "/" + name; }
  [[nodiscard]] std::string write_file(const std::string& text) const {
    const std::string path = at("file");
    const UniqueFd file(open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    CHECK_EQUAL(write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    return path;
  }

 private:
  char path_[32] = "/tmp/runtime-file-XXXXXX";
};

void reads_all_of_a_file() {
  const Folder folder;
  const std::string text(50'000, 'x');
  CHECK_EQUAL(VALUE(read_runtime_file(folder.write_file(text), text.size(), 0)), text);
}

void has_a_limit() {
  const Folder folder;
  const std::string path = folder.write_file(std::string(50'000, 'x'));
  CHECK_EQUAL(ERROR(read_runtime_file(path, 49'999, 0)), Errno{EFBIG});
}

void does_not_wait() {
  const Folder folder;
  CHECK_EQUAL(mkfifo(folder.at("fifo").c_str(), 0600), 0);
  CHECK_EQUAL(ERROR(read_runtime_file(folder.at("fifo"), 10, 0)), Errno{EINVAL});
  CHECK_EQUAL(ERROR(read_runtime_file("/dev/zero", 10, 0)), Errno{EINVAL});
  CHECK_EQUAL(ERROR(read_runtime_file("/tmp", 10, 0)), Errno{EINVAL});
  CHECK_EQUAL(ERROR(read_runtime_file("/nonexistent/file", 10, 0)), Errno{ENOENT});
}

void follows_nothing_into_a_process() {
  const Folder folder;
  const std::string path = folder.write_file("x");
  CHECK_EQUAL(symlink(path.c_str(), folder.at("link").c_str()), 0);
  CHECK_EQUAL(ERROR(read_runtime_file(folder.at("link"), 10, 0)), Errno{ELOOP});
  CHECK_EQUAL(ERROR(read_runtime_file("/proc/self/root" + path, 10, 0)), Errno{ELOOP});
  CHECK_EQUAL(ERROR(read_runtime_file("/proc/self/cwd/x", 10, 0)), Errno{ELOOP});
}

void reads_what_is_of_the_runtime() {
  const Folder folder;
  const std::string path = folder.write_file("x");
  CHECK_EQUAL(VALUE(read_runtime_file(path, 10, 1000)), "x");
  CHECK_EQUAL(chown(path.c_str(), 1000, 1000), 0);
  CHECK_EQUAL(VALUE(read_runtime_file(path, 10, 1000)), "x");
  CHECK_EQUAL(ERROR(read_runtime_file(path, 10, 0)), Errno{EPERM});
  CHECK_EQUAL(ERROR(read_runtime_file(path, 10, 1001)), Errno{EPERM});
}

// Whose file system nobody ever asks what it was asked.
void leaves_what_does_not_answer() {
  const Folder folder;
  const std::string place = folder.at("fuse");
  CHECK_EQUAL(mkdir(place.c_str(), 0700), 0);
  const UniqueFd fuse(open("/dev/fuse", O_RDWR | O_CLOEXEC));
  const std::string options =
      "fd=" + std::to_string(fuse.get()) + ",rootmode=40000,user_id=0,group_id=0";
  CHECK_EQUAL(mount("hung", place.c_str(), "fuse", 0, options.c_str()), 0);
  const Nanoseconds begun = now();
  CHECK_EQUAL(ERROR(read_runtime_file(place + "/config.json", 10, 1000)), Errno{ETIMEDOUT});
  CHECK(now() - begun >= kSecond);
  CHECK_EQUAL(umount2(place.c_str(), MNT_DETACH), 0);
  CHECK_EQUAL(rmdir(place.c_str()), 0);
}

constexpr Case kCases[] = {
    {"read_runtime_file: a regular file is read whole", reads_all_of_a_file},
    {"read_runtime_file: more than is wanted is an error", has_a_limit},
    {"read_runtime_file: what is no file is not waited for", does_not_wait},
    {"read_runtime_file: nothing is followed into a process", follows_nothing_into_a_process},
    {"M4: read_runtime_file: it is root's or its user's", reads_what_is_of_the_runtime},
    {"read_runtime_file: what does not answer is left", leaves_what_does_not_answer},
};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  CHECK_EQUAL(unshare(CLONE_NEWNS), 0);
  CHECK_EQUAL(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  VALUE(seccompagent::ChildStarter::of_process().start());
  seccompagent::EndingChildren::of_process().start();
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
