// SPDX-License-Identifier: Apache-2.0
// Tests what the addon makes of requests to act, up to the point where it needs a caller.
import { afterAll, beforeAll, expect, test } from 'vitest';

import { inbox, loadNative, mountRange, tokenOf } from '../../host/native.ts';
import type { ReceiverHandle, WorkerHandle } from '../../host/native.ts';
import { makeCounters } from '../../host/counting/counters.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';
import { mkdirByAddon } from '../support/mkdir-by-addon.ts';

const native = loadNative();
let receiver: ReceiverHandle;
let worker: WorkerHandle;
const memory = new Uint8Array(64).fill(0x61);

beforeAll(() => {
  receiver = native.createReceiver(new Syscalls().readKinds(), 1, 1);
  const counters = new Uint8Array(makeCounters());
  worker = native.attachWorker(receiver, new Uint8Array(inbox.size), counters, 1);
});
afterAll(() => {
  native.detachWorker(worker);
  native.closeReceiver(receiver);
});

function ranges(changes: Readonly<Partial<Record<keyof typeof mountRange, number>>>): Int32Array {
  const numbers = new Int32Array(mountRange.count);
  for (const start of ['source', 'target', 'type', 'data'] as const) {
    numbers[mountRange[start] + 1] = 1;
  }
  for (const [name, value] of Object.entries(changes)) {
    numbers[Object.entries(mountRange).find(([known]) => known === name)?.[1] ?? 0] = value;
  }
  return numbers;
}

/** What a request comes to whose parts are all right. */
const nobody: unknown = expect.objectContaining({ code: 'ENOENT' });

test('addon: there is nobody to act for', () => {
  expect(() => mkdirByAddon(native, worker, memory, 0, 4, 0o755)).toThrow(nobody);
  expect(() => native.mountAsCaller(worker, memory, ranges({}))).toThrow(nobody);
  expect(() => native.listenerRegistry(worker, tokenOf(1), 0)).toThrow(nobody);
});

test.for([
  [0, 65],
  [65, 0],
  [64, 1],
  [60, 5],
  [-1, 1],
  [-1, 0x7fff_ffff],
  [0x7fff_ffff, 0x7fff_ffff],
  [-0x8000_0000, 1],
] as const)('G5: addon: a path at %i of %i bytes is outside of the memory', ([offset, length]) => {
  // a part of another type would be a TypeError, too
  expect(() => mkdirByAddon(native, worker, memory, 60, 4, 0)).toThrow(nobody);
  expect(() => mkdirByAddon(native, worker, memory, offset, length, 0)).toThrow(TypeError);
});

test.for(['source', 'target', 'type', 'data'] as const)(
  'G5: addon: a %s outside of the memory is refused',
  (name) => {
    expect(() => native.mountAsCaller(worker, memory, ranges({ [name]: 63 }))).toThrow(nobody);
    expect(() => native.mountAsCaller(worker, memory, ranges({ [name]: 64 }))).toThrow(TypeError);
  },
);

test('addon: a negative length is no path', () => {
  expect(mkdirByAddon(native, worker, memory, 0, -1, 0)).toBe(22);
});

test('addon: a path with a NUL is EINVAL', () => {
  const cut = Uint8Array.from(memory).fill(0, 3, 4);
  expect(mkdirByAddon(native, worker, cut, 0, 4, 0)).toBe(22);
});

test.for(['source', 'target', 'type', 'data'] as const)(
  'addon: a %s with a NUL is EINVAL',
  (name) => {
    const cut = Uint8Array.from(memory).fill(0, 3, 4);
    expect(native.mountAsCaller(worker, cut, ranges({ [name]: 3 }))).toBe(22);
  },
);

test('M2: addon: a path of 4096 bytes is ENAMETOOLONG, one of 4095 is not', () => {
  const long = new Uint8Array(4096).fill(0x61);
  expect(mkdirByAddon(native, worker, long, 0, 4096, 0)).toBe(36);
  expect(() => mkdirByAddon(native, worker, long, 0, 4095, 0)).toThrow(nobody);
  const target = ranges({});
  target[mountRange.target + 1] = 4096;
  expect(native.mountAsCaller(worker, long, target)).toBe(36);
});

test.for([9, 11, 0])('addon: mount wants ten numbers, not %i', (length) => {
  const numbers = ranges({});
  expect(() => native.mountAsCaller(worker, memory, numbers)).toThrow(nobody);
  const others = Int32Array.from({ length }, (_, index) => numbers[index] ?? 0);
  expect(() => native.mountAsCaller(worker, memory, others)).toThrow(TypeError);
});

test('addon: a bind is no new mount', () => {
  expect(native.mountAsCaller(worker, memory, ranges({ flagsLow: 4096 }))).toBe(22);
});

test('addon: a mount without target or type is EINVAL', () => {
  for (const name of ['target', 'type'] as const) {
    const numbers = ranges({});
    numbers[mountRange[name] + 1] = -1;
    expect(native.mountAsCaller(worker, memory, numbers)).toBe(22);
  }
});
