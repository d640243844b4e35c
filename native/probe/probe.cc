// SPDX-License-Identifier: Apache-2.0
// Each probe runs in a process that is forked for it, so that nothing is changed here, and a filter
// that kills for a call kills that process only. glibc lets such a process use memory of the heap,
// whatever our other threads were at.
#include "probe/probe.h"

#include <sys/mman.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <string_view>

#include "kernel/clock.h"
#include "probe/probe_child.h"
#include "probe/probe_mounts.h"
#include "probe/probe_notify.h"
#include "probe/probe_process.h"
#include "probe/probe_security.h"

namespace seccompagent {
namespace {

// The limit of a whole probe; machines may be busy.
constexpr Nanoseconds kMaxDuration = 30 * kSecond;

struct Probe {
  std::string_view name;
  ProbeOutcome (*run)();
};

constexpr std::array<Probe, 28> kProbes = {{{"signals", send_signal},
                                            {"notify", answer_call},
                                            {"sync-wake-up", wake_up_in_sync},
                                            {"wait-killable", wait_killable},
                                            {"fast-reply", reply_fast},
                                            {"add-fd", add_descriptor},
                                            {"add-fd-send", add_descriptor_and_send},
                                            {"pidfd-getfd", take_descriptor},
                                            {"caller-memory", read_caller_memory},
                                            {"hidden-memory", read_hidden_memory},
                                            {"openat2", resolve_in_root},
                                            {"new-mounts", new_mounts},
                                            {"proc-pidns", proc_pidns},
                                            {"idmapped-mounts", idmapped_mounts},
                                            {"namespaces", enter_namespaces},
                                            {"labelled-memory", read_labelled_memory},
                                            {"labels", take_labels},
                                            {"CAP_CHOWN", use_chown},
                                            {"CAP_DAC_OVERRIDE", use_dac_override},
                                            {"CAP_FOWNER", use_fowner},
                                            {"CAP_FSETID", use_fsetid},
                                            {"CAP_KILL", use_kill},
                                            {"CAP_MKNOD", use_mknod},
                                            {"CAP_SETGID", use_setgid},
                                            {"CAP_SETPCAP", use_setpcap},
                                            {"CAP_SETUID", use_setuid},
                                            {"CAP_SYS_CHROOT", use_sys_chroot},
                                            {"CAP_SYS_NICE", use_sys_nice}}};

struct Report {
  std::atomic<bool> is_done = false;
  ProbeOutcome outcome = {};
};

ProbeOutcome await(const ProbeChild& child, const Report& report) {
  const Nanoseconds end = now() + kMaxDuration;
  while (!child.has_ended()) {
    if (now() > end) return failed("an end of it");
    pause_for(kProbeLook);
  }
  if (report.is_done.load()) return report.outcome;
  siginfo_t info = {};
  const bool is_known =
      waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
  ProbeOutcome outcome = failed("the process that tries it");
  if (is_known && info.si_code != CLD_EXITED) outcome.signal = info.si_status;
  return outcome;
}

ProbeOutcome run_apart(const Probe& probe) {
  auto* report = shared<Report>();
  if (report == nullptr) return failed("mmap", errno);
  ProbeOutcome outcome = {};
  {
    const ProbeChild child([&] {
      report->outcome = probe.run();
      report->is_done.store(true);
    });
    outcome = child.pid() == -1 ? failed("fork", errno) : await(child, *report);
  }
  munmap(report, sizeof *report);
  return outcome;
}

}  // namespace

ProbeOutcome run_probe(std::string_view name) {
  for (const Probe& probe : kProbes) {
    if (probe.name == name) return run_apart(probe);
  }
  return failed("");
}

}  // namespace seccompagent
