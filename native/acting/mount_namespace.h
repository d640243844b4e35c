// SPDX-License-Identifier: Apache-2.0
// Numbers of mounts in mount namespaces that we hold no descriptor of.
#pragma once

#include <cstdint>

#include "kernel/clock.h"

namespace seccompagent {

// Of a number as in Made::place, which nobody used for so long; more than `max` are not asked for.
// With Made::kOverlays, those of this type alone.
// Mounts that were unmounted lazily, and are still held, are not among them. 0: it is gone.
// Made::kUntold: nobody can tell, as before Linux 6.11; one that was not used for ten minutes
// counts as gone then.
[[nodiscard]] std::uint64_t count_mounts_in(std::uint64_t place, Nanoseconds unused_for,
                                            std::uint64_t max);

}  // namespace seccompagent
