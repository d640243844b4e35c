// SPDX-License-Identifier: Apache-2.0
// Tests the built handler sysinfo.
import { expect, test } from 'vitest';

import { errnoNumber } from '../../host/syscalls/errno.ts';
import { HandlerHarness, shippedComponent } from '../../test/support/handler-harness.ts';

const file = shippedComponent('sysinfo');
const address = 0x1000;
const gibibyte = 2n ** 30n;
const wideBytes = 112;
const narrowBytes = 64;

function handlerWith(size: number, numbers: readonly bigint[]): HandlerHarness {
  const handler = new HandlerHarness(file);
  handler.host.memory = new Map([[0, new Uint8Array(size)]]);
  handler.host.resources = new Uint8Array(BigUint64Array.from(numbers).buffer);
  return handler;
}

const some = [7n, 1n, 2n, 3n, gibibyte, gibibyte / 2n, 4096n, 2n * gibibyte, gibibyte, 70_000n];

function writtenBy(handler: HandlerHarness): Uint8Array {
  expect(handler.ask('sysinfo', address)).toEqual({ kind: 'value', value: 0n });
  const [call, ...more] = handler.calls;
  expect(more).toEqual([]);
  const bytes = call?.kind === 'write' ? call['bytes'] : undefined;
  if (!(bytes instanceof Uint8Array)) throw new Error('nothing was written');
  expect(call).toMatchObject({ argument: 0, offset: 0n });
  return bytes;
}

test('sysinfo: it answers sysinfo with two capabilities', () => {
  expect(new HandlerHarness(file).component).toMatchObject({
    answers: ['sysinfo'],
    imports: ['container', 'memory'],
  });
});

test('sysinfo: a 64-bit program gets each number in its place', () => {
  const bytes = writtenBy(handlerWith(wideBytes, some));
  const numbers = [...new BigUint64Array(bytes.slice().buffer)];
  expect(numbers).toEqual([
    7n,
    1n,
    2n,
    3n,
    gibibyte,
    gibibyte / 2n,
    4096n,
    0n,
    2n * gibibyte,
    gibibyte,
    65_535n,
    0n,
    0n,
    1n,
  ]);
});

test('K19: sysinfo: a 32-bit program gets its own form', () => {
  const bytes = writtenBy(handlerWith(narrowBytes, some));
  const numbers = [...new Uint32Array(bytes.slice().buffer)];
  expect(numbers).toEqual([
    7,
    1,
    2,
    3,
    2 ** 30,
    2 ** 29,
    4096,
    0,
    2 ** 31,
    2 ** 30,
    65_535,
    0,
    0,
    1,
    0,
    0,
  ]);
});

test('K19: sysinfo: of more than 32 bits hold, a 32-bit program gets pages', () => {
  const much = some.map((number, index) => (index === 4 ? 8n * gibibyte : number));
  const bytes = writtenBy(handlerWith(narrowBytes, much));
  const numbers = [...new Uint32Array(bytes.slice().buffer)];
  expect(numbers.slice(4, 10)).toEqual([2 ** 21, 2 ** 17, 1, 0, 2 ** 19, 2 ** 18]);
  expect(numbers[13]).toBe(4096);
});

test('M4: sysinfo: where nothing can be written the kernel answers', () => {
  for (const errno of ['EOPNOTSUPP', 'EFAULT', 'EPERM', 'ETIMEDOUT'] as const) {
    const handler = handlerWith(wideBytes, some);
    handler.host.prepare(errnoNumber(errno));
    expect(handler.ask('sysinfo', address)).toEqual({ kind: 'continue' });
  }
});

test('sysinfo: of a container that nobody knows the kernel answers', () => {
  const handler = handlerWith(wideBytes, some);
  handler.host.resources = errnoNumber('ESRCH');
  expect(handler.ask('sysinfo', address)).toEqual({ kind: 'continue' });
  expect(handler.calls).toEqual([]);
});
