// SPDX-License-Identifier: Apache-2.0
// Who makes mounts in containers, for tests of them.
#pragma once

#include <dirent.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string>

#include "check.h"
#include "container_fixture.h"
#include "helper/new_mount.h"

namespace seccompagent::test {

inline constexpr int kPlain = CLONE_NEWNS | CLONE_NEWPID;
inline constexpr int kUser = kPlain | CLONE_NEWUSER;
inline constexpr std::uint32_t kNoSuidDevExec =
    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

inline const IsGone kIsThere = [] { return false; };

inline NewMount new_proc() { return {.type = "proc", .options = {}, .attributes = kNoSuidDevExec}; }

inline NewMount new_tmpfs() {
  return {.type = "tmpfs", .options = {{"size", "64k"}}, .attributes = MOUNT_ATTR_NOSUID};
}

inline long mount_flags(const char* source, const char* target, unsigned long flags) {
  return mount(source, target, nullptr, flags, nullptr);
}

// The helper's descriptors, children and mounts.
struct Belongings {
  std::size_t fds;
  std::string children;
  std::size_t mounts;
  friend bool operator==(const Belongings&, const Belongings&) = default;
};

// The process that makes the mounts, seen through the proc of the outside.
class Maker {
 public:
  Maker()
      : proc_(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)),
        maker_(VALUE(MountMaker::start())) {}

  MountMaker* operator->() { return &maker_; }
  [[nodiscard]] std::string text(const char* path) const {
    const UniqueFd file(openat(proc_.get(), path, O_RDONLY | O_CLOEXEC));
    CHECK(file.is_open());
    std::string text(65536, '\0');
    std::size_t length = 0;
    for (ssize_t got = 1; got > 0; length += static_cast<std::size_t>(got)) {
      got = read(file.get(), text.data() + length, text.size() - length);
      CHECK(got >= 0);
    }
    text.resize(length);
    return text;
  }
  [[nodiscard]] std::string link(const char* path) const {
    std::array<char, 64> text = {};
    CHECK(readlinkat(proc_.get(), path, text.data(), text.size() - 1) > 0);
    return text.data();
  }
  [[nodiscard]] Belongings belongings() const {
    const int folder = openat(proc_.get(), "self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(folder != -1);
    DIR* entries = fdopendir(folder);
    std::size_t fds = 0;
    while (readdir(entries) != nullptr) ++fds;
    closedir(entries);
    const std::string mountinfo = text("self/mountinfo");
    const std::string self = "self/task/" + std::to_string(getpid()) + "/children";
    return {fds, text(self.c_str()), static_cast<std::size_t>(std::ranges::count(mountinfo, '\n'))};
  }

 private:
  UniqueFd proc_;
  MountMaker maker_;
};

// Runs a test where it may become the helper.
inline void in_helper(const std::function<void()>& test) {
  const pid_t child = fork();
  CHECK(child != -1);
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    test();
    _exit(0);
  }
  int status = -1;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  if (status != 0) _exit(1);
}

inline void check_done(const Outcome& outcome) {
  if (outcome.failed_step != nullptr) {
    fail_check(__FILE__, __LINE__,
               std::string(outcome.failed_step) + ": " + shown(Errno{outcome.failure}));
  }
  CHECK_EQUAL(Errno{outcome.answer}, Errno{0});
  CHECK(!outcome.is_gone);
}

inline Errno answer_for(Maker& maker, const MountPlace& place, const Masks& masks,
                        const NewMount& mount = new_proc()) {
  const Outcome outcome = maker->make_mount(mount, place, masks, kIsThere);
  if (outcome.failed_step != nullptr)
    fail_check(__FILE__, __LINE__,
               std::string(outcome.failed_step) + ": " + shown(Errno{outcome.failure}));
  return Errno{outcome.answer};
}

}  // namespace seccompagent::test
