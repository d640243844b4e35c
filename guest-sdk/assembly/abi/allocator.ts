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

/** Where the host puts texts: most are names, of which there are few, so they become no new objects. */
const TEXTS: usize = memory.data(2048, 16);
const TEXTS_END: usize = TEXTS + 2048;

/** How the canonical ABI aligns text in UTF-16; nothing else that it puts here is aligned so. */
const TEXT_ALIGNMENT: usize = 2;

let calls: u32 = 0;
let nextText: usize = TEXTS;

/**
 * A text stands where `isText` says so until the call ends. Every other block is an object of the
 * runtime, which `values.ts` adopts as a string or as bytes without a copy.
 */
export function cabi_realloc(old: usize, oldSize: usize, align: usize, size: usize): usize {
  if (old == 0) {
    if (align == TEXT_ALIGNMENT && size <= TEXTS_END - nextText) {
      const text = nextText;
      nextText = (text + size + 7) & ~7;
      return text;
    }
    // @ts-ignore: functions of the runtime
    return __new(size, idof<ArrayBuffer>());
  }
  // @ts-ignore: functions of the runtime
  if (!isText(old)) return __renew(old, size);
  // @ts-ignore: functions of the runtime
  const moved = __new(size, idof<ArrayBuffer>());
  memory.copy(moved, old, min(oldSize, size));
  return moved;
}

/** Whether the address is one that texts have, which is used again after the call. */
export function isText(pointer: usize): bool {
  return pointer - TEXTS < TEXTS_END - TEXTS;
}

/** After an export has returned and the host has read the answer. */
export function endOfCall(): void {
  nextText = TEXTS;
  calls++;
  const isDue = calls % CALLS_PER_COLLECTION == 0 || memory.size() > SMALL_MEMORY_PAGES;
  // @ts-ignore: a function of the runtime
  if (isDue) __collect();
}
