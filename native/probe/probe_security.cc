// SPDX-License-Identifier: Apache-2.0
#include "probe/probe_security.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <system_error>

#include "caller/caller_label.h"
#include "caller/label.h"
#include "kernel/process_files.h"
#include "kernel/unique_fd.h"

namespace seccompagent {
namespace {

// Neither root nor anybody with rights.
constexpr unsigned kNobody = 65534;

ProbeOutcome judged(long result, const char* step) {
  return result == -1 ? failed(step, errno) : kWorks;
}

// A file that is nowhere.
UniqueFd new_file() { return UniqueFd(memfd_create("probe", MFD_CLOEXEC)); }

// --- labels --------------------------------------------------------------------------------------

// Callers have filters. AppArmor has few labels, of which each may be a container's; SELinux has
// one for each kind of daemon.
bool is_possible_caller(pid_t process, const Label& label) {
  if (label.module == LabelModule::apparmor) return true;
  const auto status = read_file("/proc/" + std::to_string(process) + "/status");
  return status && status->find("\nSeccomp:\t2\n") != std::string::npos;
}

// Looks at a process of each label that is not ours. Where `look` could tell nothing of one,
// another one is looked at.
template <typename Look>
ProbeOutcome for_each_label(Look look) {
  std::error_code error;
  std::filesystem::directory_iterator at("/proc", error);
  const std::filesystem::directory_iterator end;
  std::set<std::string> seen;
  for (; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    pid_t process = 0;
    const auto [rest, wrong] = std::from_chars(name.data(), name.data() + name.size(), process);
    if (wrong != std::errc() || rest != name.data() + name.size()) continue;
    const auto label = foreign_label(process);
    if (!label && (label.error() == Errno{ENOENT} || label.error() == Errno{ESRCH})) continue;
    if (!label) return failed("the label of a process", label.error().number);
    if (!label->is_foreign() || seen.contains(label->text)) continue;
    if (!is_possible_caller(process, *label)) continue;
    const std::optional<ProbeOutcome> outcome = look(process, *label);
    if (!outcome) continue;
    if (!outcome->works) return *outcome;
    seen.insert(label->text);
  }
  return kWorks;
}

std::optional<ProbeOutcome> read_nothing(pid_t process) {
  char read = 0;
  const iovec local = {.iov_base = &read, .iov_len = 1};
  // there is nothing, but the kernel looks at rights first
  const iovec remote = {.iov_base = nullptr, .iov_len = 1};
  if (process_vm_readv(process, &local, 1, &remote, 1, 0) != -1 || errno == EFAULT) return kWorks;
  // it has ended, or is a thread of the kernel and has no memory
  if (errno == ESRCH) return std::nullopt;
  return failed("process_vm_readv of a process with another label", errno);
}

ProbeOutcome take_on(const Label& label) {
  const UniqueFd processes(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const pid_t child = fork();
  if (child == -1) return failed("fork", errno);
  if (child == 0) {
    const auto taken = take_label(processes.get(), label);
    _exit(taken ? 0 : taken.error().number);
  }
  int status = 0;
  if (retry_eintr([&] { return waitpid(child, &status, 0); }) == -1)
    return failed("waitpid", errno);
  if (!WIFEXITED(status)) return failed("the process that takes on another label");
  const int number = WEXITSTATUS(status);
  return number == 0 ? kWorks : failed("the change to another label", number);
}

}  // namespace

// --- Linux capabilities --------------------------------------------------------------------------

ProbeOutcome use_setuid() {
  return judged(syscall(SYS_setresuid, kNobody, kNobody, kNobody), "setresuid");
}

ProbeOutcome use_setgid() {
  const gid_t group = kNobody;
  return judged(syscall(SYS_setgroups, 1, &group), "setgroups");
}

ProbeOutcome use_setpcap() {
  return judged(prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT), "prctl PR_CAPBSET_DROP");
}

ProbeOutcome use_sys_chroot() { return judged(chroot("/"), "chroot"); }

ProbeOutcome use_sys_nice() { return judged(setpriority(PRIO_PROCESS, 0, -1), "setpriority"); }

// Root may be signalled by root: it is another user, with what root may, who signals.
ProbeOutcome use_kill() {
  if (prctl(PR_SET_KEEPCAPS, 1) == -1 || syscall(SYS_setresuid, kNobody, kNobody, kNobody) == -1)
    return kWorks;
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets = {};
  if (syscall(SYS_capget, &header, sets.data()) == -1) return failed("capget", errno);
  for (auto& set : sets) set.effective = set.permitted;
  if (syscall(SYS_capset, &header, sets.data()) == -1) return failed("capset", errno);
  return judged(kill(getppid(), 0), "kill");
}

ProbeOutcome use_mknod() {
  // where nothing may be mounted, another probe says so
  if (unshare(CLONE_NEWNS) == -1 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1 ||
      mount("none", "/dev", "tmpfs", 0, nullptr) == -1)
    return kWorks;
  constexpr unsigned kMemory = 1;
  constexpr unsigned kNull = 3;
  return judged(mknod("/dev/probe", S_IFCHR | S_IRUSR, makedev(kMemory, kNull)), "mknod");
}

ProbeOutcome use_chown() {
  const UniqueFd file = new_file();
  return judged(fchown(file.get(), kNobody, kNobody), "fchown");
}

ProbeOutcome use_fowner() {
  const UniqueFd file = new_file();
  if (fchown(file.get(), kNobody, kNobody) == -1) return kWorks;
  return judged(fchmod(file.get(), S_IRUSR), "fchmod");
}

ProbeOutcome use_fsetid() {
  const UniqueFd file = new_file();
  if (fchown(file.get(), static_cast<uid_t>(-1), kNobody) == -1) return kWorks;
  struct stat status = {};
  if (fchmod(file.get(), S_ISGID | S_IRUSR | S_IXGRP) == -1 || fstat(file.get(), &status) == -1)
    return failed("fchmod", errno);
  return (status.st_mode & S_ISGID) != 0 ? kWorks : failed("a set-group-ID bit");
}

ProbeOutcome use_dac_override() {
  const UniqueFd file = new_file();
  if (fchmod(file.get(), 0) == -1) return failed("fchmod", errno);
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  const UniqueFd opened(open(path.c_str(), O_RDWR | O_CLOEXEC));
  return opened.is_open() ? kWorks : failed("open", errno);
}

ProbeOutcome read_labelled_memory() {
  return for_each_label([](pid_t process, const Label&) { return read_nothing(process); });
}

ProbeOutcome take_labels() {
  return for_each_label([](pid_t, const Label& label) { return std::optional(take_on(label)); });
}

}  // namespace seccompagent
