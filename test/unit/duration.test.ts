// SPDX-License-Identifier: Apache-2.0
// Tests durations: what Go's ParseDuration takes is taken, and nothing else.
import { expect, test } from 'vitest';

import { parseDuration } from '../../host/text/duration.ts';
import { processorMs } from '../support/processor-time.ts';

test.for([
  ['1ns', 1e-6],
  ['1us', 1e-3],
  ['1\u00B5s', 1e-3],
  ['1\u03BCs', 1e-3],
  ['1ms', 1],
  ['1s', 1000],
  ['1m', 60_000],
  ['1h', 3_600_000],
  ['0', 0],
  ['+0', 0],
  ['0s', 0],
  ['007s', 7000],
  ['1.5s', 1500],
  ['.5s', 500],
  ['5.s', 5000],
  ['+250ms', 250],
  ['-250ms', -250],
  ['-1.5h', -5_400_000],
  ['1m30s', 90_000],
  ['1h2m3s4ms', 3_723_004],
  ['1m1ms', 60_001],
  // units come in any order, and as often as one likes
  ['1ms1h1ms', 3_600_002],
  ['90m', 5_400_000],
  ['1.5h30m', 7_200_000],
] as const)('parseDuration: "%s" is %d ms', ([text, milliseconds]) => {
  expect(parseDuration(text)).toBeCloseTo(milliseconds, 6);
});

test.for([
  '',
  '+',
  '-',
  's',
  '.s',
  '+.s',
  '1',
  '1.5',
  '00',
  '1 s',
  ' 1s',
  '1s ',
  '1s\n',
  '1s\n1s',
  '1d',
  '1S',
  '1MS',
  '1sec',
  '1e3s',
  '0x1s',
  '1_000s',
  '1,5s',
  '1..5s',
  '1.2.3s',
  '--1s',
  '+-1s',
  '1s-1s',
  '1s+1s',
  '1s1',
  '\uFF11s',
  'NaNs',
  'Infinitys',
  '1\0s',
])('parseDuration: %j is no duration', (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

test('parseDuration: a long text that is none is refused at once', () => {
  const began = processorMs();
  expect(parseDuration('1'.repeat(5000))).toBeUndefined();
  expect(parseDuration(`${'1s'.repeat(20_000)}x`)).toBeUndefined();
  expect(processorMs() - began).toBeLessThan(2000);
});

test('G8: duration: a megabyte of digits is looked at once', () => {
  const began = processorMs();
  expect(parseDuration('1'.repeat(1 << 20))).toBeUndefined();
  expect(parseDuration(`${'1.'.repeat(1 << 19)}s`)).toBeUndefined();
  expect(processorMs() - began).toBeLessThan(5000);
});
