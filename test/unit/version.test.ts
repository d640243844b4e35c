// SPDX-License-Identifier: Apache-2.0
// Tests versions of programs.
import { expect, test } from 'vitest';

import { isBefore, versionIn } from '../../host/text/version.ts';

test.for([
  ['podman version 5.4.2', [5, 4, 2]],
  ['Debian clang version 14.0.6\nTarget: x86_64-pc-linux-gnu', [14, 0, 6]],
  ['clang version 9.0.1-16.1 ', [9, 0, 1]],
  ['Debian LLD 19.1.7 (compatible with GNU linkers)', [19, 1, 7]],
  ['rustc 1.95.0 (59807616e 2026-04-14)', [1, 95, 0]],
  ['no number', undefined],
] as const)('version: the first number of %j is it', ([text, version]) => {
  expect(versionIn(text)).toEqual(version);
});

test('version: they are compared by their numbers', () => {
  expect(isBefore([1, 10], [1, 9])).toBe(false);
  expect(isBefore([1], [1, 0, 1])).toBe(true);
  expect(isBefore([11, 0, 1], [11])).toBe(false);
});
