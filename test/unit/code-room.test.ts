// SPDX-License-Identifier: Apache-2.0
// A6: the machine code of components has a bound in sum.
import { expect, test } from 'vitest';

import { loadComponent } from '../../host/handler/direct.ts';
import type { LoadedComponent } from '../../host/handler/direct.ts';
import { memoryLimit } from '../../host/process/memory-limit.ts';
import { checkCodeBytes, codeBytesOf, maxOfAll } from '../../host/bundles/code-room.ts';
import { failure } from '../support/failures.ts';
import { muchMachineCode, trapping } from '../support/hostile-components.ts';

const mebibyte = 2 ** 20;

function load(bytes: Uint8Array, mebibytes: number): LoadedComponent {
  return loadComponent(bytes, undefined, { checkCode: () => mebibytes * mebibyte });
}

const first = load(trapping(), 10);
const second = load(muchMachineCode(1), 20);

test('A6: code room: a component that is there twice counts once', () => {
  expect(codeBytesOf([first, second, load(trapping(), 10)])).toBe(30 * mebibyte);
});

test('A6: code room: an excess is refused with the numbers', () => {
  checkCodeBytes([first, second], 'both of them', 30 * mebibyte);
  expect(() => {
    checkCodeBytes([first, second], 'both of them', 29 * mebibyte);
  }).toThrow(failure('AGENT_BUNDLE_INVALID', 'both of them', '30.0 MiB', '29.0 MiB'));
});

test('A6: code room: all together have a part of what the agent may have', () => {
  expect(maxOfAll()).toBe(Math.floor(memoryLimit() / 4));
  const ofBundle = `${(memoryLimit() / 8 / mebibyte).toFixed(1)} MiB`;
  const tooLarge = load(trapping(), Math.ceil(maxOfAll() / mebibyte));
  expect(() => {
    checkCodeBytes([tooLarge], 'that one');
  }).toThrow(failure('AGENT_BUNDLE_INVALID', 'that one', ofBundle));
});
