// SPDX-License-Identifier: Apache-2.0
// A6: the machine code of components has a bound in sum.
import { expect, test } from 'vitest';

import { loadComponent } from '../../host/handler/direct.ts';
import type { LoadedComponent } from '../../host/handler/direct.ts';
import { memoryLimit } from '../../host/process/memory-limit.ts';
import { checkCodeBytes, codeBytesOf, maxOfAll } from '../../host/bundles/code-room.ts';
import { failureOf } from '../support/agent-failure.ts';
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
  checkCodeBytes([first, second], 'the components', 30 * mebibyte);
  const failure = failureOf(() => {
    checkCodeBytes([first, second], 'the components', 29 * mebibyte);
  });
  expect(failure.code).toBe('AGENT_BUNDLE_INVALID');
  expect(failure.message).toContain(
    'the components have 30.0 MiB of machine code together; 29.0 MiB are allowed',
  );
});

test('A6: code room: all together have a part of what the agent may have', () => {
  expect(maxOfAll()).toBe(Math.floor(memoryLimit() / 4));
  const tooLarge = load(trapping(), Math.ceil(maxOfAll() / mebibyte));
  expect(() => {
    checkCodeBytes([tooLarge], 'the components');
  }).toThrow('memory limit');
});
