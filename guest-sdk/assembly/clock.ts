// SPDX-License-Identifier: Apache-2.0
// Capability `clock`: what time it is.

import * as host from './abi/clock';

/** Nanoseconds since some moment; never goes back. */
export function monotonic(): u64 {
  return host.monotonic();
}

/** Nanoseconds since 1970, exact to the millisecond; set back and forth as the machine's clock is. */
export function wall(): i64 {
  return host.wall();
}
