// SPDX-License-Identifier: Apache-2.0
// Writes result<…, errno> and what it holds for a guest.
import { statNumbers } from '../../native.ts';
import { gone } from '../../call/host.ts';
import { ordinalsByNumber } from '../../syscalls/errno.ts';
import type { Guest } from '../guest.ts';

const ordinals = ordinalsByNumber();
/** Result for a handler whose notification is gone: nobody gets its answer. */
const interrupted = 4;

function ordinalOf(errno: number): number {
  return ordinals[errno === gone ? interrupted : errno] ?? 0;
}

/** @param errno 0, a positive errno of the kernel, or `gone` */
export function putErrnoResult(guest: Guest, pointer: number, errno: number): void {
  const offset = guest.checked(pointer, 2, 1);
  guest.setU8(offset, errno === 0 ? 0 : 1);
  guest.setU8(offset + 1, ordinalOf(errno));
}

/** Layout of a value in its result: behind the tag, by its alignment. */
interface Layout {
  readonly size: number;
  readonly alignment: number;
}

const layout = {
  u8: { size: 1, alignment: 1 },
  u32: { size: 4, alignment: 4 },
  u64: { size: 8, alignment: 8 },
  list: { size: 8, alignment: 4 },
  status: { size: 96, alignment: 8 },
} as const satisfies Readonly<Record<string, Layout>>;

/** Offset for the value of a result, whose tag is written now. */
export function beginValue(guest: Guest, pointer: number, { size, alignment }: Layout): number {
  const offset = guest.checked(pointer, alignment + size, alignment);
  guest.setU8(offset, 0);
  return offset + alignment;
}

/** @param errno as with `putErrnoResult`, but for 0 */
export function putError(
  guest: Guest,
  pointer: number,
  errno: number,
  { size, alignment }: Layout,
): void {
  const offset = guest.checked(pointer, alignment + size, alignment);
  guest.setU8(offset, 1);
  guest.setU8(offset + alignment, ordinalOf(errno));
}

/** Of these, as of all below, the errno decides. */
export function putU32Result(guest: Guest, pointer: number, errno: number, value: number): void {
  if (errno === 0) guest.setU32(beginValue(guest, pointer, layout.u32), value);
  else putError(guest, pointer, errno, layout.u32);
}

export function putS64Result(guest: Guest, pointer: number, errno: number, value: bigint): void {
  if (errno === 0) guest.setS64(beginValue(guest, pointer, layout.u64), value);
  else putError(guest, pointer, errno, layout.u64);
}

export function putBoolResult(guest: Guest, pointer: number, errno: number, value: boolean): void {
  if (errno === 0) guest.setU8(beginValue(guest, pointer, layout.u8), value ? 1 : 0);
  else putError(guest, pointer, errno, layout.u8);
}

/** result<list<u8>, errno>. */
export function putBytesResult(
  guest: Guest,
  pointer: number,
  errno: number,
  bytes: Uint8Array,
  length: number = bytes.length,
): void {
  if (errno !== 0) {
    putError(guest, pointer, errno, layout.list);
    return;
  }
  // first: the guest's memory may move
  const list = guest.putBytes(bytes, 0, length);
  const offset = beginValue(guest, pointer, layout.list);
  guest.setU32(offset, list);
  guest.setU32(offset + 4, length);
}

/** Offsets and sizes of the fields of the record file-status, in the order of `statNumbers`. */
const statusFields = [
  [0, 4],
  [4, 4],
  [8, 8],
  [16, 4],
  [24, 8],
  [32, 4],
  [36, 4],
  [40, 4],
  [44, 4],
  [48, 8],
  [56, 8],
  [64, 8],
  [72, 8],
  [80, 8],
  [88, 8],
] as const;

/** result<file-status, errno>, of what the operation `stat` has given. */
export function putStatusResult(
  guest: Guest,
  pointer: number,
  errno: number,
  given: Uint8Array,
): void {
  if (errno !== 0) {
    putError(guest, pointer, errno, layout.status);
    return;
  }
  putStatus(guest, beginValue(guest, pointer, layout.status), given);
}

/** @param record its offset; it is checked */
export function putStatus(guest: Guest, record: number, given: Uint8Array): void {
  const numbers = new DataView(given.buffer, given.byteOffset, statNumbers.length * 8);
  let at = 0;
  for (const [offset, size] of statusFields) {
    guest.setU32(record + offset, numbers.getUint32(at, true));
    if (size === 8) guest.setU32(record + offset + 4, numbers.getUint32(at + 4, true));
    at += 8;
  }
}

/** Of a number that is a value or, below 0, a negated errno. */
export function errnoOf(value: number): number {
  return value < 0 ? -value : 0;
}
