// SPDX-License-Identifier: Apache-2.0
// The guest's memory between host and handler: who allocates, and when garbage is collected.
//
// The runtime is `minimal`: it collects only when `endOfCall` asks, while no frame of the handler is
// live. The default runtime would collect inside `cabi_realloc`, and so free arguments that the host
// has already written but the handler has not yet seen.

/** Calls between two collections while the memory is small. */
const CALLS_PER_COLLECTION: u32 = 256;

/** A memory larger than this, in pages of 64 KB, is collected after every call, lest it hit its maximum. */
const SMALL_MEMORY_PAGES: i32 = 16;

let calls: u32 = 0;

/** Each block is an object of the runtime, which `values.ts` adopts as a string or as bytes without a copy. */
export function cabi_realloc(old: usize, oldSize: usize, align: usize, size: usize): usize {
  // @ts-ignore: functions of the runtime
  return old == 0 ? __new(size, idof<ArrayBuffer>()) : __renew(old, size);
}

/** After an export has returned and the host has read the answer. */
export function endOfCall(): void {
  calls++;
  const isDue = calls % CALLS_PER_COLLECTION == 0 || memory.size() > SMALL_MEMORY_PAGES;
  // @ts-ignore: a function of the runtime
  if (isDue) __collect();
}
