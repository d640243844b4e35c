// SPDX-License-Identifier: Apache-2.0
// Tests paths that lead through a procfs: this process acts, and another one is the caller.
#include "files/path_walk.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "check.h"
#include "files/callers_process.h"
#include "files/thread_role.h"
#include "kernel/unique_fd.h"
#include "sleeper.h"

namespace seccompagent::test {
namespace {

class There : public Validity {
 public:
  [[nodiscard]] bool is_gone() const override { return false; }
};

// A caller, and paths that are walked for it.
class Walker {
 public:
  Walker() {
    CHECK(ThreadRole::know_own_places().has_value());
    caller_.process = {sleeper_.pid()};
    caller_.thread = {sleeper_.pid()};
  }

  [[nodiscard]] Result<UniqueFd> walk(const std::string& path, std::uint64_t flags = 0,
                                      std::uint64_t resolve = 0, int base = AT_FDCWD) {
    caller_.wanted.reset();
    const FileTask task = {.request = request_,
                           .place = {.base = base,
                                     .second_base = base,
                                     .processes = ThreadRole::own_processes(),
                                     .process = &caller_},
                           .held = HeldIds::all,
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

  [[nodiscard]] std::string own(const std::string& name) const {
    return "/proc/" + std::to_string(sleeper_.pid()) + "/" + name;
  }
  [[nodiscard]] const std::optional<OwnLink>& wanted() const { return caller_.wanted; }
  void give(const OwnLink& link, int error, int fd) {
    caller_.files.push_back({.link = link, .error = error, .fd = fd});
  }
  CallersProcess& caller() { return caller_; }

 private:
  Sleeper sleeper_;
  CallersProcess caller_;
  FileRequest request_ = {
      .operation = FileOperation::open, .path = {}, .second_path = {}, .name = {}, .data = {}};
  There there_;
};

void leads_to_the_callers_own() {
  Walker walker;
  CHECK(walker.leads_to("/proc/self/status", walker.own("status")));
  CHECK(walker.leads_to("/proc/thread-self/maps",
                        walker.own("task/" + std::to_string(walker.caller().thread[0]) + "/maps")));
  CHECK(walker.leads_to("/proc/self/../self/./comm", walker.own("comm")));
  CHECK(walker.leads_to("/proc/mounts", walker.own("mounts")));
  CHECK(walker.leads_to("/etc/../proc/self/", walker.own("")));
  CHECK_EQUAL(ERROR(walker.walk("/proc/self/nothing")), Errno{ENOENT});
  CHECK_EQUAL(ERROR(walker.walk("/proc/self/comm/")), Errno{ENOTDIR});
  CHECK_EQUAL(ERROR(walker.walk("/proc/self/comm/x")), Errno{ENOTDIR});
}

void asks_for_what_the_caller_has() {
  Walker walker;
  for (const char* name : {"fd/0", "cwd", "root", "exe", "ns/net"}) {
    CHECK_EQUAL(ERROR(walker.walk(std::string("/proc/self/") + name)), Errno{EUCLEAN});
    CHECK(walker.wanted() == OwnLink{.name = name});
    CHECK_EQUAL(ERROR(walker.walk(walker.own(name))), Errno{EUCLEAN});
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
  CHECK(!walker.wanted().has_value());
  // the link itself
  const auto link = walker.walk("/proc/self/fd/0", O_NOFOLLOW);
  struct stat found = {};
  CHECK(link.has_value() && fstat(link->get(), &found) == 0 && S_ISLNK(found.st_mode));
}

void shows_nothing_of_itself() {
  Walker walker;
  const std::string own = "/proc/" + std::to_string(getpid()) + "/";
  for (const char* name : {"status", "mem", "fd", "fd/0", "exe", "root/etc", "task", "net/dev", ""})
    CHECK_EQUAL(ERROR(walker.walk(own + name)), Errno{EACCES});
  // from there, no name says whose it is
  for (const char* name : {"", "fd", "net", "attr", "task"}) {
    const UniqueFd folder(open((own + name).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    CHECK(folder.is_open());
    CHECK_EQUAL(ERROR(walker.walk(".", 0, 0, folder.get())), Errno{EACCES});
  }
  CHECK(walker.walk("/proc/uptime").has_value());
  CHECK(walker.walk("/proc/sys/kernel/hostname").has_value());
}

void is_nobody_in_another_namespace() {
  Walker walker;
  // nobody has these numbers
  walker.caller().process = {getpid(), 1};
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
  CHECK_EQUAL(error("self/comm", RESOLVE_BENEATH | RESOLVE_NO_XDEV), 0);
  CHECK_EQUAL(error("self/comm", RESOLVE_IN_ROOT), 0);
  CHECK_EQUAL(error("/self/comm", RESOLVE_IN_ROOT), 0);
  CHECK_EQUAL(error("../../self/comm", RESOLVE_IN_ROOT), 0);
  CHECK_EQUAL(error("self/../../etc", RESOLVE_BENEATH), EXDEV);
  CHECK_EQUAL(error("/etc", RESOLVE_BENEATH), EXDEV);
  CHECK_EQUAL(error("../etc", RESOLVE_NO_XDEV), EXDEV);
  CHECK_EQUAL(error("self/comm", RESOLVE_NO_SYMLINKS), ELOOP);
  CHECK_EQUAL(error("self/fd/0", RESOLVE_NO_MAGICLINKS), ELOOP);
  CHECK_EQUAL(error("self/cwd", RESOLVE_BENEATH), ELOOP);
  CHECK_EQUAL(error("self/exe", RESOLVE_IN_ROOT), ELOOP);
}

void follows_links_that_lead_there() {
  Walker walker;
  char folder[] = "/tmp/seccompagent-walk-XXXXXX";
  CHECK(mkdtemp(folder) != nullptr);
  const std::string base = folder;
  CHECK_EQUAL(symlink("/proc/self/comm", (base + "/one").c_str()), 0);
  CHECK_EQUAL(symlink("one", (base + "/two").c_str()), 0);
  CHECK_EQUAL(symlink("loop", (base + "/loop").c_str()), 0);
  CHECK(walker.leads_to(base + "/two", walker.own("comm")));
  CHECK_EQUAL(ERROR(walker.walk(base + "/loop")), Errno{ELOOP});
  CHECK_EQUAL(ERROR(walker.walk(base + "/loop/x")), Errno{ELOOP});
  for (const char* name : {"/one", "/two", "/loop"}) CHECK_EQUAL(unlink((base + name).c_str()), 0);
  CHECK_EQUAL(rmdir(folder), 0);
}

constexpr Case kCases[] = {
    {"A3a: walk_path: self is the caller", leads_to_the_callers_own},
    {"A3a: walk_path: links of the caller's process are asked for", asks_for_what_the_caller_has},
    {"A4: walk_path: the acting process does not show itself", shows_nothing_of_itself},
    {"A3a: walk_path: self is nobody in a pid namespace without the caller",
     is_nobody_in_another_namespace},
    {"A3a: walk_path: restrictions of openat2(2) count", keeps_to_what_openat2_is_told},
    {"A3a: walk_path: symbolic links lead to the caller, too", follows_links_that_lead_there}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
