// SPDX-License-Identifier: Apache-2.0
// Tests reads of what takes a process's memory along, also of processes whose end waits for a file
// system that does not answer.
#include "caller/memory_use.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/aio_abi.h>
#include <linux/fuse.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "check.h"
#include "fuse_file_system.h"
#include "kernel/clock.h"
#include "process/child_starter.h"
#include "process/ending_children.h"

namespace seccompagent::test {
namespace {

// Whose thread it watches.
class Watched : private MemoryUse::Watcher {
 public:
  explicit Watched(ReadBy by) : by_(by) { MemoryUse::watch_thread(this); }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  ~Watched() { MemoryUse::watch_thread(nullptr); }

  [[nodiscard]] int begun() const { return begun_; }
  [[nodiscard]] int ended() const { return ended_; }

 private:
  Reader begin_use() override {
    ++begun_;
    return {.by = by_};
  }
  void end_use() override { ++ended_; }

  const ReadBy by_;
  int begun_ = 0;
  int ended_ = 0;
};

UniqueFd open_status(pid_t process) {
  const std::string path = "/proc/" + std::to_string(process) + "/status";
  UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  CHECK(file.is_open());
  return file;
}

void start_children() {
  CHECK(ChildStarter::of_process().start());
  EndingChildren::of_process().start();
}

void watchers_are_told() {
  const UniqueFd status = open_status(getpid());
  std::vector<char> text(4096);
  const Watched watched(ReadBy::this_thread);
  {
    const MemoryUse use;
    CHECK_EQUAL(watched.begun(), 1);
    CHECK(use.read(status.get(), text));
    CHECK_EQUAL(watched.ended(), 0);
  }
  CHECK_EQUAL(watched.ended(), 1);
}

void children_read_the_same() {
  start_children();
  const UniqueFd status = open_status(getppid());
  for (const ReadBy by : {ReadBy::this_thread, ReadBy::child, ReadBy::hasty_child}) {
    const Watched watched(by);
    std::vector<char> text(4096);
    const auto length = MemoryUse().read(status.get(), text);
    CHECK(length);
    const std::string_view read(text.data(), *length);
    CHECK(read.starts_with("Name:"));
    CHECK(read.ends_with('\n'));
  }
}

void errors_of_children_are_told() {
  start_children();
  const pid_t process = fork();
  if (process == 0) _exit(0);
  const UniqueFd status = open_status(process);
  CHECK_EQUAL(waitpid(process, nullptr, 0), process);
  std::vector<char> text(4096);
  const Watched watched(ReadBy::child);
  CHECK_EQUAL(ERROR(MemoryUse().read(status.get(), text)), Errno{ESRCH});
}

// With as many groups as there can be: a look takes milliseconds. Its end waits for an fsync(2).
[[noreturn]] void be_looked_at(const std::string& path) {
  constexpr std::size_t kGroups = 65536;
  std::vector<gid_t> groups(kGroups);
  for (std::size_t at = 0; at < kGroups; ++at) groups[at] = static_cast<gid_t>(1000000000 + at);
  if (setgroups(kGroups, groups.data()) == -1) _exit(2);
  const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
  aio_context_t context = 0;
  iocb sync = {};
  sync.aio_lio_opcode = IOCB_CMD_FSYNC;
  sync.aio_fildes = static_cast<__u32>(file);
  iocb* all[] = {&sync};
  if (file == -1 || syscall(SYS_io_setup, 1, &context) == -1) _exit(3);
  if (syscall(SYS_io_submit, context, 1, all) != 1) _exit(4);
  for (;;) pause();
}

// Answers until an fsync waits.
void serve_until_sync(const FuseFileSystem& files) {
  for (;;) {
    const fuse_in_header asked = files.next_question();
    if (asked.opcode == FUSE_FSYNC) return;
    if (asked.opcode == FUSE_INTERRUPT || asked.opcode == FUSE_FORGET) continue;
    fuse_entry_out entry = {};
    entry.nodeid = 2;
    entry.attr.ino = 2;
    entry.attr.mode = S_IFREG | 0644;
    entry.attr.nlink = 1;
    fuse_attr_out attributes = {};
    attributes.attr = entry.attr;
    const fuse_open_out opened = {};
    if (asked.opcode == FUSE_LOOKUP)
      files.answer_with(asked, entry);
    else if (asked.opcode == FUSE_GETATTR)
      files.answer_with(asked, attributes);
    else if (asked.opcode == FUSE_OPEN)
      files.answer_with(asked, opened);
    else
      files.fail_with(asked, ENOSYS);
  }
}

void killed_processes_keep_a_child_and_not_us() {
  constexpr int kTries = 40;
  start_children();
  bool was_kept = false;
  for (int tries = 0; tries < kTries && !was_kept; ++tries) {
    const FuseFileSystem files;
    const pid_t process = fork();
    if (process == 0) be_looked_at(files.file());
    serve_until_sync(files);
    const UniqueFd status = open_status(process);
    std::atomic<bool> begins = false;
    std::thread killer([&] {
      begins.wait(false);
      pause_for(2 * kMillisecond);
      kill(process, SIGKILL);
    });
    const Watched watched(ReadBy::child);
    // as much as the kernel makes
    std::vector<char> text(2 << 20);
    const Nanoseconds before = now();
    begins.store(true);
    begins.notify_all();
    const auto read = MemoryUse().read(status.get(), text);
    was_kept = !read && read.error() == Errno{ETIMEDOUT};
    CHECK(now() - before < 10 * kSecond);
    if (was_kept) CHECK_EQUAL(EndingChildren::of_process().count(), std::size_t{1});
    files.abort();
    killer.join();
    CHECK_EQUAL(waitpid(process, nullptr, 0), process);
  }
  CHECK(was_kept);
}

constexpr Case kCases[] = {
    {"memory use: a thread’s watcher is told of it", watchers_are_told},
    {"memory use: children read what we read", children_read_the_same},
    {"memory use: children give the errors of reads", errors_of_children_are_told},
    {"A5: memory use: a killed process whose end waits keeps a child, and not us",
     killed_processes_keep_a_child_and_not_us},
};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
