// SPDX-License-Identifier: Apache-2.0
// Tests paths that lead through a procfs: this process acts, and another one is the caller.
#include "files/path_walk.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <string>

#include "check.h"
#include "files/callers_process.h"
#include "files/process_folder.h"
#include "kernel/clock.h"
#include "kernel/own_processes.h"
#include "kernel/unique_fd.h"

namespace seccompagent::test {
namespace {

class There : public Validity {
 public:
  [[nodiscard]] bool is_gone() const override { return false; }
};

constexpr const char* kOurs = "/mnt/ours";

// A caller in a pid namespace of its own, and paths that are walked for it. `/proc` is its procfs,
// ours is elsewhere.
class Walker {
 public:
  Walker() {
    CHECK(open_own_processes().has_value());
    CHECK_EQUAL(unshare(CLONE_NEWNS), 0);
    CHECK_EQUAL(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    CHECK_EQUAL(mount("none", "/mnt", "tmpfs", 0, nullptr), 0);
    CHECK_EQUAL(mkdir(kOurs, 0755), 0);
    CHECK_EQUAL(mount("/proc", kOurs, nullptr, MS_BIND, nullptr), 0);
    int ends[2];
    CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
    clone_args arguments = {};
    arguments.flags = CLONE_NEWPID;
    arguments.exit_signal = SIGCHLD;
    const long child = syscall(SYS_clone3, &arguments, sizeof arguments);
    CHECK(child != -1);
    if (child == 0) {
      if (mount("proc", "/proc", "proc", 0, nullptr) == 0) (void)write(ends[1], "", 1);
      for (;;) pause();
    }
    child_ = static_cast<pid_t>(child);
    char byte = 0;
    CHECK_EQUAL(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    close(ends[1]);
    caller_.process = {child_, 1};
    caller_.thread = {child_, 1};
  }
  Walker(const Walker&) = delete;
  Walker& operator=(const Walker&) = delete;
  ~Walker() {
    // the sanitizers look at this process
    while (umount2("/proc", MNT_DETACH) == 0 && access("/proc/self/task", F_OK) != 0) {
    }
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }

  [[nodiscard]] Result<UniqueFd> walk(const std::string& path, std::uint64_t flags = 0,
                                      std::uint64_t resolve = 0, int base = AT_FDCWD) {
    caller_.wanted.reset();
    const FileTask task = {.request = request_,
                           .place = {.base = base,
                                     .second_base = base,
                                     .processes = own_processes(),
                                     .process = &caller_},
                           .validity = there_};
    return walk_path(task, base, path.c_str(), flags, resolve);
  }

  // Whether it is what the other path leads to.
  [[nodiscard]] bool leads_to(const std::string& path, const std::string& other,
                              std::uint64_t flags = 0) {
    const auto found = walk(path, flags);
    struct stat one = {};
    struct stat two = {};
    return found && fstat(found->get(), &one) == 0 &&
           fstatat(AT_FDCWD, other.c_str(), &two, 0) == 0 && one.st_ino == two.st_ino &&
           one.st_dev == two.st_dev;
  }

  [[nodiscard]] const std::optional<OwnLink>& wanted() const { return caller_.wanted; }
  void give(const OwnLink& link, int error, int fd) {
    caller_.files.push_back({.link = link, .error = error, .fd = fd});
  }
  CallersProcess& caller() { return caller_; }

 private:
  pid_t child_;
  CallersProcess caller_;
  FileRequest request_ = {
      .operation = FileOperation::open, .path = {}, .second_path = {}, .name = {}, .data = {}};
  There there_;
};

void leads_to_the_callers_own() {
  Walker walker;
  CHECK(walker.leads_to("/proc/self/status", "/proc/1/status"));
  CHECK(walker.leads_to("/proc/thread-self/maps", "/proc/1/task/1/maps"));
  CHECK(walker.leads_to("/proc/self/../self/./comm", "/proc/1/comm"));
  CHECK(walker.leads_to("/proc/mounts", "/proc/1/mounts"));
  CHECK(walker.leads_to("/etc/../proc/self/", "/proc/1"));
  CHECK_EQUAL(ERROR(walker.walk("/proc/self/nothing")), Errno{ENOENT});
  CHECK_EQUAL(ERROR(walker.walk("/proc/self/comm/")), Errno{ENOTDIR});
  CHECK_EQUAL(ERROR(walker.walk("/proc/self/comm/x")), Errno{ENOTDIR});
}

void asks_for_what_the_caller_has() {
  Walker walker;
  for (const char* name : {"fd/0", "cwd", "root", "exe", "ns/net"}) {
    CHECK_EQUAL(ERROR(walker.walk(std::string("/proc/self/") + name)), Errno{EUCLEAN});
    CHECK(walker.wanted() == OwnLink{.name = name});
    CHECK_EQUAL(ERROR(walker.walk(std::string("/proc/1/") + name)), Errno{EUCLEAN});
    CHECK(walker.wanted() == OwnLink{.name = name});
  }
  CHECK_EQUAL(ERROR(walker.walk("/proc/self/cwd/x")), Errno{EUCLEAN});
  const UniqueFd folder(open("/etc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  walker.give({.name = "fd/7"}, 0, folder.get());
  walker.give({.name = "fd/8"}, ENOENT, -1);
  CHECK(walker.leads_to("/proc/self/fd/7", "/etc"));
  CHECK(walker.leads_to("/proc/self/fd/7/passwd", "/etc/passwd"));
  CHECK(walker.leads_to("/proc/self/fd/7/../etc/", "/etc"));
  CHECK_EQUAL(ERROR(walker.walk("/proc/self/fd/8")), Errno{ENOENT});
  // none that the agent would be asked for
  for (const char* name : {"99999999999", "00000000000000000008", "99999999999/a"})
    CHECK_EQUAL(ERROR(walker.walk(std::string("/proc/self/fd/") + name)), Errno{ENOENT});
  CHECK(!walker.wanted().has_value());
  // the link itself
  const auto link = walker.walk("/proc/self/fd/0", O_NOFOLLOW);
  struct stat found = {};
  CHECK(link.has_value() && fstat(link->get(), &found) == 0 && S_ISLNK(found.st_mode));
}

[[nodiscard]] bool is_of_others(const std::string& path) {
  const UniqueFd opened(open(path.c_str(), O_PATH | O_CLOEXEC));
  CHECK(opened.is_open());
  const FilePlace place = {.base = -1, .second_base = -1, .processes = own_processes()};
  return others_processes(opened.get(), place).has_value();
}

void mount_over(const char* from, const std::string& path) {
  CHECK_EQUAL(mount(from, path.c_str(), nullptr, MS_BIND, nullptr), 0);
}

void is_not_led_to_its_own_entry() {
  Walker walker;
  const std::string ours = kOurs;
  CHECK(walker.walk(ours + "/self/comm").has_value());
  for (const char* name : {"", "/uptime", "/1", "/1/comm", "/1/fd", "/sys/kernel/hostname"})
    CHECK(is_of_others(ours + name));
  const std::string own = ours + "/" + std::to_string(getpid());
  for (const char* name : {"", "/mem", "/fd", "/net/dev", "/task", "/attr"})
    CHECK(!is_of_others(own + name));
  // whatever the caller mounts
  mount_over("/proc/uptime", own + "/stat");
  mount_over("/proc/uptime", own + "/status");
  mount_over("/proc/uptime", ours + "/stat");
  for (const char* name : {"", "/mem", "/fd"}) CHECK(!is_of_others(own + name));
  CHECK_EQUAL(mkdir("/mnt/fds", 0755), 0);
  mount_over((own + "/fdinfo").c_str(), "/mnt/fds");
  CHECK(!is_of_others("/mnt/fds"));
  CHECK(!is_of_others("/mnt/fds/0"));
  close(open("/mnt/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  mount_over((own + "/maps").c_str(), "/mnt/file");
  CHECK(!is_of_others("/mnt/file"));
  mount_over((ours + "/sys").c_str(), "/mnt/fds");
  // the whole of it is nowhere to be found
  CHECK(!is_of_others("/mnt/fds/kernel/hostname"));
  // in place of the callers' procfs, ours
  mount_over(kOurs, "/proc");
  CHECK(is_of_others("/proc/uptime"));
  CHECK(is_of_others("/mnt/fds/kernel/hostname"));
  const std::string there = "/proc/" + std::to_string(getpid());
  CHECK(!is_of_others(there + "/mem"));
  mount_over("/etc", there);
  CHECK(!is_of_others("/proc/uptime"));
}

void is_led_in_those_of_others() {
  Walker walker;
  for (const char* name : {"", "/uptime", "/1", "/1/comm", "/1/task/1/mem", "/sys/kernel/hostname"})
    CHECK(is_of_others(std::string("/proc") + name));
  CHECK(!is_of_others("/mnt"));
  // what another process has
  CHECK_EQUAL(ERROR(walker.walk("/proc/1/map_files/1000-2000")), Errno{ENOENT});
  // nobody has these numbers
  walker.caller().process = {1, 1};
  for (const char* name : {"/exe", "/root", "/ns/pid"}) {
    CHECK_EQUAL(ERROR(walker.walk(std::string("/proc/1") + name)), Errno{ELOOP});
    const std::string own = std::string(kOurs) + "/" + std::to_string(getpid());
    CHECK_EQUAL(ERROR(walker.walk(own + name)), Errno{ELOOP});
  }
}

void is_nobody_in_another_namespace() {
  Walker walker;
  // nobody has these numbers
  walker.caller().process = {1, 1};
  CHECK_EQUAL(ERROR(walker.walk("/proc/self/comm")), Errno{ENOENT});
  walker.caller().process = {};
  CHECK_EQUAL(ERROR(walker.walk("/proc/self/comm")), Errno{ENOENT});
}

void keeps_to_what_openat2_is_told() {
  Walker walker;
  const UniqueFd proc(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const auto error = [&](const char* path, std::uint64_t resolve) {
    const auto found = walker.walk(path, 0, resolve, proc.get());
    return found ? 0 : found.error().number;
  };
  CHECK_EQUAL(error("self/comm", RESOLVE_NO_XDEV), 0);
  CHECK_EQUAL(error("../etc", RESOLVE_NO_XDEV), EXDEV);
  CHECK_EQUAL(error("self/comm", RESOLVE_NO_SYMLINKS), ELOOP);
  // what is not there comes first, as the kernel has it
  CHECK_EQUAL(error("self/fd/0", RESOLVE_NO_MAGICLINKS), EUCLEAN);
  walker.give({.name = "fd/0"}, 0, proc.get());
  CHECK_EQUAL(error("self/fd/0", RESOLVE_NO_MAGICLINKS), ELOOP);
  walker.give({.name = "fd/7"}, ENOENT, -1);
  CHECK_EQUAL(error("self/fd/7", RESOLVE_NO_MAGICLINKS), ENOENT);
}

void stays_below_its_base() {
  Walker walker;
  const UniqueFd proc(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const UniqueFd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct Way {
    int base;
    const char* path;
    std::uint64_t resolve;
    // nullptr: EXDEV.
    const char* to;
  };
  const Way ways[] = {
      {proc.get(), "self/comm", RESOLVE_BENEATH, "/proc/1/comm"},
      {proc.get(), "thread-self/../../comm", RESOLVE_BENEATH, "/proc/1/comm"},
      {proc.get(), "self/../version", RESOLVE_BENEATH, "/proc/version"},
      {proc.get(), "self/../../proc/version", RESOLVE_BENEATH, nullptr},
      {proc.get(), "..", RESOLVE_BENEATH, nullptr},
      {proc.get(), "./..", RESOLVE_BENEATH, nullptr},
      {proc.get(), "self/./../version", RESOLVE_BENEATH, "/proc/version"},
      {proc.get(), "/proc/self/comm", RESOLVE_BENEATH, nullptr},
      {proc.get(), "/self/comm", RESOLVE_IN_ROOT, "/proc/1/comm"},
      {proc.get(), "self/../../../mounts", RESOLVE_IN_ROOT, "/proc/1/mounts"},
      {root.get(), "/proc/self/../thread-self/maps", RESOLVE_IN_ROOT, "/proc/1/task/1/maps"},
      {root.get(), "mnt/to-proc/self/comm", RESOLVE_IN_ROOT, "/proc/1/comm"},
      {root.get(), "mnt/to-proc/self/comm", RESOLVE_BENEATH, nullptr}};
  CHECK_EQUAL(symlink("/proc", "/mnt/to-proc"), 0);
  for (const Way& way : ways) {
    const auto found = walker.walk(way.path, 0, way.resolve, way.base);
    struct stat one = {};
    struct stat two = {};
    if (way.to == nullptr) {
      CHECK_EQUAL(ERROR(found), Errno{EXDEV});
    } else {
      CHECK(found.has_value());
      CHECK_EQUAL(fstat(found->get(), &one), 0);
      CHECK_EQUAL(stat(way.to, &two), 0);
      CHECK_EQUAL(one.st_ino, two.st_ino);
    }
  }
  // what leads elsewhere than by a path
  walker.give({.name = "cwd"}, 0, root.get());
  for (const std::uint64_t resolve : {RESOLVE_BENEATH, RESOLVE_IN_ROOT})
    CHECK_EQUAL(ERROR(walker.walk("self/cwd/etc", 0, resolve, proc.get())), Errno{EXDEV});
}

void follows_links_that_lead_there() {
  Walker walker;
  char folder[] = "/tmp/seccompagent-walk-XXXXXX";
  CHECK(mkdtemp(folder) != nullptr);
  const std::string base = folder;
  CHECK_EQUAL(symlink("/proc/self/comm", (base + "/one").c_str()), 0);
  CHECK_EQUAL(symlink("one", (base + "/two").c_str()), 0);
  CHECK_EQUAL(symlink("loop", (base + "/loop").c_str()), 0);
  CHECK(walker.leads_to(base + "/two", "/proc/1/comm"));
  CHECK_EQUAL(ERROR(walker.walk(base + "/loop")), Errno{ELOOP});
  CHECK_EQUAL(ERROR(walker.walk(base + "/loop/x")), Errno{ELOOP});
  for (const char* name : {"/one", "/two", "/loop"}) CHECK_EQUAL(unlink((base + name).c_str()), 0);
  CHECK_EQUAL(rmdir(folder), 0);
}

// Whoever wants a walk to take long names a place that takes long to look at, again and again.
void looks_once_at_where_it_stays() {
  Walker walker;
  const std::string folder = "/proc/self/fd/";
  const auto took = [&](const std::string& path) {
    const Nanoseconds start = now();
    CHECK(walker.leads_to(path, "/proc/1/fd"));
    return now() - start;
  };
  const Nanoseconds once = took(folder + ".");
  std::string dots = folder;
  while (dots.size() + 2 < PATH_MAX) dots += "./";
  CHECK(took(dots) < once * 100);
  std::string to_and_fro = folder;
  for (int times = 0; times < 10; ++times) to_and_fro += "./../fd/";
  CHECK(walker.leads_to(to_and_fro, "/proc/1/fd"));
  for (int times = 0; times < 100; ++times) to_and_fro += "./../fd/";
  CHECK_EQUAL(ERROR(walker.walk(to_and_fro)), Errno{ELOOP});
}

constexpr Case kCases[] = {
    {"A19: walk_path: a place is looked at once", looks_once_at_where_it_stays},
    {"A3a: walk_path: self is the caller", leads_to_the_callers_own},
    {"A3a: walk_path: links of the caller's process are asked for", asks_for_what_the_caller_has},
    {"A4: walk_path: the entry of the acting process is none of others",
     is_not_led_to_its_own_entry},
    {"A3a: walk_path: a procfs of others leads to what the caller has alone",
     is_led_in_those_of_others},
    {"A3a: walk_path: self is nobody in a pid namespace without the caller",
     is_nobody_in_another_namespace},
    {"A3a: walk_path: restrictions of openat2(2) count", keeps_to_what_openat2_is_told},
    {"A3a: walk_path: RESOLVE_BENEATH and RESOLVE_IN_ROOT count", stays_below_its_base},
    {"A3a: walk_path: symbolic links lead to the caller, too", follows_links_that_lead_there}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
