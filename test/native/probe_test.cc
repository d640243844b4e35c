// SPDX-License-Identifier: Apache-2.0
// Tests the probes of the kernel: that they end, and leave nothing behind.
#include "probe/probe.h"

#include <dirent.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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

void signals_and_labels() {
  works("signals");
  works("labelled-memory");
  works("labels");
}

struct Capability {
  std::string_view name;
  unsigned number;
};

constexpr Capability kCapabilities[] = {
    {"CAP_CHOWN", CAP_CHOWN},      {"CAP_DAC_OVERRIDE", CAP_DAC_OVERRIDE},
    {"CAP_FOWNER", CAP_FOWNER},    {"CAP_FSETID", CAP_FSETID},
    {"CAP_KILL", CAP_KILL},        {"CAP_MKNOD", CAP_MKNOD},
    {"CAP_SETGID", CAP_SETGID},    {"CAP_SETPCAP", CAP_SETPCAP},
    {"CAP_SETUID", CAP_SETUID},    {"CAP_SYS_CHROOT", CAP_SYS_CHROOT},
    {"CAP_SYS_NICE", CAP_SYS_NICE}};

bool drop(unsigned capability) {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, sets) == -1) return false;
  auto& set = sets[CAP_TO_INDEX(capability)];
  set.effective &= ~CAP_TO_MASK(capability);
  set.permitted &= ~CAP_TO_MASK(capability);
  return syscall(SYS_capset, &header, sets) == 0;
}

// In a child that does not have this one.
void misses(const Capability& capability) {
  const pid_t child = fork();
  if (child == 0) {
    if (!drop(capability.number)) _exit(1);
    const ProbeOutcome outcome = run_probe(capability.name);
    _exit(!outcome.works && !std::string_view(outcome.step).empty() ? 0 : 2);
  }
  int status = 0;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK_EQUAL(status, 0);
}

void uses_capabilities() {
  for (const Capability& capability : kCapabilities) {
    works(capability.name);
    misses(capability);
  }
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
    {"G9: probe: a Linux capability can be used as long as it is there", uses_capabilities},
    {"G9: probe: children are signalled, and no label is in the way", signals_and_labels},
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
