// SPDX-License-Identifier: Apache-2.0
// Tells what the container has of the machine, where the kernel tells what the machine has.

import { Action, Resources, container, memory } from '@seccompagent/guest-sdk';

/** Of struct sysinfo, which 32-bit programs have in another form. */
const WIDE_BYTES: i32 = 112;
const NARROW_BYTES: i32 = 64;
const PAGE: u64 = 4096;
const MOST_PROCESSES: u64 = 0xffff;

export function sysinfo(): Action {
  const size = memory.size(0);
  const found = container.resources();
  // nobody knows the container, and the machine's numbers are no secret
  if (!size.isOk || !found.isOk) return Action.continue();
  const isWide = size.value == WIDE_BYTES;
  const written = memory.write(0, 0, isWide ? wide(found.value) : narrow(found.value));
  return written.isOk ? Action.value(0) : Action.continue();
}

function wide(has: Resources): Uint8Array {
  const bytes = new Uint8Array(WIDE_BYTES);
  const view = new DataView(bytes.buffer);
  const words: u64[] = [
    has.uptime,
    has.load1,
    has.load5,
    has.load15,
    has.memory,
    has.memoryFree,
    has.memoryShared,
    0, // buffers of disks, which are the machine's
    has.swap,
    has.swapFree,
    min(has.processes, MOST_PROCESSES),
    0, // memory beyond the addresses of a 32-bit kernel
    0,
    1, // bytes in a unit
  ];
  for (let i = 0; i < words.length; i++) view.setUint64(i * 8, words[i], true);
  return bytes;
}

function narrow(has: Resources): Uint8Array {
  const unit: u64 = (has.memory | has.swap) >> 32 == 0 ? 1 : PAGE;
  const bytes = new Uint8Array(NARROW_BYTES);
  const view = new DataView(bytes.buffer);
  const words: u64[] = [
    has.uptime,
    has.load1,
    has.load5,
    has.load15,
    has.memory / unit,
    has.memoryFree / unit,
    has.memoryShared / unit,
    0,
    has.swap / unit,
    has.swapFree / unit,
    min(has.processes, MOST_PROCESSES),
    0,
    0,
    unit,
  ];
  for (let i = 0; i < words.length; i++) view.setUint32(i * 4, <u32>words[i], true);
  return bytes;
}
