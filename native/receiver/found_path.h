// SPDX-License-Identifier: Apache-2.0
// Paths of a call that its handler has had looked up: operations on them start at what was found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernel/border.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// What a look-up was told, or an operation would have told it.
struct PathMeaning {
  FileOperation look_up;
  // Of the flags of the call, those that count: O_* or, of locate_file, AT_SYMLINK_NOFOLLOW.
  std::uint32_t flags = 0;
  std::uint64_t resolve = 0;

  friend bool operator==(const PathMeaning&, const PathMeaning&) = default;
};

struct FoundPath {
  std::string path;
  // It is the second one of its call, which may start elsewhere.
  bool is_second = false;
  PathMeaning meaning = {};
  // See FileLocation.
  LocatedAs as = LocatedAs::nothing;
  bool is_there = false;
  bool is_folder = false;
  std::string name = {};
  // O_PATH: to close it asks no file system.
  UniqueFd opened = {};
  // The folders that were granted to who asked, and whether it is in one of them.
  std::vector<std::string> within = {};
  bool is_granted = false;
};

}  // namespace seccompagent
