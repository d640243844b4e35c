// SPDX-License-Identifier: Apache-2.0
// Files such as the kernel has them for a hierarchy of cgroups.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "check.h"

namespace seccompagent::test {

inline constexpr std::uint64_t kMega = 1ULL << 20;

// In a folder that goes away with it.
class CgroupFiles {
 public:
  CgroupFiles() {
    char path[] = "/tmp/seccompagent-cgroups-XXXXXX";
    CHECK(mkdtemp(path) != nullptr);
    path_ = path;
  }
  CgroupFiles(const CgroupFiles&) = delete;
  CgroupFiles& operator=(const CgroupFiles&) = delete;
  ~CgroupFiles() { std::filesystem::remove_all(path_); }

  [[nodiscard]] const std::string& path() const { return path_; }
  void write(const std::string& file, const std::string& text) const {
    const std::filesystem::path path = path_ + "/" + file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }

  [[nodiscard]] std::string read(const std::string& file) const {
    std::ifstream in(path_ + "/" + file);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  std::string path_;
};

}  // namespace seccompagent::test
