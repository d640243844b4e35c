// SPDX-License-Identifier: Apache-2.0
// Paths that lead a caller to its own open files by /proc/self.
#pragma once

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "kernel/unique_fd.h"

namespace seccompagent {

// For who has the role of the caller: in its root, /proc is a procfs, and it may search the way
// there. Without one, a caller has no other name for its descriptors, and no leave to open them
// anew.
[[nodiscard]] inline bool has_callers_proc() {
  // of all mounts of the whole of a procfs
  constexpr ino_t kRootInode = 1;
  const UniqueFd proc(open("/proc/.", O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct statfs system = {};
  struct stat found = {};
  return proc.is_open() && fstatfs(proc.get(), &system) == 0 && system.f_type == PROC_SUPER_MAGIC &&
         fstat(proc.get(), &found) == 0 && found.st_ino == kRootInode;
}

// A link that each container has to what is open in whoever follows it, see "Dev symbolic links" of
// the OCI runtime specification.
struct OwnLink {
  std::string name;
  std::string text;
};

// nullptr: the path leads through none of them.
[[nodiscard]] inline const OwnLink* own_link_of(std::string_view path) {
  static const std::array<OwnLink, 4> links = {{{"/dev/fd", "/proc/self/fd"},
                                                {"/dev/stdin", "/proc/self/fd/0"},
                                                {"/dev/stdout", "/proc/self/fd/1"},
                                                {"/dev/stderr", "/proc/self/fd/2"}}};
  if (!path.starts_with("/dev/")) return nullptr;
  const auto found = std::ranges::find_if(links, [path](const OwnLink& link) {
    return path.starts_with(link.name) &&
           (path.size() == link.name.size() || path[link.name.size()] == '/');
  });
  return found == links.end() ? nullptr : &*found;
}

// For who has the role of the caller: whether a path of the caller's, which start_behind_links has
// found to start at an entry of /proc/self, leads there.
[[nodiscard]] inline bool leads_to_own(const std::string& path) {
  const OwnLink* const link = own_link_of(path);
  if (link != nullptr) {
    std::array<char, 32> text = {};
    const ssize_t length = readlinkat(AT_FDCWD, link->name.c_str(), text.data(), text.size());
    if (length == -1 ||
        std::string_view(text.data(), static_cast<std::size_t>(length)) != link->text)
      return false;
  }
  return has_callers_proc();
}

}  // namespace seccompagent
