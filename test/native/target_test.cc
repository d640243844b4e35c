// SPDX-License-Identifier: Apache-2.0
// Tests how a caller's credentials are read from its status file.
#include "caller/target.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "check.h"
#include "kernel/unique_fd.h"

namespace seccompagent::test {
namespace {

constexpr const char* kStatus =
    "Name:\tcat\nUmask:\t0027\nState:\tR (running)\nTgid:\t7\n"
    "Uid:\t1000\t1001\t1002\t1003\nGid:\t2000\t2001\t2002\t4294967294\n"
    "FDSize:\t256\nGroups:\t4 24 4294967294 \nNStgid:\t7\n"
    "CapInh:\t0000000000000001\nCapEff:\t000001ffffffffff\nCapBnd:\t0000000000000000\n";

std::string own_status() {
  const UniqueFd file(open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  CHECK(file.is_open());
  std::string text(65536, '\0');
  const ssize_t length = read(file.get(), text.data(), text.size());
  CHECK(length > 0);
  text.resize(static_cast<std::size_t>(length));
  return text;
}

std::string without_line(const std::string& name) {
  std::string text = kStatus;
  const std::size_t from = text.find("\n" + name + ":");
  CHECK(from != std::string::npos);
  text.erase(from, text.find('\n', from + 1) - from);
  return text;
}

std::string replaced(const std::string& from, const std::string& to) {
  std::string text = kStatus;
  const std::size_t at = text.find(from);
  CHECK(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

void reads_every_field() {
  const Credentials read = VALUE(parse_credentials(kStatus));
  CHECK_EQUAL(read.uid.real, 1000U);
  CHECK_EQUAL(read.uid.effective, 1001U);
  CHECK_EQUAL(read.uid.saved, 1002U);
  CHECK_EQUAL(read.uid.fs, 1003U);
  CHECK_EQUAL(read.gid.real, 2000U);
  CHECK_EQUAL(read.gid.effective, 2001U);
  CHECK_EQUAL(read.gid.saved, 2002U);
  CHECK_EQUAL(read.gid.fs, 4294967294U);
  CHECK((read.groups == std::vector<gid_t>{4, 24, 4294967294U}));
  CHECK_EQUAL(read.effective_capabilities, 0x1ffffffffffULL);
  CHECK_EQUAL(read.umask, static_cast<mode_t>(027));
}

void reads_its_own() {
  const std::array<gid_t, 3> groups = {7, 5, 6};
  CHECK_EQUAL(setgroups(groups.size(), groups.data()), 0);
  umask(0137);
  const std::string status = own_status();
  const Credentials read = VALUE(parse_credentials(status.c_str()));
  CHECK_EQUAL(read.uid.real, getuid());
  CHECK_EQUAL(read.uid.fs, geteuid());
  CHECK_EQUAL(read.gid.effective, getegid());
  CHECK_EQUAL(read.umask, static_cast<mode_t>(0137));
  CHECK((read.groups == std::vector<gid_t>{5, 6, 7}));
  CHECK(read.effective_capabilities != 0);
}

void refuses_missing_fields() {
  for (const char* name : {"Umask", "Uid", "Gid", "Groups", "CapEff"}) {
    CHECK_EQUAL(ERROR(parse_credentials(without_line(name).c_str())), Errno{EINVAL});
  }
  CHECK_EQUAL(ERROR(parse_credentials("")), Errno{EINVAL});
}

void refuses_ids_that_are_cut() {
  const std::string three = replaced("1000\t1001\t1002\t1003", "1000\t1001\t1002");
  // the fourth number must not be taken from another line
  const auto read = parse_credentials(three.c_str());
  CHECK_EQUAL(ERROR(read), Errno{EINVAL});
  CHECK_EQUAL(ERROR(parse_credentials(replaced("1000\t", "x\t").c_str())), Errno{EINVAL});
}

void takes_no_groups() {
  for (const char* none : {"Groups:\t\n", "Groups:\t \n", "Groups:\n"}) {
    const std::string text = replaced("Groups:\t4 24 4294967294 \n", none);
    CHECK_EQUAL(VALUE(parse_credentials(text.c_str())).groups.size(), 0UL);
  }
}

void takes_groups_at_the_end() {
  const std::string text = without_line("Groups") + "Groups:\t1 2";
  CHECK_EQUAL(VALUE(parse_credentials(text.c_str())).groups.size(), 2UL);
}

void takes_many_groups() {
  std::string line = "Groups:\t";
  std::vector<gid_t> expected;
  for (gid_t group = 0; group < 1000; ++group) {
    expected.push_back(4294000000U + group);
    line += std::to_string(expected.back()) + " ";
  }
  const std::string text = replaced("Groups:\t4 24 4294967294 ", line);
  CHECK(VALUE(parse_credentials(text.c_str())).groups == expected);
}

void refuses_too_many_groups() {
  CHECK_EQUAL(VALUE(parse_credentials(kStatus, 3)).groups.size(), 3UL);
  CHECK_EQUAL(ERROR(parse_credentials(kStatus, 2)), Errno{ETOOMANYREFS});
}

void refuses_groups_that_are_none() {
  const std::string text = replaced("4 24 ", "4 x ");
  CHECK_EQUAL(ERROR(parse_credentials(text.c_str())), Errno{EINVAL});
}

void is_not_misled_by_the_name() {
  // the kernel escapes line ends in names
  const std::string text = replaced("Name:\tcat", "Name:\tUid:\\nUid:\t0 0 0 0");
  CHECK_EQUAL(VALUE(parse_credentials(text.c_str())).uid.real, 1000U);
}

void check_start(const char* path, int dirfd, const char* entry, const char* rest) {
  const Start start = start_of(path, 7);
  CHECK_EQUAL(start.dirfd, dirfd);
  CHECK_EQUAL(start.proc_entry, entry);
  CHECK_EQUAL(start.rest, rest);
  CHECK(!start.is_of_thread);
  CHECK_EQUAL(start.is_from_root, *path == '/' && start.proc_entry.empty());
}

void starts_at_the_dirfd() {
  for (const char* path : {"a", "", "./a", "..", "proc/self/cwd", "self"})
    check_start(path, 7, "", path);
}

void starts_at_the_root() {
  for (const char* path : {"/",
                           "/a",
                           "//a//",
                           "/proc",
                           "/proc/",
                           "/procs/self/cwd",
                           "/a/proc/self/cwd",
                           "/proc/1/cwd",
                           "/proc/selfish/cwd",
                           "/proc/self",
                           "/proc/self/",
                           "/proc/self/cwds",
                           "/proc/self/fd",
                           "/proc/self/fd/",
                           "/proc/self/fd/x",
                           "/proc/self/fd/-1",
                           "/proc/self/fd/1x/a",
                           "/proc/self/fd/12345678901",
                           "/proc/self/fds/1",
                           "/proc/self/exe",
                           "/proc/self/../a"}) {
    check_start(path, AT_FDCWD, "", path);
  }
}

void starts_at_what_self_has() {
  check_start("/proc/self/cwd", AT_FDCWD, "cwd", "");
  check_start("/proc/self/cwd/", AT_FDCWD, "cwd", ".");
  check_start("/proc/self/cwd/a/b/", AT_FDCWD, "cwd", "a/b/");
  check_start("/proc/self/root", AT_FDCWD, "root", "");
  check_start("/proc/self/root//a", AT_FDCWD, "root", "a");
  check_start("/proc/self/fd/6", AT_FDCWD, "fd/6", "");
  check_start("/proc/self/fd/1234567890/a", AT_FDCWD, "fd/1234567890", "a");
  check_start("//proc///self//fd//6///a", AT_FDCWD, "fd/6", "a");
  check_start("/proc/self/fd/6/..", AT_FDCWD, "fd/6", "..");
}

void starts_at_what_the_thread_has() {
  const Start start = start_of("/proc/thread-self/fd/6/a", 7);
  CHECK(start.is_of_thread);
  CHECK_EQUAL(start.proc_entry, "fd/6");
  CHECK_EQUAL(start.rest, "a");
  CHECK(start_of("/proc/thread-self/cwd", 7).is_of_thread);
}

void reads_numbers_of_nested_namespaces() {
  const ProcessNumbers numbers =
      parse_numbers("Name:\tx\nTgid:\t700\nNStgid:\t700\t40\t1\nNSpid:\t702\t42\t3\nNSpgid:\t9\n");
  CHECK(numbers.process == std::vector<pid_t>({700, 40, 1}));
  CHECK(numbers.thread == std::vector<pid_t>({702, 42, 3}));
  CHECK(parse_numbers("Name:\tx\nTgid:\t700\n").process.empty());
  CHECK(parse_numbers("Name:\tx\nNStgid:\nNSpid:\t5\n").process.empty());
}

constexpr Case kCases[] = {
    {"A3a: parse_numbers: a process has a number in each pid namespace",
     reads_numbers_of_nested_namespaces},
    {"parse_credentials: more groups than are wanted are refused", refuses_too_many_groups},
    {"start_of: a relative path starts at the dirfd", starts_at_the_dirfd},
    {"start_of: an absolute path starts at the root", starts_at_the_root},
    {"A3a: start_of: what /proc/self names is the caller's", starts_at_what_self_has},
    {"A3a: start_of: what /proc/thread-self names is the thread's", starts_at_what_the_thread_has},
    {"parse_credentials: every field is read", reads_every_field},
    {"parse_credentials: the process's own status file is read", reads_its_own},
    {"parse_credentials: a missing field is refused", refuses_missing_fields},
    {"parse_credentials: ids that are cut or no numbers are refused", refuses_ids_that_are_cut},
    {"parse_credentials: there may be no groups", takes_no_groups},
    {"parse_credentials: groups may be the last line", takes_groups_at_the_end},
    {"parse_credentials: a thousand groups are read", takes_many_groups},
    {"parse_credentials: a group that is no number is refused", refuses_groups_that_are_none},
    {"parse_credentials: a process's name does not mislead", is_not_misled_by_the_name}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
