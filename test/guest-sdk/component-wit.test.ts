// SPDX-License-Identifier: Apache-2.0
// Tests the exports and imports of built components, by their own WIT.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { componentWit } from '@bytecodealliance/jco';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { buildBundles } from '../../guest-sdk/build/bundles.ts';
import { signatures } from '../../guest-sdk/build/signature.ts';
import { buildText } from './scratch-handler.ts';

let out: string;

beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'bundles-'));
  await buildBundles({ source: 'handlers-wasm', out: join(out, 'first') });
  await buildBundles({ source: 'handlers-wasm', out: join(out, 'second') });
}, 60_000);

afterAll(() => rm(out, { recursive: true }));

/** The world of a component, as lines. */
async function world(component: Uint8Array): Promise<readonly string[]> {
  const wit = await componentWit(component);
  const body = /world root \{\n(.*?)\n\}/s.exec(wit)?.[1] ?? '';
  return body.split('\n').flatMap((line) => line.trim() || []);
}

const configure =
  'export configure: func(settings: list<tuple<string, string>>) -> result<_, string>;';

const worlds = {
  errno: [
    'import seccompagent:handler/types@0.1.0;',
    'use seccompagent:handler/types@0.1.0.{action, call};',
    configure,
    'export any: func(call: call) -> action;',
  ],
  'mkdir-suffix': [
    'import seccompagent:handler/types@0.1.0;',
    'import seccompagent:handler/filesystem@0.1.0;',
    'use seccompagent:handler/types@0.1.0.{action, path};',
    configure,
    'export mkdir: func(path: path, mode: u32) -> action;',
  ],
  mount: [
    'import seccompagent:handler/types@0.1.0;',
    'import seccompagent:handler/caller@0.1.0;',
    'import seccompagent:handler/mounts@0.1.0;',
    'use seccompagent:handler/types@0.1.0.{action, call, path};',
    configure,
    'export mount: func(source: option<path>, target: path, filesystem-type: option<path>, ' +
      'mount-flags: u64, data: option<list<u8>>) -> action;',
    'export any: func(call: call) -> action;',
  ],
};

test.each(Object.entries(worlds))('component %s: has this world', async (name, expected) => {
  expect(await world(await readFile(join(out, 'first', name, `${name}.wasm`)))).toEqual(expected);
});

test('component: an interface that is imported in the text but not used is not asked for', async () => {
  const { component, imports } = await buildText(`
    import { Action, Path, callArguments, filesystem, log, mounts } from '@seccompagent/guest-sdk';
    export function mkdir(path: Path, mode: u32): Action {
      log.info(path.toString());
      return Action.next();
    }`);
  expect(imports).toEqual(['log']);
  expect(await world(component)).toContain('import seccompagent:handler/log@0.1.0;');
});

test('component: every function of the syscall table can be exported, side by side', async () => {
  const functions = [...signatures().values()].map(({ name, parameters, returns }) => {
    const list = parameters.map(({ form }, index) => `_${index}: ${form.author}`).join(', ');
    const value = returns === 'Action' ? 'Action.next()' : 'null';
    return `export function ${name}(${list}): ${returns} { return ${value}; }`;
  });
  const { answers } = await buildText(
    `import { Action, Call, Device, MountOperation, NewTimes, Path } from '@seccompagent/guest-sdk';\n${functions.join('\n')}`,
  );
  expect(['configure', ...answers].toSorted()).toEqual([...signatures().keys()].toSorted());
});

test('build: the same sources make the same bytes', async () => {
  for (const file of ['errno/errno.wasm', 'mkdir-suffix/mkdir-suffix.wasm', 'mount/mount.wasm']) {
    const [first, second] = await Promise.all([
      readFile(join(out, 'first', file)),
      readFile(join(out, 'second', file)),
    ]);
    expect(first.equals(second)).toBe(true);
  }
});

test('build: a bundle gets every component that it names', async () => {
  for (const component of ['errno', 'mkdir-suffix', 'mount']) {
    const [copy, original] = await Promise.all([
      readFile(join(out, 'first', 'demo-basic', `${component}.wasm`)),
      readFile(join(out, 'first', component, `${component}.wasm`)),
    ]);
    expect(copy.equals(original)).toBe(true);
  }
});
