// SPDX-License-Identifier: Apache-2.0
// Containers made of namespaces, one inside the other, whose processes do what a test asks.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "caller/target.h"
#include "check.h"
#include "helper/new_mount.h"
#include "kernel/unique_fd.h"

namespace seccompagent::test {

using Asked = long (*)();

// 0 or errno.
inline long error_of_call(long result) { return result == -1 ? errno : 0; }

inline std::string contents(const std::string& path) {
  const std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline void write_text(const std::string& path, const std::string& text) {
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.is_open()) fail_check(__FILE__, __LINE__, path + ": " + shown(Errno{errno}));
  CHECK_EQUAL(write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

// Paths that runtimes mask, as far as this kernel has them.
inline constexpr auto kHidden = std::to_array<std::string_view>(
    {"iomem", "kallsyms", "keys", "pressure", "slabinfo", "timer_list", "vmallocinfo", "zoneinfo"});
inline constexpr auto kReadOnly =
    std::to_array<std::string_view>({"bus", "driver", "fs", "irq", "sys"});

inline void hide(const std::string& path) {
  struct stat found = {};
  CHECK_EQUAL(stat(path.c_str(), &found), 0);
  if (S_ISDIR(found.st_mode)) {
    CHECK_EQUAL(mount("tmpfs", path.c_str(), "tmpfs", MS_RDONLY, "size=4k"), 0);
  } else {
    CHECK_EQUAL(mount("/dev/null", path.c_str(), nullptr, MS_BIND, nullptr), 0);
  }
}

inline void make_read_only(const std::string& path) {
  CHECK_EQUAL(mount(path.c_str(), path.c_str(), nullptr, MS_BIND, nullptr), 0);
  CHECK_EQUAL(mount(nullptr, path.c_str(), nullptr,
                    MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr),
              0);
}

// A folder for mount points that everybody may search.
inline void make_mount_points() {
  CHECK_EQUAL(mount("tmpfs", "/mnt", "tmpfs", 0, "mode=0755"), 0);
  for (const char* place : {"/mnt/new", "/mnt/other", "/mnt/third"})
    CHECK_EQUAL(mkdir(place, 0755), 0);
}

inline void mount_proc(const char* options = nullptr) {
  make_mount_points();
  CHECK_EQUAL(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, options), 0);
}

// As whoever pivots: the kernel looks at the mounts that are covered as well, and at those of
// others who use the machine.
inline void unmount_procs() {
  std::vector<std::string> points;
  std::istringstream lines(contents("/proc/self/mountinfo"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.contains(" - proc ")) continue;
    std::istringstream words(line);
    std::string point;
    for (int word = 0; word < 5; ++word) words >> point;
    points.push_back(point);
  }
  while (!points.empty()) {
    umount2(points.back().c_str(), MNT_DETACH);
    points.pop_back();
  }
}

// As a runtime leaves it.
inline void mount_masked_proc() {
  mount_proc();
  for (const std::string_view path : kHidden) hide("/proc/" + std::string(path));
  for (const std::string_view path : kReadOnly) make_read_only("/proc/" + std::string(path));
}

// Namespaces, and what is mounted in them.
struct Level {
  int namespaces;
  // With CLONE_NEWUSER: its root, of the level outside, and how many ids.
  std::uint32_t first_id = 100000;
  std::uint32_t ids = 65536;
  void (*set_up)() = nullptr;
};

// Descriptors of one of its processes.
// As mountinfo has it.
inline int mount_at(const UniqueFd& fd) {
  struct statx found = {};
  CHECK_EQUAL(statx(fd.get(), "", AT_EMPTY_PATH, STATX_MNT_ID, &found), 0);
  return static_cast<int>(found.stx_mnt_id);
}

struct Pinned {
  UniqueFd root;
  UniqueFd base;
  UniqueFd user;
  UniqueFd mounts;
  UniqueFd pids;
  UniqueFd net;
  UniqueFd ipc;
  UniqueFd cgroup;
  Credentials credentials;

  [[nodiscard]] MountPlace place(std::string path) const {
    return {.root = root.get(),
            .base = base.get(),
            .path = std::move(path),
            .mount_namespace = mounts.get(),
            .user_namespace = user.get(),
            .pid_namespace = pids.get(),
            .net_namespace = net.get(),
            .ipc_namespace = ipc.get(),
            .cgroup_namespace = cgroup.get(),
            .credentials = credentials,
            .listener = -1,
            .first_mounts = {.root = mount_at(root)}};
  }
};

class Container {
 public:
  explicit Container(std::vector<Level> levels) : levels_(std::move(levels)) {
    std::array<int, 2> ends = {};
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    ours_.reset(ends[0]);
    theirs_.reset(ends[1]);
    const int yes = 1;
    CHECK_EQUAL(setsockopt(ours_.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes), 0);
    outermost_ = fork();
    CHECK(outermost_ != -1);
    if (outermost_ == 0) {
      ours_.reset();
      enter(0);
    }
    theirs_.reset();
    for (std::size_t level = 0; level < levels_.size(); ++level) pids_.push_back(hear().pid);
  }
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;
  ~Container() {
    // each level ends when the one inside it has ended
    ours_.reset();
    waitpid(outermost_, nullptr, 0);
  }

  // Runs it in the innermost level's first process.
  long ask(Asked asked) const {
    tell(asked);
    return answer();
  }
  void tell(Asked asked) const {
    CHECK_EQUAL(send(ours_.get(), &asked, sizeof asked, 0), static_cast<ssize_t>(sizeof asked));
  }
  long answer() const { return hear().value; }

  // Input of a question.
  [[nodiscard]] int socket() const { return ours_.get(); }
  [[nodiscard]] pid_t pid() const { return pids_.back(); }
  // Of the container's first process.
  [[nodiscard]] Masks masks() const { return VALUE(find_masks(mountinfo(0))); }
  [[nodiscard]] std::string mountinfo(std::size_t level) const {
    return contents("/proc/" + std::to_string(pids_[level]) + "/mountinfo");
  }

  [[nodiscard]] Pinned pin(const char* base = "cwd") const {
    const std::string folder = "/proc/" + std::to_string(pid()) + "/";
    const auto of = [&folder](const std::string& name, int flags) {
      return UniqueFd(open((folder + name).c_str(), flags | O_CLOEXEC));
    };
    // open only where it is another one
    const auto foreign = [&](const std::string& name) {
      struct stat theirs = {};
      struct stat ours = {};
      CHECK_EQUAL(stat((folder + name).c_str(), &theirs), 0);
      CHECK_EQUAL(stat(("/proc/self/" + name).c_str(), &ours), 0);
      return theirs.st_ino == ours.st_ino ? UniqueFd() : of(name, O_RDONLY);
    };
    const std::string status = contents(folder + "status");
    return {.root = of("root", O_PATH | O_DIRECTORY),
            .base = of(base, O_PATH | O_DIRECTORY),
            .user = foreign("ns/user"),
            .mounts = foreign("ns/mnt"),
            .pids = foreign("ns/pid"),
            .net = foreign("ns/net"),
            .ipc = foreign("ns/ipc"),
            .cgroup = foreign("ns/cgroup"),
            .credentials = VALUE(parse_credentials(status.c_str()))};
  }

 private:
  struct Message {
    long value;
    pid_t pid;
  };

  [[nodiscard]] Message hear() const {
    Message message = {};
    iovec bytes = {.iov_base = &message.value, .iov_len = sizeof message.value};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control = {};
    msghdr header = {};
    header.msg_iov = &bytes;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    CHECK_EQUAL(recvmsg(ours_.get(), &header, 0), static_cast<ssize_t>(sizeof message.value));
    const cmsghdr* first = CMSG_FIRSTHDR(&header);
    CHECK(first != nullptr);
    ucred sender = {};
    std::memcpy(&sender, CMSG_DATA(first), sizeof sender);
    message.pid = sender.pid;
    return message;
  }

  void say(long value) const {
    CHECK_EQUAL(send(theirs_.get(), &value, sizeof value, 0), static_cast<ssize_t>(sizeof value));
  }

  [[noreturn]] void enter(std::size_t index) {
    const Level& level = levels_[index];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    map_ids(level);
    const pid_t inside = fork();
    CHECK(inside != -1);
    if (inside != 0) {
      waitpid(inside, nullptr, 0);
      _exit(1);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if ((level.namespaces & CLONE_NEWNS) != 0)
      CHECK_EQUAL(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    if (level.set_up != nullptr) level.set_up();
    say(0);
    if (index + 1 < levels_.size()) enter_below(index + 1);
    serve();
  }

  [[noreturn]] void enter_below(std::size_t index) {
    const pid_t below = fork();
    CHECK(below != -1);
    if (below == 0) enter(index);
    waitpid(below, nullptr, 0);
    _exit(1);
  }

  // Somebody who stays outside writes the maps.
  static void map_ids(const Level& level) {
    std::array<int, 2> ready = {};
    CHECK_EQUAL(pipe2(ready.data(), O_CLOEXEC), 0);
    const pid_t us = getpid();
    const pid_t writer = fork();
    CHECK(writer != -1);
    if (writer == 0) {
      char byte = 0;
      CHECK_EQUAL(read(ready[0], &byte, 1), 1);
      if ((level.namespaces & CLONE_NEWUSER) != 0) {
        const std::string map =
            "0 " + std::to_string(level.first_id) + " " + std::to_string(level.ids);
        for (const char* file : {"/uid_map", "/gid_map"})
          write_text("/proc/" + std::to_string(us) + file, map);
      }
      _exit(0);
    }
    CHECK_EQUAL(unshare(level.namespaces), 0);
    CHECK_EQUAL(write(ready[1], "x", 1), 1);
    int status = -1;
    CHECK_EQUAL(waitpid(writer, &status, 0), writer);
    CHECK_EQUAL(status, 0);
    close(ready[0]);
    close(ready[1]);
    if ((level.namespaces & CLONE_NEWUSER) == 0) return;
    CHECK_EQUAL(setresgid(0, 0, 0), 0);
    CHECK_EQUAL(setresuid(0, 0, 0), 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // without this, the files in /proc of those inside belong to the host's root
    prctl(PR_SET_DUMPABLE, 1);
  }

  [[noreturn]] void serve() const {
    Asked asked = nullptr;
    while (recv(theirs_.get(), &asked, sizeof asked, 0) == static_cast<ssize_t>(sizeof asked))
      say(asked());
    _exit(0);
  }

  std::vector<Level> levels_;
  UniqueFd ours_;
  UniqueFd theirs_;
  pid_t outermost_ = -1;
  std::vector<pid_t> pids_;
};

}  // namespace seccompagent::test
