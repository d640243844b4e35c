// SPDX-License-Identifier: Apache-2.0
// How much memory the agent may have.
import { totalmem } from 'node:os';

/** By its cgroup and by the machine, in bytes. */
export function memoryLimit(): number {
  // 0: nobody knows; without a limit it is more than any machine has
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return Math.min(limit, totalmem());
}
