// SPDX-License-Identifier: Apache-2.0
// File systems of layers of overlays.
#pragma once

namespace seccompagent {

// Whether a file is where a layer of an overlay may be: on a disk, at a server, or on a tmpfs.
[[nodiscard]] bool is_of_layer(int file);

}  // namespace seccompagent
