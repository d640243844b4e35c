// SPDX-License-Identifier: Apache-2.0
// Tests how sizes and times are shown: as the configuration takes them.
import { expect, test } from 'vitest';

import { byteSizeText, parseByteSize } from '../../host/text/byte-size.ts';
import { durationText, parseDuration } from '../../host/text/duration.ts';

test.for([
  [65_536, '64KiB'],
  [2 ** 24, '16MiB'],
  [2 ** 30, '1GiB'],
  [3 * 2 ** 20, '3MiB'],
] as const)('byteSizeText: %d bytes are %s', ([bytes, text]) => {
  expect(byteSizeText(bytes)).toBe(text);
  expect(parseByteSize(text)).toBe(bytes);
});

test('byteSizeText: a size that no unit divides is shown in bytes', () => {
  expect(byteSizeText(65_537)).toBe('65537 bytes');
});

test.for([
  [1, '1ms'],
  [250, '250ms'],
  [1500, '1.5s'],
  [60_000, '60s'],
] as const)('durationText: %d ms are %s', ([ms, text]) => {
  expect(durationText(ms)).toBe(text);
  expect(parseDuration(text)).toBe(ms);
});
