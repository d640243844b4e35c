// SPDX-License-Identifier: Apache-2.0
// Directories of a procfs, by what they belong to.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "files/callers_process.h"
#include "files/file_operation.h"
#include "files/file_system_type.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// A procfs, of a file that is not about the calling process, which may look at itself as nobody
// else may: so the file is judged as for any process with the same credentials.
struct OthersProcesses {
  dev_t device;
  UniqueFd root;
};

// That of what is open here, a file or a directory. Nothing: it is none, it may be in the entry of
// the calling process (or in any, of a procfs that shows one that has its memory), or its root can
// be found neither at `/proc` nor above the directory.
[[nodiscard]] std::optional<OthersProcesses> others_processes(int at, const FilePlace& place);

// Whether a file in there may be that of the largest number of a process, which in another pid
// namespace would be ours.
[[nodiscard]] bool is_largest_number(const OthersProcesses& others, int processes,
                                     const FileFacts& file);

[[nodiscard]] bool is_root_of_processes(int directory);

// Text of `self` or `thread-self` in such a root for the caller. Nothing: the caller is in no pid
// namespace that this procfs shows. `processes`: our own procfs.
[[nodiscard]] std::optional<std::string> own_entry(const CallersProcess& caller, int processes,
                                                   int root, bool is_of_thread);

// Whether a directory of a procfs is that of the caller's own descriptors, by its name: who is not
// the caller may not be allowed to search it.
[[nodiscard]] bool is_folder_of_descriptors(const CallersProcess& caller, int processes,
                                            int directory);

// The link that a name in such a directory is. Nothing: it is another directory, or no descriptor's
// name.
[[nodiscard]] std::optional<OwnLink> own_descriptor(const CallersProcess& caller, int processes,
                                                    int directory, std::string_view name);

// Target of a symbolic link in a procfs.
struct ProcessLink {
  enum class Kind {
    // By its text, as any.
    text,
    // To what another process has.
    foreign,
    // To what the caller's own process or thread has.
    own,
  };
  Kind kind = Kind::text;
  OwnLink own = {};
};

// Of a link with this name in a directory of a procfs.
[[nodiscard]] ProcessLink process_link(const CallersProcess& caller, int processes, int directory,
                                       std::string_view name);

}  // namespace seccompagent
