// SPDX-License-Identifier: Apache-2.0
// Tests the build's errors for a wrong bundle.json.

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { BuildError } from '../../guest-sdk/build/build-error.ts';
import { parseBundle } from '../../guest-sdk/build/bundle.ts';
import { buildBundles } from '../../guest-sdk/build/bundles.ts';
import { readBundle } from '../../host/bundles/bundle.ts';
import { parseManifest } from '../../host/bundles/manifest.ts';
import { naming } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const entry = { component: 'sample.wasm' };
const bundle = { name: 'sample', version: '0.1.0', description: 'A sample', handlers: [entry] };

test('bundle: a whole one is read as the host reads it', () => {
  const text = JSON.stringify({ ...bundle, handlers: [{ ...entry, syscalls: ['chmod'] }] });
  expect(parseBundle(text, 'bundle.json')).toEqual(parseManifest(text, 'bundle.json'));
});

test.each([
  ['a list', '[]', []],
  ['what is no JSON', '{', []],
  [
    'a component in another folder',
    JSON.stringify({ ...bundle, handlers: [{ component: '../x.wasm' }] }),
    ['handlers[0].component', '"../x.wasm"'],
  ],
])('bundle: %s is a mistake of the author', (_, text, named) => {
  expect(() => parseBundle(text, 'bundle.json')).toThrow(BuildError);
  const message = naming('bundle.json', ...named);
  expect(() => parseBundle(text, 'bundle.json')).toThrow(expect.objectContaining({ message }));
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

const filesystem = { filesystem: { reason: 'makes the directory' } };

test('bundles: a capability that is used but not granted is refused', async () => {
  expect(await buildErrors(mkdirHandler, bundle)).toEqual(
    naming('DIR/sample/bundle.json', 'grants', 'filesystem'),
  );
});

test('bundles: a grant that is not used is refused', async () => {
  const grants = { ...filesystem, mounts: { reason: 'none' } };
  expect(await buildErrors(mkdirHandler, { ...bundle, grants })).toEqual(
    naming('DIR/sample/bundle.json', 'grants', 'filesystem, mounts'),
  );
});

test('bundles: a syscall that the handler does not answer is refused', async () => {
  const handlers = [{ ...entry, syscalls: ['chmod'] }];
  expect(await buildErrors(mkdirHandler, { ...bundle, grants: filesystem, handlers })).toEqual(
    naming('DIR/sample/bundle.json', 'handlers[0].syscalls', 'sample.wasm', 'mkdir', '"chmod"'),
  );
});

test('bundles: the built bundle.json has the digest of each component, whatever stood there', async () => {
  using folder = new TemporaryFolder();
  const handlers = [{ ...entry, digest: `sha256:${'0'.repeat(64)}`, deadline: '2s' }, entry];
  const source = { $schema: '../bundle.schema.json', ...bundle, grants: filesystem, handlers };
  await mkdir(folder.at('in/sample'), { recursive: true });
  await writeFile(folder.at('in/sample/handler.ts'), mkdirHandler);
  await writeFile(folder.at('in/sample/bundle.json'), JSON.stringify(source));
  await buildBundles({ source: folder.at('in'), out: folder.at('out') });

  const component = await readFile(folder.at('out/sample/sample.wasm'));
  const digest = `sha256:${createHash('sha256').update(component).digest('hex')}`;
  const built: unknown = JSON.parse(await readFile(folder.at('out/sample/bundle.json'), 'utf8'));
  expect(built).toEqual({
    ...bundle,
    grants: filesystem,
    handlers: [
      { ...entry, digest, deadline: '2s' },
      { ...entry, digest },
    ],
  });
  expect(readBundle(folder.at('out/sample')).name).toBe('sample');
});

test('bundles: a handler of any call without syscalls is refused', async () => {
  expect(await buildErrors(anyHandler, bundle)).toEqual(
    naming('DIR/sample/bundle.json', 'handlers[0]', 'sample.wasm', /\bany\b/u, '"syscalls"'),
  );
});

test('bundles: a component without a folder is refused', async () => {
  const handlers = [{ ...entry, component: 'other.wasm' }];
  expect(await buildErrors(anyHandler, { ...bundle, handlers })).toEqual(
    naming('DIR/sample/bundle.json', 'handlers[0].component', 'DIR/other/handler.ts'),
  );
});

test('bundles: a name that is not the folder is refused', async () => {
  expect(await buildErrors(anyHandler, { ...bundle, name: 'other' })).toEqual(
    naming('DIR/sample/bundle.json', '"other"', '"sample"'),
  );
});

test('bundles: an output inside the source is refused', async () => {
  const name = 'BuildError';
  await expect(buildBundles({ source: 'handlers-wasm', out: 'handlers-wasm/out' })).rejects.toThrow(
    expect.objectContaining({
      name,
      message: naming('handlers-wasm/out', /handlers-wasm\b(?!\/)/u),
    }),
  );
});
