// SPDX-License-Identifier: Apache-2.0
// Tests what building a TypeScript or JavaScript handler refuses, and the types for its authors.
import { readFileSync, writeFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { buildHandler } from '../../guest-sdk/build/handler.ts';
import { findLanguage } from '../../guest-sdk/build/language.ts';
import { contractTypes, generatedTypes } from '../../guest-sdk/generate-typescript.ts';
import { naming } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** Builds a handler of this one file. @returns what is wrong with it */
async function reasonFor(text: string, file = 'handler.mts'): Promise<string> {
  using folder = new TemporaryFolder();
  writeFileSync(folder.at(file), text);
  const build = { directory: folder.path, outFile: folder.at('out.wasm') };
  try {
    await buildHandler(build);
    return 'nothing';
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : 'no error';
  }
}

test.for([
  ['export function makeDirectory() {}', ['"makeDirectory"', 'mkdir, ']],
  ['export default 1; export function mkdir() {}', ['"default"']],
  ['export default { mkdir() {} };', ['"default"']],
  ['export function configure() {}', [/^(?!.*\bconfigure\b).*\bmkdir, /u]],
  ['const nothing = 1;', ['mkdir, ']],
  [
    'import { readFileSync } from "node:fs"; export function mkdir() { return readFileSync("/"); }',
    ['"node:fs"', 'seccompagent:handler/arguments@0.1.0, '],
  ],
  [
    'import { x } from "seccompagent:handler/other@0.1.0"; export const mkdir = () => x();',
    ['"seccompagent:handler/other@0.1.0"', 'seccompagent:handler/arguments@0.1.0, '],
  ],
  // a code of what bundles it
  ['export function mkdir( {', ['PARSE_ERROR']],
  ['import "./missing.mts"; export function mkdir() {}', ['./missing.mts']],
] as const)('javascript: %s is no handler', async ([text, named]) => {
  expect(await reasonFor(text)).toEqual(naming('handler.mts', ...named));
});

test('javascript: a handler without types is built in the same way', async () => {
  expect(await reasonFor('export function run() {}', 'handler.mjs')).toEqual(
    naming('handler.mjs', '"run"'),
  );
});

test('javascript: a handler may re-export functions of another file', async () => {
  using folder = new TemporaryFolder();
  writeFileSync(folder.at('other.mjs'), 'export function mkdir() {}');
  writeFileSync(folder.at('handler.mjs'), 'export * from "./other.mjs";');
  const built = await buildHandler({ directory: folder.path, outFile: folder.at('out.wasm') });
  expect(built.answers).toEqual(['mkdir']);
});

test('javascript: a folder has one handler', () => {
  using folder = new TemporaryFolder();
  expect(findLanguage(folder.path)).toBeUndefined();
  writeFileSync(folder.at('handler.mts'), '');
  expect(findLanguage(folder.path)).toMatchObject({ name: 'typescript' });
  writeFileSync(folder.at('handler.ts'), '');
  const message = naming('handler.ts', 'handler.mts');
  expect(() => findLanguage(folder.path)).toThrow(
    expect.objectContaining({ name: 'BuildError', message }),
  );
});

test('typescript: the types for authors are those of the contract', async () => {
  const types = readFileSync(contractTypes, 'utf8');
  expect(types).toBe(await generatedTypes());
  expect(types).toContain('export function mkdir(path: Path, mode: number): Action;');
  expect(types).not.toContain('bigint');
});
