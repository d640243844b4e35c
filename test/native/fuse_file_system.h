// SPDX-License-Identifier: Apache-2.0
// A file system that the test itself answers for, see fuse(4). It is gone with the process.
#pragma once

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "check.h"
#include "kernel/unique_fd.h"

namespace seccompagent::test {

// In a mount namespace of the test's own.
class FuseFileSystem {
 public:
  FuseFileSystem() : device_(open("/dev/fuse", O_RDWR | O_CLOEXEC)) {
    char folder[] = "/tmp/fuse-file-system-XXXXXX";
    CHECK(mkdtemp(folder) != nullptr);
    folder_ = folder;
    CHECK_EQUAL(unshare(CLONE_NEWNS), 0);
    CHECK_EQUAL(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    CHECK(device_.is_open());
    char options[128];
    std::snprintf(options, sizeof options, "fd=%d,rootmode=40755,user_id=0,group_id=0",
                  device_.get());
    CHECK_EQUAL(mount("test", folder, "fuse", 0, options), 0);
    begin();
  }
  FuseFileSystem(const FuseFileSystem&) = delete;
  FuseFileSystem& operator=(const FuseFileSystem&) = delete;
  ~FuseFileSystem() {
    abort();
    umount2(folder_.c_str(), MNT_DETACH);
    rmdir(folder_.c_str());
  }

  // Whoever still waits for an answer gets ECONNABORTED.
  void abort() const { umount2(folder_.c_str(), MNT_FORCE); }
  [[nodiscard]] std::string file() const { return folder_ + "/file"; }
  // Waits for it: who has asked can't be killed from now on.
  [[nodiscard]] fuse_in_header next_question() const {
    std::vector<char> question(FUSE_MIN_READ_BUFFER);
    CHECK(read(device_.get(), question.data(), question.size()) > 0);
    fuse_in_header asked = {};
    std::memcpy(&asked, question.data(), sizeof asked);
    return asked;
  }
  [[nodiscard]] bool has_question(int timeout_ms) const {
    pollfd asked = {.fd = device_.get(), .events = POLLIN, .revents = 0};
    return poll(&asked, 1, timeout_ms) > 0;
  }
  void fail_with(const fuse_in_header& question, int error) const {
    answer(question, error, std::span<const char>());
  }
  template <typename T>
  void answer_with(const fuse_in_header& question, const T& value) const {
    answer(question, 0, std::span(reinterpret_cast<const char*>(&value), sizeof value));
  }

 private:
  void answer(const fuse_in_header& question, int error, std::span<const char> value) const {
    const fuse_out_header header = {.len = static_cast<std::uint32_t>(sizeof header + value.size()),
                                    .error = -error,
                                    .unique = question.unique};
    std::vector<char> bytes(header.len);
    std::memcpy(bytes.data(), &header, sizeof header);
    std::ranges::copy(value, bytes.begin() + sizeof header);
    CHECK_EQUAL(write(device_.get(), bytes.data(), bytes.size()),
                static_cast<ssize_t>(bytes.size()));
  }
  void begin() const {
    const fuse_in_header asked = next_question();
    CHECK_EQUAL(asked.opcode, static_cast<std::uint32_t>(FUSE_INIT));
    fuse_init_out init = {};
    init.major = FUSE_KERNEL_VERSION;
    init.minor = 31;
    init.max_write = 4096;
    answer_with(asked, init);
  }

  UniqueFd device_;
  std::string folder_;
};

}  // namespace seccompagent::test
