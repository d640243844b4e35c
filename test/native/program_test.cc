// SPDX-License-Identifier: Apache-2.0
#include "process/program.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "check.h"
#include "clinging_file.h"

namespace seccompagent::test {
namespace {

ProgramRequest shell(std::string script) {
  return {.arguments = {"sh", "-c", std::move(script)},
          .environment = {"WORD=spoken"},
          .candidates = {"/nonexistent/sh", "/bin/sh"},
          .folder = "",
          .input = "",
          .max_output = 1UL << 20U,
          .max_time = 20 * kSecond};
}

ProgramResult run(ProgramRequest request) {
  signal(SIGPIPE, SIG_IGN);
  return VALUE(run_program(std::move(request)));
}

void check_childless() {
  CHECK_EQUAL(waitpid(-1, nullptr, __WALL | WNOHANG), -1);
  CHECK_EQUAL(errno, ECHILD);
}

void says_what_it_prints() {
  ProgramRequest request = shell("cat; echo $WORD; pwd; echo loud >&2; exit 7");
  request.input = "asked ";
  request.folder = "/usr";
  const ProgramResult result = run(std::move(request));
  CHECK(result.end == ProgramEnd::itself);
  CHECK_EQUAL(result.code, 7);
  CHECK_EQUAL(result.signal, 0);
  CHECK_EQUAL(result.output, "asked spoken\n/usr\n");
  CHECK_EQUAL(result.error_output, "loud\n");
  check_childless();
}

void takes_large_input_and_output() {
  ProgramRequest request = shell("cat; cat /dev/null");
  request.input = std::string(1'000'000, 'x');
  const ProgramResult result = run(std::move(request));
  CHECK(result.end == ProgramEnd::itself);
  CHECK(result.output == std::string(1'000'000, 'x'));
}

void need_not_read_its_input() {
  ProgramRequest request = shell("exec <&-; echo done");
  request.input = std::string(1'000'000, 'x');
  const ProgramResult result = run(std::move(request));
  CHECK(result.end == ProgramEnd::itself);
  CHECK_EQUAL(result.output, "done\n");
}

// A folder of its own, with a file of one line.
std::string folder_with_file(const std::string& name) {
  std::string folder = "/tmp/program-XXXXXX";
  CHECK(mkdtemp(folder.data()) != nullptr);
  const std::string script = "echo " + name + " > " + folder + "/" + name;
  CHECK_EQUAL(run(shell(script)).code, 0);
  return folder;
}

void opens_no_other_files() {
  const std::string own = folder_with_file("own");
  const std::string scratch = folder_with_file("scratch");
  const std::string secret = folder_with_file("secret");
  CHECK_EQUAL(symlink((secret + "/secret").c_str(), (own + "/link").c_str()), 0);
  ProgramRequest request = shell("cat own link " + secret + "/secret ../*/secret /proc/self/root" +
                                 secret + "/secret 2>/dev/null; cd " + scratch +
                                 "; cat scratch; mkdir a; mv scratch a/b; cat a/b; (echo > " + own +
                                 "/new) 2>/dev/null || echo no");
  request.folder = own;
  request.files = {.readable = {"/usr", "/nonexistent", own}, .writable = {"/dev/null", scratch}};
  const ProgramResult result = run(std::move(request));
  CHECK_EQUAL(result.output, "own\nscratch\nscratch\nno\n");
  CHECK(result.end == ProgramEnd::itself);
  CHECK_EQUAL(run(shell("rm -r " + own + " " + scratch + " " + secret)).code, 0);
}

void tells_of_a_signal() {
  const ProgramResult result = run(shell("kill -TERM $$"));
  CHECK(result.end == ProgramEnd::itself);
  CHECK_EQUAL(result.signal, SIGTERM);
}

void tells_what_it_has_used_of_a_processor() {
  CHECK(run(shell("sleep 1")).processor_time < kSecond / 2);
  // its own limit counts the same
  const ProgramResult result = run(shell("ulimit -t 1; while :; do :; done"));
  CHECK(result.end == ProgramEnd::itself);
  CHECK(result.processor_time > kSecond / 2);
}

void tells_of_what_cannot_be_executed() {
  ProgramRequest request = shell("");
  request.candidates = {"/nonexistent/sh", "/etc/passwd"};
  ProgramResult result = run(std::move(request));
  CHECK(result.end == ProgramEnd::not_executed);
  CHECK_EQUAL(result.code, EACCES);
  request = shell("");
  request.candidates = {"/nonexistent/sh", "/etc/passwd/sh"};
  result = run(std::move(request));
  CHECK(result.end == ProgramEnd::not_executed);
  CHECK_EQUAL(result.code, ENOENT);
  request = shell("");
  request.folder = "/nonexistent";
  result = run(std::move(request));
  CHECK(result.end == ProgramEnd::not_prepared);
  CHECK_EQUAL(result.code, ENOENT);
  check_childless();
}

// As execvp(3) does.
void is_read_by_a_shell_if_it_is_no_program() {
  char name[] = "/tmp/program-XXXXXX";
  {
    const UniqueFd file(mkstemp(name));
    CHECK(file.is_open());
    constexpr std::string_view kText = "echo $0 $1 $WORD\n";
    CHECK_EQUAL(write(file.get(), kText.data(), kText.size()), static_cast<ssize_t>(kText.size()));
    CHECK_EQUAL(fchmod(file.get(), 0755), 0);
  }
  ProgramRequest request = shell("");
  request.arguments = {"helper", "get"};
  request.candidates = {"/nonexistent/helper", name, "/bin/false"};
  const ProgramResult result = run(std::move(request));
  unlink(name);
  CHECK(result.end == ProgramEnd::itself);
  CHECK_EQUAL(result.output, std::string(name) + " get spoken\n");
}

void has_no_terminal() {
  CHECK_EQUAL(run(shell("echo asked >/dev/tty || echo none")).output, "none\n");
}

void is_killed_with_all_it_has_started() {
  ProgramRequest request = shell("sleep 1000 & echo $!; wait");
  request.max_time = 3 * kSecond;
  const Nanoseconds start = now();
  const ProgramResult result = run(std::move(request));
  CHECK(result.end == ProgramEnd::took_too_long);
  CHECK(now() - start >= 3 * kSecond);
  CHECK(now() - start < 15 * kSecond);
  CHECK(!result.output.empty());
  const pid_t sleeper = std::stoi(result.output);
  // it is nobody's child now, and whoever takes those may be slow
  while (kill(sleeper, 0) == 0) {
    const std::string path = "/proc/" + std::to_string(sleeper) + "/stat";
    const UniqueFd stat(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char text[256] = {};
    if (read(stat.get(), text, sizeof text - 1) <= 0) break;
    if (std::string(text).find(") Z ") != std::string::npos) break;
    CHECK(now() - start < 20 * kSecond);
    pause_for(kMillisecond);
  }
  check_childless();
}

void is_killed_when_it_says_too_much() {
  ProgramRequest request = shell("exec cat /dev/zero");
  request.max_output = 100'000;
  const ProgramResult result = run(std::move(request));
  CHECK(result.end == ProgramEnd::said_too_much);
  CHECK(result.output.size() < 200'000);
  check_childless();
}

// A started process holds its pipes.
void does_not_wait_for_what_goes_on() {
  const Nanoseconds start = now();
  const ProgramResult result = run(shell("sleep 15 & echo begun"));
  CHECK(result.end == ProgramEnd::itself);
  CHECK_EQUAL(result.output, "begun\n");
  CHECK(now() - start < 10 * kSecond);
}

void has_signals_as_by_default() {
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  CHECK_EQUAL(pthread_sigmask(SIG_BLOCK, &blocked, nullptr), 0);
  signal(SIGUSR1, SIG_IGN);
  const ProgramResult result =
      run(shell("grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '\\n\\t '"));
  CHECK_EQUAL(result.output, "SigBlk:0000000000000000SigIgn:0000000000000000");
}

void has_none_of_our_descriptors() {
  const UniqueFd inherited(open("/dev/null", O_RDONLY));
  const ProgramResult result = run(shell("ls /proc/self/fd | tr '\\n' ' '"));
  // 3 is the folder that ls reads
  CHECK_EQUAL(result.output, "0 1 2 3 ");
}

void closes_no_file_of_a_container() {
  (void)run(shell(""));
  const ClingingFile& file = ClingingFile::of_process();
  for (int round = 0; round < 20; ++round) CHECK_EQUAL(run(shell("echo said")).output, "said\n");
  CHECK(!file.is_being_closed(0));
}

constexpr Case kCases[] = {
    {"program: it reads, prints and ends", says_what_it_prints},
    {"program: its input and its output may be large", takes_large_input_and_output},
    {"program: it need not read its input", need_not_read_its_input},
    {"EE4: program: it opens the files that it may open, and no others", opens_no_other_files},
    {"program: that a signal has ended it is told", tells_of_a_signal},
    {"program: what it has used of a processor is told", tells_what_it_has_used_of_a_processor},
    {"program: why it cannot be executed is told", tells_of_what_cannot_be_executed},
    {"program: a text without #! is read by a shell", is_read_by_a_shell_if_it_is_no_program},
    {"program: it has no terminal to ask", has_no_terminal},
    {"program: one that takes too long is killed with all it has started",
     is_killed_with_all_it_has_started},
    {"program: one that says too much is killed", is_killed_when_it_says_too_much},
    {"program: what it has started may go on", does_not_wait_for_what_goes_on},
    {"program: no signal is blocked or ignored in it", has_signals_as_by_default},
    {"program: it has none of our descriptors", has_none_of_our_descriptors},
    {"A5: program: no copy of a container's file is closed", closes_no_file_of_a_container}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
