// SPDX-License-Identifier: Apache-2.0
// Tests the helper's program as it is built, over its socket.
#include "acting/helper.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "helper/wire.h"

namespace seccompagent::test {
namespace {

// Beside the addon, as it is built; we are in build/native-tests/HASH.
std::string helper_path() {
  std::string self(PATH_MAX, '\0');
  const ssize_t length = readlink("/proc/self/exe", self.data(), self.size());
  CHECK(length > 0);
  self.resize(static_cast<std::size_t>(length));
  return self.substr(0, self.rfind('/')) + "/../../Release/seccompagent-helper";
}

// In a child, on its end of a socket, told of a parent.
[[noreturn]] void become_helper(const std::string& path, int socket, const std::string& parent) {
  if (socket == kHelperSocket) fcntl(kHelperSocket, F_SETFD, 0);
  if (socket != kHelperSocket) dup2(socket, kHelperSocket);
  execl(path.c_str(), path.c_str(), parent.c_str(), nullptr);
  _exit(1);
}

class RunningHelper {
 public:
  RunningHelper() {
    int ends[2];
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    ours_.reset(ends[0]);
    const UniqueFd theirs(ends[1]);
    const std::string path = helper_path();
    const std::string parent = std::to_string(getpid());
    pid_ = fork();
    if (pid_ == 0) become_helper(path, theirs.get(), parent);
    CHECK(pid_ > 0);
  }
  RunningHelper(const RunningHelper&) = delete;
  RunningHelper& operator=(const RunningHelper&) = delete;
  ~RunningHelper() {
    if (pid_ == -1) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  void tell(const std::vector<std::byte>& message, const std::vector<int>& fds) const {
    CHECK(send_message(ours_.get(), message, fds).has_value());
  }

  HelperAnswer ask(const std::vector<std::byte>& message, const std::vector<int>& fds) const {
    tell(message, fds);
    std::vector<std::byte> buffer(kMaxMessage);
    const auto received = receive_message(ours_.get(), buffer);
    CHECK(received.has_value());
    return VALUE(decode_answer(std::span(buffer).first(received->length)));
  }

  // It does not bear the message, and ends.
  int code_after(const std::vector<std::byte>& message) {
    CHECK(send_message(ours_.get(), message, {}).has_value());
    return code();
  }

  int code() {
    int status = 0;
    CHECK_EQUAL(waitpid(pid_, &status, 0), pid_);
    pid_ = -1;
    return WEXITSTATUS(status);
  }

 private:
  UniqueFd ours_;
  pid_t pid_ = -1;
};

struct Folder {
  Folder() {
    CHECK(mkdtemp(path.data()) != nullptr);
    fd.reset(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    CHECK(fd.is_open());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    unlinkat(fd.get(), "made", AT_REMOVEDIR);
    rmdir(path.c_str());
  }
  [[nodiscard]] bool has(const char* name) const {
    struct stat found = {};
    return fstatat(fd.get(), name, &found, 0) == 0;
  }

  std::string path = "/tmp/seccompagent-helper-XXXXXX";
  UniqueFd fd;
};

HelperStart start_of_root(Label label) {
  HelperStart start = {};
  start.role = HelperRole::files;
  start.label = std::move(label);
  return start;
}

// Makes a directory in a folder. Any descriptor that answers the question of a notification will do
// for its listener: one that there are always bytes to read of.
HelperAnswer make_directory(const RunningHelper& helper, const Folder& folder) {
  const UniqueFd listener(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const UniqueFd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  HelperRequest request = {};
  request.id_valid_request = FIONREAD;
  request.file.operation = FileOperation::mkdir;
  request.file.path = "made";
  request.file.mode = 0700;
  request.has_base = true;
  return helper.ask(encode(request), {listener.get(), root.get(), folder.fd.get()});
}

UniqueFd completion_memory() {
  const auto memory = VALUE(CompletionMemory::make());
  UniqueFd copy(fcntl(memory->fd(), F_DUPFD_CLOEXEC, 0));
  CHECK(copy.is_open());
  return copy;
}

HelperAnswer started_as_root(const RunningHelper& helper) {
  return helper.ask(encode(start_of_root({})), {completion_memory().get()});
}

void acts_without_a_label() {
  const Folder folder;
  const RunningHelper helper;
  CHECK_EQUAL(started_as_root(helper).failed_step, "");
  const HelperAnswer answer = make_directory(helper, folder);
  CHECK_EQUAL(answer.failed_step, "");
  CHECK_EQUAL(answer.error, 0);
  CHECK_EQUAL(answer.label_refusal, 0);
  CHECK(folder.has("made"));
}

HelperRequest making(const char* name, std::uint64_t capabilities, mode_t umask) {
  HelperRequest request = {};
  request.id_valid_request = FIONREAD;
  request.capabilities = capabilities;
  request.umask = umask;
  request.file.operation = FileOperation::mkdir;
  request.file.path = name;
  request.file.mode = 0777;
  request.has_base = true;
  return request;
}

// Each has the role that its own request says, in whichever root the one before was.
void takes_on_each_role() {
  const Folder folder;
  const Folder inside;
  const RunningHelper helper;
  CHECK_EQUAL(started_as_root(helper).failed_step, "");
  CHECK_EQUAL(chmod(folder.path.c_str(), 0555), 0);
  const UniqueFd listener(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const UniqueFd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct Turn {
    std::uint64_t capabilities;
    mode_t umask;
    bool is_inside;
    int error;
  };
  constexpr std::uint64_t kOverride = 1ULL << CAP_DAC_OVERRIDE;
  constexpr Turn kTurns[] = {{kOverride, 022, false, 0}, {kOverride, 022, true, 0},
                             {0, 027, false, EACCES},    {kOverride, 077, true, 0},
                             {0, 022, true, 0},          {0, 022, false, EACCES},
                             {kOverride, 0, false, 0},   {~0ULL, 0, false, 0}};
  // not the owner, so that nothing but the Linux capability lets it write
  CHECK_EQUAL(chown(folder.path.c_str(), 12345, 12345), 0);
  for (const Turn& turn : kTurns) {
    HelperRequest request =
        making(turn.is_inside ? "/made" : "made", turn.capabilities, turn.umask);
    std::vector<int> fds = {listener.get(), turn.is_inside ? inside.fd.get() : root.get()};
    request.has_base = !turn.is_inside;
    if (!turn.is_inside) fds.push_back(folder.fd.get());
    const HelperAnswer answer = helper.ask(encode(request), fds);
    CHECK_EQUAL(answer.failed_step, "");
    CHECK_EQUAL(answer.error, turn.error);
    const Folder& where = turn.is_inside ? inside : folder;
    CHECK_EQUAL(where.has("made"), turn.error == 0);
    struct stat made = {};
    if (turn.error == 0) {
      CHECK_EQUAL(fstatat(where.fd.get(), "made", &made, 0), 0);
      CHECK_EQUAL(made.st_mode & 0777U, 0777U & ~turn.umask);
    }
    unlinkat(where.fd.get(), "made", AT_REMOVEDIR);
  }
}

void keeps_the_listener() {
  const Folder folder;
  const RunningHelper helper;
  CHECK_EQUAL(started_as_root(helper).failed_step, "");
  const UniqueFd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  UniqueFd listener(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const HelperRequest first = making("made", ~0ULL, 0);
  CHECK_EQUAL(helper.ask(encode(first), {listener.get(), root.get(), folder.fd.get()}).error, 0);
  listener.reset();
  HelperRequest second = first;
  second.has_same_listener = true;
  CHECK_EQUAL(helper.ask(encode(second), {root.get(), folder.fd.get()}).error, EEXIST);
  // one that says of a notification that it is not valid
  const UniqueFd other(open("/dev/null", O_RDONLY | O_CLOEXEC));
  CHECK(helper.ask(encode(first), {other.get(), root.get(), folder.fd.get()}).is_gone);
  CHECK(helper.ask(encode(second), {root.get(), folder.fd.get()}).is_gone);
}

void await_phase(const Completion& completion, CompletionPhase phase) {
  constexpr int kLooks = 10'000;
  const std::uint32_t awaited = Completion::word(1, phase);
  for (int look = 0; look < kLooks && completion.state.load() != awaited; ++look) usleep(1000);
  CHECK_EQUAL(completion.state.load(), awaited);
}

// What the agent has sent is open there until then.
void begins_when_the_agent_is_done() {
  const UniqueFd listener(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const UniqueFd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const auto memory = VALUE(CompletionMemory::make());
  Completion& completion = memory->get();
  const RunningHelper helper;
  CHECK_EQUAL(helper.ask(encode(start_of_root({})), {memory->fd()}).failed_step, "");
  HelperRequest request = making("made", ~0ULL, 0);
  request.is_final = true;
  for (const bool is_slow : {true, false}) {
    const Folder folder;
    const auto phase = is_slow ? CompletionPhase::preparing : CompletionPhase::acting;
    completion.state.store(Completion::word(1, phase));
    helper.tell(encode(request), {listener.get(), root.get(), folder.fd.get()});
    if (is_slow) {
      await_phase(completion, CompletionPhase::awaited);
      CHECK(!folder.has("made"));
      completion.state.store(Completion::word(1, CompletionPhase::acting));
      helper.tell({std::byte{}}, {});
    }
    await_phase(completion, CompletionPhase::answered);
    CHECK(folder.has("made"));
  }
}

void has_no_listener_at_first() {
  RunningHelper helper;
  CHECK_EQUAL(started_as_root(helper).failed_step, "");
  HelperRequest request = making("made", ~0ULL, 0);
  request.has_same_listener = true;
  request.has_base = false;
  request.root_mount = 1;
  CHECK_EQUAL(helper.code_after(encode(request)), 1);
}

void does_nothing_without_the_label() {
  for (const LabelModule module :
       {LabelModule::apparmor, LabelModule::smack, LabelModule::selinux}) {
    const Folder folder;
    const RunningHelper helper;
    const UniqueFd lifeline(open("/dev/null", O_RDONLY | O_CLOEXEC));
    const Label label = {.module = module, .text = "no such//&label ()"};
    CHECK_EQUAL(helper.ask(encode(start_of_root(label)), {lifeline.get()}).failed_step, "");
    // twice, since the helper itself is as it was
    for (int round = 0; round < 2; ++round) {
      const HelperAnswer answer = make_directory(helper, folder);
      CHECK_EQUAL(answer.failed_step, "");
      CHECK(answer.label_refusal > 0);
      CHECK(!folder.has("made"));
    }
  }
}

void starts_with_its_descriptors_only() {
  for (const Label& label : {Label{}, Label{.module = LabelModule::apparmor, .text = "a"}}) {
    RunningHelper helper;
    CHECK_EQUAL(helper.code_after(encode(start_of_root(label))), 1);
  }
}

// The descriptor that comes along is no namespace.
void stays_nobody_outside_of_a_namespace() {
  const UniqueFd none(open("/dev/null", O_RDONLY | O_CLOEXEC));
  for (const std::uint32_t wanted :
       {ForeignNamespaces::kMount, ForeignNamespaces::kUser, ForeignNamespaces::kNet,
        ForeignNamespaces::kIpc, ForeignNamespaces::kUts}) {
    RunningHelper helper;
    HelperStart start = start_of_root({});
    start.namespaces = wanted;
    const HelperAnswer answer = helper.ask(encode(start), {none.get(), completion_memory().get()});
    CHECK(answer.failed_step.starts_with("setns"));
    CHECK_EQUAL(answer.error, EINVAL);
    CHECK_EQUAL(helper.code(), 1);
  }
}

// Lists of threads come before anything else.
void joins_its_cgroups_itself() {
  std::array<int, 2> ends = {};
  CHECK_EQUAL(pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]);
  const UniqueFd list(ends[1]);
  const RunningHelper helper;
  HelperStart start = start_of_root({});
  start.cgroups = {false, false};
  const HelperAnswer answer =
      helper.ask(encode(start), {list.get(), list.get(), completion_memory().get()});
  CHECK_EQUAL(answer.failed_step, "");
  std::array<char, 3> written = {};
  CHECK_EQUAL(read(read_end.get(), written.data(), written.size()), 2);
  CHECK_EQUAL(std::string_view(written.data()), "00");
}

void joins_the_next_where_one_fails() {
  std::array<int, 2> ends = {};
  CHECK_EQUAL(pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]);
  const UniqueFd list(ends[1]);
  const UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  const RunningHelper helper;
  HelperStart start = start_of_root({});
  // the second alternative is not needed
  start.cgroups = {false, true, true};
  const HelperAnswer answer =
      helper.ask(encode(start), {full.get(), list.get(), list.get(), completion_memory().get()});
  CHECK_EQUAL(answer.failed_step, "");
  std::array<char, 3> written = {};
  CHECK_EQUAL(read(read_end.get(), written.data(), written.size()), 1);
}

void stays_nobody_outside_of_a_cgroup() {
  const UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  RunningHelper helper;
  HelperStart start = start_of_root({});
  start.cgroups = {false};
  const HelperAnswer answer = helper.ask(encode(start), {full.get(), completion_memory().get()});
  CHECK_EQUAL(answer.failed_step, "join");
  CHECK_EQUAL(answer.error, ENOSPC);
  CHECK_EQUAL(helper.code(), 1);
}

// The exit code of a helper whose parent had ended before it was a helper, while the socket's other
// end is still held; -1: it waits to be told something.
int code_of_orphan() {
  CHECK_EQUAL(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  int ends[2];
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  const std::string path = helper_path();
  const pid_t parent = fork();
  if (parent == 0) {
    const pid_t self = getpid();
    if (fork() != 0) _exit(0);
    while (getppid() == self) usleep(1000);
    become_helper(path, theirs.get(), std::to_string(self));
  }
  CHECK_EQUAL(waitpid(parent, nullptr, 0), parent);
  constexpr int kLooks = 3000;
  for (int look = 0; look < kLooks; ++look) {
    int status = 0;
    if (waitpid(-1, &status, WNOHANG) > 0) return WEXITSTATUS(status);
    usleep(1000);
  }
  return -1;
}

void ends_where_its_parent_has() { CHECK_EQUAL(code_of_orphan(), 1); }

constexpr Case kCases[] = {
    {"helper: acts for a caller without a label", acts_without_a_label},
    {"helper: each request has its own role", takes_on_each_role},
    {"helper: a listener that it has need not come along", keeps_the_listener},
    {"helper: it begins when the agent has closed what it has sent", begins_when_the_agent_is_done},
    {"helper: without a listener it ends", has_no_listener_at_first},
    {"A1: helper: without its caller's label nothing is done", does_nothing_without_the_label},
    {"A1: helper: a start comes with its descriptors", starts_with_its_descriptors_only},
    {"A14: helper: one that can't enter a namespace of its caller acts for nobody",
     stays_nobody_outside_of_a_namespace},
    {"A12: helper: it joins its container's cgroups itself", joins_its_cgroups_itself},
    {"A12: helper: it joins another cgroup where it can't join the first",
     joins_the_next_where_one_fails},
    {"A12: helper: it does nothing where it can't join a cgroup", stays_nobody_outside_of_a_cgroup},
    {"A4: helper: one whose parent has ended before it could hear of that ends, too",
     ends_where_its_parent_has}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
