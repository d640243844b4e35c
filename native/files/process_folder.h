// SPDX-License-Identifier: Apache-2.0
// Directories of procfs, by what they belong to.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "files/callers_process.h"

namespace seccompagent {

// Whether a directory is the root of a procfs.
[[nodiscard]] bool is_root_of_processes(int directory);

// Text of `self` or `thread-self` in this root for the caller. Nothing: the caller is in no pid
// namespace that this procfs shows. `processes`: our own procfs.
[[nodiscard]] std::optional<std::string> own_entry(const CallersProcess& caller, int processes,
                                                   int root, bool is_of_thread);

// Whether a directory of a procfs belongs to the calling process, which may look at itself as
// nobody else may. `processes`: our own procfs.
[[nodiscard]] bool is_of_this_process(int processes, int directory);

// Whether a directory is that of the caller's own descriptors, by its name: who is not the caller
// may not be allowed to search it. `processes`: our own procfs.
[[nodiscard]] bool is_folder_of_descriptors(const CallersProcess& caller, int processes,
                                            int directory);

// The link that a name in such a directory is. Nothing: it is another directory, or no descriptor's
// name.
[[nodiscard]] std::optional<OwnLink> own_descriptor(const CallersProcess& caller, int processes,
                                                    int directory, std::string_view name);

// How a symbolic link in a procfs leads on.
struct ProcessLink {
  enum class Kind {
    // By its text, as any.
    text,
    // To what a process has: the kernel asks whether who follows it may look at that process.
    foreign,
    // To what the caller's own process or thread has.
    own,
  };
  Kind kind = Kind::text;
  OwnLink own = {};
};

// Of a link with this name in a directory of a procfs.
[[nodiscard]] ProcessLink process_link(const CallersProcess& caller, int directory,
                                       std::string_view name);

}  // namespace seccompagent
