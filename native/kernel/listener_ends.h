// SPDX-License-Identifier: Apache-2.0
// Listeners that have ended, for whoever may not ask them (kernel/listener_guard.h).
#pragma once

namespace seccompagent {

// By its descriptor, for as long as that is open.
void note_listener(int listener);
void note_end_of_listener(int listener);
// Somebody has heard that there is nobody any more of whose calls it is told.
[[nodiscard]] bool has_listener_ended(int listener);

}  // namespace seccompagent
