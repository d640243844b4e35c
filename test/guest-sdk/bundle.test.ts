// SPDX-License-Identifier: Apache-2.0
// What the build says to an author whose bundle.json does not fit.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { parseBundle } from '../../guest-sdk/build/bundle.ts';
import { buildBundles } from '../../guest-sdk/build/bundles.ts';

const entry = { component: 'sample.wasm', settings: {}, grants: [] };
const bundle = { name: 'sample', version: '0.1.0', description: 'A sample', handlers: [entry] };

/** What is read where nothing is said; settings are in their order. */
const policy = { defaultAction: 'continue', failure: { kind: 'errno', errno: 'EPERM' } };
const read = { ...entry, settings: Object.entries(entry.settings), deadlineMs: 1000 };

function parse(json: unknown): unknown {
  return parseBundle(JSON.stringify(json), 'bundle.json');
}

test('bundle: a whole one is read', () => {
  expect(parse({ ...bundle, handlers: [{ ...entry, syscalls: ['chmod', 'getpid'] }] })).toEqual({
    ...bundle,
    ...policy,
    handlers: [{ ...read, syscalls: ['chmod', 'getpid'] }],
  });
});

test('bundle: syscalls that are left out stay absent', () => {
  expect(parse(bundle)).toStrictEqual({ ...bundle, ...policy, handlers: [read] });
});

test('bundle: deadline, default and failure are read', () => {
  const handlers = [{ ...entry, deadline: '250ms' }];
  expect(
    parse({ ...bundle, default: 'errno:ENOSYS', failure: 'kill-container', handlers }),
  ).toStrictEqual({
    ...bundle,
    defaultAction: 'ENOSYS',
    failure: { kind: 'kill-container' },
    handlers: [{ ...read, deadlineMs: 250 }],
  });
});

const mistakes: readonly (readonly [string, unknown, string])[] = [
  ['a list', [], 'bundle.json must be an object'],
  [
    'an unknown key',
    { ...bundle, licence: 'none' },
    'bundle.json: unknown key "licence"; known are name, version, description, handlers',
  ],
  [
    'an unknown key of a handler',
    { ...bundle, handlers: [{ ...entry, grant: [] }] },
    'bundle.json: handlers[0]: unknown key "grant"; known are component, syscalls, settings, grants',
  ],
  ['no name', { ...bundle, name: undefined }, 'bundle.json: name must be a text'],
  [
    'a version that is none',
    { ...bundle, version: '1' },
    'bundle.json: version: "1" does not match /^\\d+\\.\\d+\\.\\d+(-[\\w.-]+)?$/',
  ],
  ['no handlers', { ...bundle, handlers: [] }, 'bundle.json: handlers is empty'],
  [
    'a component in another folder',
    { ...bundle, handlers: [{ ...entry, component: '../x.wasm' }] },
    'bundle.json: handlers[0].component: "../x.wasm" does not match ' +
      '/^[a-z][a-z0-9]*(-[a-z0-9]+)*\\.wasm$/',
  ],
  [
    'a setting that is no text',
    { ...bundle, handlers: [{ ...entry, settings: { size: 1 } }] },
    'bundle.json: handlers[0].settings["size"] must be a text',
  ],
  [
    'a grant twice',
    { ...bundle, handlers: [{ ...entry, grants: ['log', 'log'] }] },
    'bundle.json: handlers[0].grants names "log" twice',
  ],
  [
    'a syscall of a family',
    { ...bundle, handlers: [{ ...entry, syscalls: ['mkdirat'] }] },
    'bundle.json: handlers[0].syscalls: "mkdirat" belongs to "mkdir" (mkdir, mkdirat): name that',
  ],
];

test.each(mistakes)('bundle: %s is refused', (_, json, message) => {
  expect(() => parse(json)).toThrow(message);
});

test('bundle: what is not JSON is refused', () => {
  expect(() => parseBundle('{', 'bundle.json')).toThrow('bundle.json: not JSON');
});

/** The message of a build of the folder `sample` that must fail, with `DIR` for the folder above. */
async function buildErrors(handler: string, json: unknown): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'bundles-'));
  try {
    await mkdir(join(directory, 'in/sample'), { recursive: true });
    await writeFile(join(directory, 'in/sample/handler.ts'), handler);
    await writeFile(join(directory, 'in/sample/bundle.json'), JSON.stringify(json));
    await buildBundles({ source: join(directory, 'in'), out: join(directory, 'out') });
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'BuildError') throw error;
    return error.message.replaceAll(join(directory, 'in'), 'DIR');
  } finally {
    await rm(directory, { recursive: true });
  }
  throw new Error('the build did not fail');
}

const mkdirHandler = `
  import { Action, Path, filesystem } from '@seccompagent/guest-sdk';
  export function mkdir(path: Path, mode: u32): Action {
    return filesystem.mkdir(path, mode).toAction();
  }`;
const anyHandler = `
  import { Action, Call } from '@seccompagent/guest-sdk';
  export function any(call: Call): Action { return Action.next(); }`;

test('bundles: a capability that is used but not granted is refused', async () => {
  expect(await buildErrors(mkdirHandler, bundle)).toBe(
    'DIR/sample/bundle.json: handlers[0].grants: sample.wasm uses filesystem, but its grants are none',
  );
});

test('bundles: a grant that is not used is refused', async () => {
  const handlers = [{ ...entry, grants: ['filesystem', 'mounts'] }];
  expect(await buildErrors(mkdirHandler, { ...bundle, handlers })).toBe(
    'DIR/sample/bundle.json: handlers[0].grants: sample.wasm uses filesystem, ' +
      'but its grants are filesystem, mounts',
  );
});

test('bundles: a syscall that the handler does not answer is refused', async () => {
  const handlers = [{ ...entry, grants: ['filesystem'], syscalls: ['chmod'] }];
  expect(await buildErrors(mkdirHandler, { ...bundle, handlers })).toBe(
    'DIR/sample/bundle.json: handlers[0].syscalls: sample.wasm answers mkdir, not "chmod"',
  );
});

test('bundles: a handler of any call without syscalls is refused', async () => {
  expect(await buildErrors(anyHandler, bundle)).toBe(
    'DIR/sample/bundle.json: handlers[0]: sample.wasm exports any, so "syscalls" must be there',
  );
});

test('bundles: a component without a folder is refused', async () => {
  const handlers = [{ ...entry, component: 'other.wasm' }];
  expect(await buildErrors(anyHandler, { ...bundle, handlers })).toBe(
    'DIR/sample/bundle.json: handlers[0].component: there is no DIR/other/handler.ts',
  );
});

test('bundles: a name that is not the folder is refused', async () => {
  expect(await buildErrors(anyHandler, { ...bundle, name: 'other' })).toBe(
    'DIR/sample/bundle.json: name is "other", but the folder is "sample"',
  );
});

test('bundles: an output inside the source is refused', async () => {
  await expect(buildBundles({ source: 'handlers-wasm', out: 'handlers-wasm/out' })).rejects.toThrow(
    'handlers-wasm/out and handlers-wasm must not be inside each other',
  );
});
