// SPDX-License-Identifier: Apache-2.0
// How much memory the agent may have.
import { totalmem } from 'node:os';

/** 0: nobody knows. */
let known = 0;

/** By its cgroup and by the machine, in bytes. */
export function memoryLimit(): number {
  // 0 where it cannot be read, as where descriptors have run out; without a limit it is more than any
  // machine has
  known = process.constrainedMemory() || known;
  return Math.min(known || Number.POSITIVE_INFINITY, totalmem());
}
