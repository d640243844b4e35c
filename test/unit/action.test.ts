// SPDX-License-Identifier: Apache-2.0
// Tests actions: what may be answered to the kernel.
import { expect, test } from 'vitest';

import {
  continueAction,
  delayed,
  fail,
  failureByOrdinal,
  longestDelayMs,
  valueAction,
} from '../../host/call/action.ts';
import { errnos } from '../../host/syscalls/errno.ts';
import { randomNumbers } from '../support/random-numbers.ts';

test('K17: valueAction: every value that the kernel takes for an error is refused', () => {
  for (let value = -4095n; value < 0n; value += 1n) expect(valueAction(value)).toBeUndefined();
});

test.for([
  -0x8000_0000_0000_0000n,
  -0xffff_ffffn,
  -4097n,
  -4096n,
  0n,
  1n,
  4095n,
  0x7fff_ffff_ffff_ffffn,
])('K17: valueAction: %i is a value', (value) => {
  expect(valueAction(value)).toEqual({ kind: 'value', value });
});

test('K17: valueAction: a value is refused exactly when it lies from -4095 to -1', () => {
  const below = randomNumbers(17);
  for (let round = 0; round < 20_000; round += 1) {
    const bits = BigInt(below(64) + 1);
    const high = BigInt(below(0x1_0000_0000)) << 32n;
    const value = BigInt.asIntN(Number(bits), high | BigInt(below(0x1_0000_0000)));
    const isError = value >= -4095n && value <= -1n;
    expect([value, valueAction(value) === undefined]).toEqual([value, isError]);
  }
});

test('K17: failures: each ordinal is its errno, and behind the last there is none', () => {
  errnos.forEach(([errno, number], ordinal) => {
    expect(failureByOrdinal(ordinal)).toEqual({ kind: 'fail', errno, number });
    expect(fail(errno)).toEqual({ kind: 'fail', errno, number });
  });
  for (const ordinal of [errnos.length, 255, -1, 1.5]) {
    expect(failureByOrdinal(ordinal)).toBeUndefined();
  }
});

test('K17: failures: no errno is one that the kernel would restart a call for', () => {
  const numbers = errnos.map(([, number]) => number);
  // ERESTARTSYS is 512, the first of those
  expect(numbers.filter((number) => number < 1 || number >= 512)).toEqual([]);
});

test('K17: failures: an ordinal fits into the byte that the canonical ABI has for it', () => {
  expect(errnos.length).toBeLessThanOrEqual(256);
});

test('delayed: up to a day is a delay, and none is the answer itself', () => {
  const answer = fail('EPERM');
  expect(longestDelayMs).toBe(24 * 60 * 60 * 1000);
  expect(delayed(0n, answer)).toBe(answer);
  expect(delayed(1n, answer)).toEqual({ kind: 'delay', delayMs: 1, answer });
  expect(delayed(86_400_000n, continueAction)).toEqual({
    kind: 'delay',
    delayMs: 86_400_000,
    answer: continueAction,
  });
});

test.for([86_400_001n, 0x1_0000_0000n, 0xffff_ffff_ffff_ffffn, -1n])(
  'delayed: %i ms are refused',
  (milliseconds) => {
    expect(delayed(milliseconds, continueAction)).toBeUndefined();
  },
);
