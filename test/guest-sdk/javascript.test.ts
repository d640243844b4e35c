// SPDX-License-Identifier: Apache-2.0
// Tests what building a TypeScript or JavaScript handler refuses, and the types for its authors.
import { readFileSync, writeFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { type BuiltHandler, buildHandler } from '../../guest-sdk/build/handler.ts';
import { findLanguage } from '../../guest-sdk/build/language.ts';
import { contractTypes, generatedTypes } from '../../guest-sdk/generate-typescript.ts';
import { naming } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** Builds a handler of this one file. */
async function builtOf(text: string, file = 'handler.mts'): Promise<BuiltHandler> {
  using folder = new TemporaryFolder();
  writeFileSync(folder.at(file), text);
  return await buildHandler({ directory: folder.path, outFile: folder.at('out.wasm') });
}

/** @returns what is wrong with it */
async function reasonFor(text: string, file = 'handler.mts'): Promise<string> {
  try {
    await builtOf(text, file);
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
  // codes of the type checker
  ['export function mkdir( {', ['handler.mts:1:25: ', 'TS1005']],
  ['import "./missing.mts"; export function mkdir() {}', ['./missing.mts']],
] as const)('javascript: %s is no handler', async ([text, named]) => {
  expect(await reasonFor(text)).toEqual(naming('handler.mts', ...named));
});

const start = `import { type Action, next } from '@seccompagent/guest-sdk/typescript';
import * as filesystem from 'seccompagent:handler/filesystem@0.1.0';
`;

test.for([
  [
    'a name that the host does not have',
    'export function mkdir(path: Uint8Array): Action {\n  filesystem.mkdri(path, 0);\n  return next();\n}\n',
    /^\S*\/handler\.mts:4:14: error TS2551: .*'mkdri'.*'mkdir'\?$/u,
  ],
  [
    'parameters of another call',
    'export function mkdir(path: Uint8Array, mode: string): Action {\n  filesystem.rmdir(path);\n  return next();\n}\n',
    /^\S*\/handler\.mts:3:17: error TS1360: .*(?:\n {2}.*)*'number'.*'string'/u,
  ],
  [
    'an answer that is none',
    'export const rename = next, mkdir = (): Action => next();\nexport { open as unlink };\nfunction open(): number {\n  return 0;\n}\n',
    /^\S*\/handler\.mts:4:18: error TS1360: .*\bAction\b/u,
  ],
] as const)('typescript: %s is an error with its place', async ([, text, message]) => {
  expect(await reasonFor(start + text)).toMatch(message);
});

test('typescript: a mistake in another file of the bundle is an error with its place', async () => {
  using folder = new TemporaryFolder();
  writeFileSync(folder.at('other.mts'), 'export const mode: string = 0;\n');
  writeFileSync(
    folder.at('handler.mts'),
    `import { type Action, value } from '@seccompagent/guest-sdk/typescript';
import { mode } from './other.mts';
export const mkdir = (): Action => value(mode.length);
`,
  );
  const build = { directory: folder.path, outFile: folder.at('out.wasm') };
  await expect(buildHandler(build)).rejects.toThrow(/\/other\.mts:1:14: error TS2322: /u);
});

test('typescript: what is not used is a warning', async () => {
  const { warnings } = await builtOf(`${start}export const mkdir = (): Action => next();\n`);
  expect(warnings).toEqual([expect.stringMatching(/\/handler\.mts:2:13: warning TS6133: /u)]);
});

test('typescript: a handler may import modules of JavaScript and JSON', async () => {
  using folder = new TemporaryFolder();
  writeFileSync(folder.at('mode.json'), '{ "mode": 448 }');
  writeFileSync(folder.at('own.mjs'), 'export const twice = (number) => 2 * number;\n');
  writeFileSync(
    folder.at('handler.mts'),
    `import { type Action, value } from '@seccompagent/guest-sdk/typescript';
import { mode } from './mode.json';
import { twice } from './own.mjs';
export const mkdir = (): Action => value(twice(mode));
`,
  );
  const built = await buildHandler({ directory: folder.path, outFile: folder.at('out.wasm') });
  expect(built).toMatchObject({ answers: ['mkdir'], warnings: [] });
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
