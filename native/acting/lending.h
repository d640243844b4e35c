// SPDX-License-Identifier: Apache-2.0
// Linux capabilities that the agent lends to operations on files: the decision is made here,
// whatever a handler asks for.
#pragma once

#include <cstdint>
#include <string>

#include "files/file_operation.h"
#include "kernel/result.h"

namespace seccompagent {

// The Linux capability, as a bit: CAP_MKNOD for nodes of devices that do nobody any harm;
// CAP_SYS_ADMIN for extended attributes of overlay file systems; CAP_DAC_READ_SEARCH for looking up
// a folder that a policy names. EPERM: nothing is lent for that.
[[nodiscard]] Result<std::uint64_t> lent_capability(const FileRequest& request);

// Whether that is for this caller, whose fs uid is the request's owner: the machine's console is
// root's, who may read what is typed there.
[[nodiscard]] bool is_lent_to_owner(const FileRequest& request);

// Of a list of names, those that anybody may read and those that are lent for.
[[nodiscard]] std::string shown_names(const std::string& names);

}  // namespace seccompagent
