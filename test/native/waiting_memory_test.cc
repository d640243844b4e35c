// SPDX-License-Identifier: Apache-2.0
// Callers whose memory keeps whoever looks at it waiting: a page of a file system in user space,
// and a program that is just being executed.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "caller/memory.h"
#include "check.h"
#include "fuse_file_system.h"
#include "kernel/clock.h"
#include "kernel/notify.h"
#include "kernel/unique_fd.h"
#include "process/child_starter.h"
#include "receiver_fixture.h"

namespace seccompagent::test {
namespace {

constexpr std::size_t kPage = 4096;
constexpr Reader kByChild = {.by = ReadBy::child};

// A file of one page. Nobody is told what is in it, nor that it may be closed, until we say so.
class LateFile {
 public:
  LateFile() {
    serve_while([this] { fd_.reset(open(system_.file().c_str(), O_RDWR | O_CLOEXEC)); });
    CHECK(fd_.is_open());
  }

  [[nodiscard]] int fd() const { return fd_.get(); }
  // Answers what is asked meanwhile, but for what is to be late.
  template <typename Work>
  void serve_while(Work work) {
    std::atomic<bool> is_done = false;
    std::thread worker([&] {
      work();
      is_done.store(true);
    });
    while (!is_done.load()) {
      if (system_.has_question(10)) answer_one();
    }
    worker.join();
  }
  void await_late(std::uint32_t opcode) {
    while (!late_ || late_->opcode != opcode) answer_one();
  }
  void give_page(char content) {
    std::array<char, kPage> page;
    page.fill(content);
    system_.answer_with(late_.value(), page);
    late_.reset();
  }
  // From now on everybody may.
  void let_close() {
    system_.fail_with(late_.value(), ENOSYS);
    late_.reset();
  }
  // Without a wait for the answer.
  void close_a_copy() {
    serve_while([this] { CHECK_EQUAL(close(dup(fd())), 0); });
  }
  bool closes_at_once = false;

 private:
  void answer_one() {
    const fuse_in_header question = system_.next_question();
    fuse_entry_out entry = {};
    fuse_attr_out attributes = {};
    for (fuse_attr* each : {&entry.attr, &attributes.attr}) {
      each->ino = 2;
      each->mode = S_IFREG | 0666;
      each->nlink = 1;
      each->size = kPage;
    }
    entry.nodeid = 2;
    entry.attr_valid = entry.entry_valid = attributes.attr_valid = 3600;
    switch (question.opcode) {
      case FUSE_LOOKUP:
        return system_.answer_with(question, entry);
      case FUSE_GETATTR:
        return system_.answer_with(question, attributes);
      case FUSE_OPEN:
        return system_.answer_with(question, fuse_open_out{});
      case FUSE_READ:
        late_ = question;
        return;
      case FUSE_FLUSH:
        if (closes_at_once) return system_.fail_with(question, ENOSYS);
        late_ = question;
        return;
      case FUSE_FORGET:
      case FUSE_BATCH_FORGET:
      case FUSE_INTERRUPT:
        return;
      default:
        return system_.fail_with(question, ENOSYS);
    }
  }

  FuseFileSystem system_;
  UniqueFd fd_;
  std::optional<fuse_in_header> late_;
};

Result<void> write_to(const CallId& call, const char* pointer, std::string_view text) {
  return write_bytes(call, reinterpret_cast<std::uint64_t>(pointer), std::as_bytes(std::span(text)),
                     kByChild);
}

// A caller that waits for its answer, and whose memory is ours.
class WaitingCall {
 public:
  WaitingCall() {
    CHECK(buffers_.receive(listener_.get(), notification_).has_value());
    id_ = {.listener = listener_.get(),
           .id_valid_request = VALUE(probe_id_valid(listener_.get())),
           .id = notification_.id,
           .tid = notification_.tid};
  }
  ~WaitingCall() { answer(); }
  WaitingCall(const WaitingCall&) = delete;
  WaitingCall& operator=(const WaitingCall&) = delete;

  [[nodiscard]] const CallId& id() const { return id_; }
  void answer() { (void)buffers_.respond(listener_.get(), notification_.id, kRefused); }

 private:
  Callers callers_{1};
  UniqueFd listener_ = callers_.take_listener();
  NotifyBuffers buffers_{VALUE(notify_sizes())};
  Notification notification_ = {};
  CallId id_ = {};
};

// A process with the memory that we had when it began: whoever waits for a page of it holds a lock
// of its memory, which we need to serve the page.
class Holder {
 public:
  Holder() : pid_(fork()) {
    CHECK(pid_ != -1);
    while (pid_ == 0) pause();
  }
  ~Holder() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::string read(const char* pointer, std::size_t size) const {
    std::string text(size, '\0');
    const iovec local = {text.data(), size};
    const iovec remote = {const_cast<char*>(pointer), size};
    CHECK_EQUAL(process_vm_readv(pid_, &local, 1, &remote, 1, 0), static_cast<ssize_t>(size));
    return text;
  }

 private:
  pid_t pid_;
};

void writes_nothing_once_it_is_given_up() {
  VALUE(ChildStarter::of_process().start());
  LateFile file;
  file.closes_at_once = true;
  file.close_a_copy();
  auto* const page =
      static_cast<char*>(mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.fd(), 0));
  CHECK(page != MAP_FAILED);
  WaitingCall call;
  std::optional<Holder> holder(std::in_place);
  munmap(page, kPage);
  CallId id = call.id();
  id.tid = holder->pid();
  file.serve_while([&] { CHECK_EQUAL(ERROR(write_to(id, page, "late")), Errno{ETIMEDOUT}); });
  // it was killed, and still waits for the page
  CHECK_EQUAL(waitpid(-1, nullptr, __WCLONE | WNOHANG), 0);
  file.give_page('a');
  file.serve_while([] { CHECK(waitpid(-1, nullptr, __WCLONE) > 0); });
  CHECK_EQUAL(holder->read(page, 4), "aaaa");
  VALUE(write_to(id, page, "soon"));
  CHECK_EQUAL(holder->read(page, 5), "soona");
  call.answer();
  CHECK_EQUAL(ERROR(write_to(id, page, "gone")), Errno{ESRCH});
  CHECK_EQUAL(holder->read(page, 4), "soon");
  file.serve_while([&] { holder.reset(); });
}

void a_child_waits_for_a_program_that_is_being_executed() {
  VALUE(ChildStarter::of_process().start());
  LateFile file;
  const WaitingCall call;
  const pid_t pid = fork();
  CHECK(pid != -1);
  if (pid == 0) {
    execl("/bin/sleep", "sleep", "60", nullptr);
    _exit(1);
  }
  file.await_late(FUSE_FLUSH);
  const Nanoseconds start = now();
  std::array<std::byte, 8> bytes;
  CHECK_EQUAL(ERROR(read_some(pid, kPage, bytes, kByChild)), Errno{ETIMEDOUT});
  CallId executing = call.id();
  executing.tid = pid;
  CHECK_EQUAL(ERROR(write_to(executing, nullptr, "abcd")), Errno{ETIMEDOUT});
  CHECK(now() - start < 30 * kSecond);
  kill(pid, SIGKILL);
  file.closes_at_once = true;
  file.let_close();
  file.serve_while([pid] { CHECK_EQUAL(waitpid(pid, nullptr, 0), pid); });
}

constexpr Case kCases[] = {
    {"A5: write_bytes: a child that a page holds is ended, and writes nothing when the page comes",
     writes_nothing_once_it_is_given_up},
    {"A5: a child that a program keeps waiting which is being executed is ended",
     a_child_waits_for_a_program_that_is_being_executed}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  // before there is a file that must not be copied
  VALUE(seccompagent::ChildStarter::of_process().start());
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
