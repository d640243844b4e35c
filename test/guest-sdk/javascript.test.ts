// SPDX-License-Identifier: Apache-2.0
// Tests what building a TypeScript or JavaScript handler refuses, and the types for its authors.
import { readFileSync, writeFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { buildHandler } from '../../guest-sdk/build/handler.ts';
import { findLanguage } from '../../guest-sdk/build/language.ts';
import { contractTypes, generatedTypes } from '../../guest-sdk/generate-typescript.ts';
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
  ['export function makeDirectory() {}', 'a handler cannot export "makeDirectory"; it can export'],
  ['export default 1; export function mkdir() {}', 'a handler cannot export "default"'],
  ['export default { mkdir() {} };', 'a handler cannot export "default"'],
  ['export function configure() {}', 'answers no call: export one or more of mkdir,'],
  ['const nothing = 1;', 'answers no call: export one or more of mkdir,'],
  [
    'import { readFileSync } from "node:fs"; export function mkdir() { return readFileSync("/"); }',
    'imports "node:fs"; a handler can import seccompagent:handler/arguments@0.1.0,',
  ],
  [
    'import { x } from "seccompagent:handler/other@0.1.0"; export const mkdir = () => x();',
    'imports "seccompagent:handler/other@0.1.0"; a handler can import',
  ],
  ['export function mkdir( {', 'Parse'],
  ['import "./missing.mts"; export function mkdir() {}', './missing.mts'],
] as const)('javascript: %s is no handler', async ([text, reason]) => {
  expect(await reasonFor(text)).toMatch(
    new RegExp(reason.replaceAll(/[.*+?^$()|[\]\\]/gu, '\\$&'), 'iu'),
  );
});

test('javascript: a handler without types is built in the same way', async () => {
  expect(await reasonFor('export function run() {}', 'handler.mjs')).toContain(
    'handler.mjs: a handler cannot export "run"',
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
  expect(() => findLanguage(folder.path)).toThrow('has handler.ts and handler.mts');
});

test('typescript: the types for authors are those of the contract', async () => {
  const types = readFileSync(contractTypes, 'utf8');
  expect(types).toBe(await generatedTypes());
  expect(types).toContain('export function mkdir(path: Path, mode: number): Action;');
  expect(types).not.toContain('bigint');
});
