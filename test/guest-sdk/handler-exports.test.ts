// SPDX-License-Identifier: Apache-2.0
// Tests the build's errors for a handler.ts with wrong exports.

import { expect, test } from 'vitest';

import { families } from '../../host/syscalls/syscall-table.ts';
import { naming } from '../support/failures.ts';
import { buildErrors } from './scratch-handler.ts';

const sdk = "import { Action, Call, Path } from '@seccompagent/guest-sdk';\n";

test('handler exports: an unknown function is refused with the list of what there is', async () => {
  const text = `${sdk}export function mkdirat(path: Path, mode: u32): Action { return Action.next(); }`;
  expect(await buildErrors(text)).toEqual(
    naming('DIR/handler.ts:2:1: ', '"mkdirat"', `${families().join(', ')}, any, configure`),
  );
});

test('handler exports: a wrong parameter is refused with the right signature', async () => {
  const text = `${sdk}export function mkdir(path: string, mode: u32): Action { return Action.next(); }`;
  expect(await buildErrors(text)).toEqual(
    naming(
      'DIR/handler.ts:2:1: ',
      '"mkdir"',
      'export function mkdir(path: Path, mode: u32): Action',
    ),
  );
});

test('handler exports: a missing parameter is refused with the right signature', async () => {
  const text = `${sdk}export function mount(target: Path): Action { return Action.next(); }`;
  expect(await buildErrors(text)).toEqual(
    naming(
      'DIR/handler.ts:2:1: ',
      '"mount"',
      'export function mount(source: Path | null, target: Path, ' +
        'filesystemType: Path | null, mountFlags: u64, data: Uint8Array | null): Action',
    ),
  );
});

test('handler exports: a wrong return type is refused with the right signature', async () => {
  const text = `${sdk}export function any(call: Call): i64 { return 0; }`;
  expect(await buildErrors(text)).toEqual(
    naming('DIR/handler.ts:2:1: ', '"any"', 'export function any(call: Call): Action'),
  );
});

test('handler exports: a variable with the name of a family is refused', async () => {
  expect(await buildErrors('export const mkdir: i32 = 1;')).toEqual(
    naming(
      'DIR/handler.ts:1:14: ',
      '"mkdir"',
      'export function mkdir(path: Path, mode: u32): Action',
    ),
  );
});

test('handler exports: re-exports are refused', async () => {
  expect(await buildErrors("export * from './other';")).toEqual(
    naming('DIR/handler.ts:1:1: ', 'export function'),
  );
});

test('handler exports: a handler that only configures is refused', async () => {
  expect(await buildErrors('export function configure(): string | null { return null; }')).toEqual(
    naming('DIR/handler.ts', new RegExp(`${families().join(', ')}, any\\b(?!, configure)`, 'u')),
  );
});

test('handler exports: a mistake of syntax is shown with its place', async () => {
  expect(await buildErrors('\n  export function mkdir(')).toMatch(
    /^DIR\/handler\.ts:2:\d+: ERROR \d+: /,
  );
});

test('handler build: a mistake of types is shown with its place', async () => {
  const text = `${sdk}export function mkdir(path: Path, mode: u32): Action {\n  return 1;\n}`;
  expect(await buildErrors(text)).toMatch(
    /^DIR\/handler\.ts:3:10: ERROR \d+: Type 'i32' is not assignable to type '.*Action'\.$/,
  );
});

test('handler build: an import that is not there is shown with its place', async () => {
  const text = `${sdk}import { gone } from './gone';\nexport function any(call: Call): Action { return gone(); }`;
  expect(await buildErrors(text)).toMatch(
    /DIR\/handler\.ts:2:\d+: ERROR \d+: File '.*gone\.ts' not found/,
  );
});

test('handler build: addresses are refused', async () => {
  const text = `${sdk}export function any(call: Call): Action { return Action.value(load<u8>(8)); }`;
  expect(await buildErrors(text)).toMatch(
    /^DIR\/handler\.ts:2:\d+: ERROR \d+: Operation is unsafe\.$/,
  );
});

test('handler build: an import that no host offers is refused by name', async () => {
  const text = `${sdk}export function any(call: Call): Action { return Action.value(Date.now()); }`;
  expect(await buildErrors(text)).toEqual(naming('DIR/handler.ts', '"Date.now"', '"env"'));
});
