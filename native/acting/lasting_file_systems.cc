// SPDX-License-Identifier: Apache-2.0
// See proc_pid_mountinfo(5).
#include "acting/lasting_file_systems.h"

#include <sys/sysmacros.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace seccompagent {
namespace {

struct Closing {
  void operator()(FILE* file) const { (void)std::fclose(file); }
};

struct Freeing {
  void operator()(char* text) const { std::free(text); }
};

// Nothing but the numbers is kept: a node may have more mounts than a text can be long.
[[nodiscard]] Result<void> add_mounted(const char* mountinfo,
                                       std::unordered_set<std::uint64_t>& found) {
  const std::unique_ptr<FILE, Closing> file(std::fopen(mountinfo, "re"));
  if (file == nullptr) return fail_errno();
  char* line = nullptr;
  std::size_t size = 0;
  while (getline(&line, &size, file.get()) != -1) {
    unsigned major = 0;
    unsigned minor = 0;
    if (std::sscanf(line, "%*d %*d %u:%u", &major, &minor) != 2) continue;
    if (std::string_view(line).contains(" - cgroup")) continue;
    found.insert(makedev(major, minor));
  }
  const std::unique_ptr<char, Freeing> last(line);
  if (std::ferror(file.get()) != 0) return fail_errno();
  return {};
}

}  // namespace

Result<std::unordered_set<std::uint64_t>> find_lasting_file_systems() {
  std::unordered_set<std::uint64_t> found;
  for (const char* const mountinfo : {"/proc/1/mountinfo", "/proc/self/mountinfo"}) {
    if (const auto added = add_mounted(mountinfo, found); !added)
      return std::unexpected(added.error());
  }
  return found;
}

}  // namespace seccompagent
