// SPDX-License-Identifier: Apache-2.0
// Tests that the examples on the SDK's pages work.
import { cpSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { describeSignature, signatures } from '../../guest-sdk/build/signature.ts';
import { clang, findProgram, wasmLd } from '../../guest-sdk/build/system-programs.ts';
import { describeCoreModule } from '../../host/handler/core-module.ts';
import { capabilities } from '../../host/handler/capabilities/offered.ts';
import { projectRoot, runCommand, seccompagent } from '../support/command.ts';
import { Page } from '../support/pages.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const sdk = join(projectRoot, 'guest-sdk');

function page(name: string): string {
  return new Page(`guest-sdk/${name}`).text;
}

/** The only code block of a language. */
function block(name: string, language: string): string {
  return new Page(`guest-sdk/${name}`).blockWith(language, '');
}

/** A source without the comments in front of it. */
function code(file: string): string {
  return readFileSync(join(projectRoot, file), 'utf8').replace(/^(?:\/\/.*\n|\n)*/u, '');
}

test.for([
  ['README.md', 'ts', 'handlers-wasm/mkdir-suffix/handler.ts'],
  ['docs/assemblyscript.md', 'ts', 'handlers-wasm/mkdir-suffix/handler.ts'],
  ['docs/typescript.md', 'ts', 'handlers-wasm/mkdir-suffix-ts/handler.mts'],
  ['docs/c.md', 'c', 'guest-sdk/examples/mkdir-suffix-c/handler.c'],
  ['docs/rust.md', 'rust', 'guest-sdk/examples/mkdir-suffix-rust/handler.rs'],
] as const)('documentation: %s shows in %s what is in %s', ([name, language, file]) => {
  expect(block(name, language)).toBe(code(file));
});

test('documentation: the bundle.json that is shown is that of mkdir-suffix', () => {
  const text = readFileSync(join(projectRoot, 'handlers-wasm/mkdir-suffix/bundle.json'), 'utf8');
  expect(block('docs/settings-and-grants.md', 'json')).toBe(
    text.replace(/ {2}"\$schema".*\n/u, ''),
  );
});

test('documentation: every family is in the table, with its parameters', () => {
  const rows = page('docs/answers.md')
    .split('\n')
    .map((line) => line.replaceAll('\\|', '|').replaceAll(/ +/gu, ' '));
  for (const signature of signatures().values()) {
    if (signature.name === 'configure') continue;
    const row = rows.find((line) => line.startsWith(`| \`${signature.name}\` |`)) ?? '';
    const [, parameters = ''] = /\((.*)\): Action$/u.exec(describeSignature(signature)) ?? [];
    expect(row).toContain(parameters === '' ? `| \`${signature.name}\`` : `\`${parameters}\``);
  }
});

test('documentation: every capability is in the table', () => {
  const shown = [...page('docs/capabilities.md').matchAll(/^\| `(\w+)` /gmu)].map(
    ([, name]) => name,
  );
  const known = capabilities.map(({ name }) => name).filter((name) => name !== 'arguments');
  expect(new Set(shown)).toEqual(new Set(known));
});

test('documentation: the cases that are shown pass', async () => {
  using folder = new TemporaryFolder();
  const example = join(sdk, 'examples/mkdir-suffix-c');
  cpSync(example, folder.path, { recursive: true, dereference: true });
  writeFileSync(folder.at('handler.test.yaml'), block('docs/testing.md', 'yaml'));
  const { code: exitCode, stdout } = await runCommand([seccompagent, 'test', '-json', folder.path]);
  expect(exitCode).toBe(0);
  const { cases }: { readonly cases: readonly object[] } = JSON.parse(stdout);
  expect(cases).toEqual(Array(3).fill(expect.objectContaining({ hasPassed: true })));
});

test('documentation: C is compiled as it says without seccompagent build', async () => {
  using folder = new TemporaryFolder();
  cpSync(join(sdk, 'examples/mkdir-suffix-c/handler.c'), folder.at('handler.c'));
  const commands = block('docs/c.md', 'sh')
    .replaceAll('guest-sdk/c', join(sdk, 'c'))
    .replaceAll(/^clang\b/gmu, await findProgram(clang))
    .replaceAll(/^wasm-ld\b/gmu, await findProgram(wasmLd));
  const { code: exitCode, stderr } = await runCommand(['sh', '-ec', commands], {
    cwd: folder.path,
  });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const { functionExports } = describeCoreModule(readFileSync(folder.at('core.wasm')));
  expect([...functionExports.keys()].toSorted()).toEqual([
    'cabi_post_mkdir',
    'cabi_realloc',
    'configure',
    'mkdir',
  ]);
});

test('documentation: every page is reached from the README', () => {
  const readme = page('README.md');
  for (const name of readdirSync(join(sdk, 'docs'))) expect(readme).toContain(`docs/${name}`);
});

test('documentation: TypeDoc finds everything of the SDK for AssemblyScript described', async () => {
  using folder = new TemporaryFolder();
  const { code: exitCode, stderr } = await runCommand(
    ['npm', 'run', '--silent', 'docs', '--', '--out', folder.at('docs')],
    { cwd: sdk, deadlineMs: 60_000 },
  );
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(readdirSync(folder.at('docs/modules'))).toContain('index.filesystem.html');
});
