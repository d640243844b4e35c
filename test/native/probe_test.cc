// SPDX-License-Identifier: Apache-2.0
// Tests the probes of the kernel: that they end, and leave nothing behind.
#include "probe.h"

#include <dirent.h>
#include <sys/wait.h>

#include <cerrno>
#include <string_view>

#include "check.h"

namespace seccompagent::test {
namespace {

void works(std::string_view name) {
  const ProbeOutcome outcome = run_probe(name);
  CHECK_EQUAL(std::string_view(outcome.step), std::string_view());
  CHECK_EQUAL(outcome.error, 0);
  CHECK(outcome.works);
}

void receives_and_answers() { works("notify"); }
void gives_descriptors() {
  works("add-fd");
  works("add-fd-send");
}
void loses_no_answer() {
  works("wait-killable");
  works("fast-reply");
}
void looks_into_others() {
  works("pidfd-getfd");
  works("caller-memory");
  works("hidden-memory");
}
void acts_apart() {
  works("namespaces");
  works("new-mounts");
  works("openat2");
}

void knows_its_names() {
  const ProbeOutcome outcome = run_probe("no such probe");
  CHECK(!outcome.works);
}

int open_files() {
  DIR* folder = opendir("/proc/self/fd");
  int count = 0;
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

void leaves_nothing() {
  const int before = open_files();
  for (const std::string_view name : {"notify", "fast-reply", "caller-memory", "new-mounts"})
    works(name);
  CHECK_EQUAL(open_files(), before);
  CHECK_EQUAL(waitpid(-1, nullptr, WNOHANG), -1);
  CHECK_EQUAL(errno, ECHILD);
}

constexpr Case kCases[] = {
    {"K9: probe: no answer is lost to a signal", loses_no_answer},
    {"K23: probe: descriptors are given to a caller", gives_descriptors},
    {"M3: probe: memory and descriptors of others are read", looks_into_others},
    {"probe: a call is received and answered", receives_and_answers},
    {"probe: namespaces, mounts and roots are entered and made", acts_apart},
    {"probe: a name that is none works not", knows_its_names},
    {"probe: neither descriptors nor processes are left", leaves_nothing},
};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
