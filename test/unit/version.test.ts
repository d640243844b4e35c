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
  ['runc version 1.1.5+ds1\nspec: 1.0.2-dev\ngo: go1.19.8', [1, 1, 5]],
  // no dot
  ['clang version 18', [18]],
  ['clang version 18git (https://127.0.0.1/llvm)', [18]],
  // the word, wherever it is
  ['Image 12.1: clang version 18.1.3', [18, 1, 3]],
  ['warning: 10.2.3.4 is slow\nDocker version v20.10.24+dfsg1, build 297e128', [20, 10, 24]],
  ['wrapper 3.1, conversion 2.1', [3, 1]],
  ['no number', undefined],
  ['release 18', undefined],
] as const)('version: the number of %j', ([text, version]) => {
  expect(versionIn(text)).toEqual(version);
});

test('version: they are compared by their numbers', () => {
  expect(isBefore([1, 10], [1, 9])).toBe(false);
  expect(isBefore([1], [1, 0, 1])).toBe(true);
  expect(isBefore([11, 0, 1], [11])).toBe(false);
});

test('version: it is looked for at the start of a text', () => {
  expect(versionIn(`${' '.repeat(1000)}clang 18.1`)).toEqual([18, 1]);
  expect(versionIn(`${' '.repeat(5000)}clang version 18.1`)).toBeUndefined();
});
