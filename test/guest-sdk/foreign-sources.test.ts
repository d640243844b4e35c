// SPDX-License-Identifier: Apache-2.0
// Building runs no code of the folder, and no file there changes how it is compiled: who builds a
// bundle may be trying somebody else's.
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { afterEach, expect, test, vi } from 'vitest';

import { BuildError } from '../../guest-sdk/build/build-error.ts';
import { type BuiltHandler, buildHandler } from '../../guest-sdk/build/handler.ts';
import { projectRoot, runCommand } from '../support/command.ts';
import { naming } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const executable = 0o755;

const asserting = `import { Action, Path } from '@seccompagent/guest-sdk';
export function mkdir(path: Path, mode: u32): Action {
  assert(false);
  return Action.next();
}
`;

afterEach(() => {
  vi.unstubAllEnvs();
  process.chdir(projectRoot);
});

async function built(folder: TemporaryFolder, files: object = {}): Promise<BuiltHandler> {
  for (const [name, text] of Object.entries(files)) writeFileSync(folder.at(name), String(text));
  return buildHandler({ directory: folder.path, outFile: folder.at('out.wasm') });
}

const secret = 'nobody else may know this';

/** Sources that have a file of somebody else's in them: `$SECRET`, or by the links `link` and `up`. */
const prying: readonly (readonly [title: string, files: Readonly<Record<string, string>>])[] = [
  ...['$SECRET.json', './link.json', './up/secret.json'].map(
    (file) =>
      [
        `TypeScript: ${file}`,
        {
          'handler.mts': `import secret from '${file}';
export function mkdir(): never { throw new Error(JSON.stringify(secret)); }
`,
        },
      ] as const,
  ),
  ...['$SECRET.ts', './link.ts', './up/secret.ts'].map(
    (file) =>
      [
        `TypeScript, in a message of the type checker: ${file}`,
        {
          'handler.mts': `import type { secret } from '${file}';
/// <reference path="$SECRET.txt" />
export function mkdir(known: typeof secret): never { throw new Error(known satisfies 'other'); }
`,
        },
      ] as const,
  ),
  ...['$SECRET', './link', './up/secret'].map(
    (file) =>
      [
        `AssemblyScript: ${file}`,
        {
          'handler.ts': `import { secret } from '${file}';
import { Action, Path, log } from '@seccompagent/guest-sdk';
export function mkdir(path: Path, mode: u32): Action {
  log.info(secret);
  return Action.next();
}
`,
        },
      ] as const,
  ),
  ...['$SECRET.txt', 'link.txt', 'up/secret.txt'].map(
    (file) =>
      [
        `Rust: ${file}`,
        { 'handler.rs': rust(`static SECRET: &str = include_str!("${file}");`) },
      ] as const,
  ),
  ['Rust: a module', { 'handler.rs': `#[path = "$SECRET.txt"] mod secret;\n${rust('')}` }],
  ['Rust: a variable', { 'handler.rs': rust('static SECRET: &str = env!("SECRET_WORD");') }],
  ...[
    'static const char secret[] = {\n#embed "$SECRET.txt"\n};',
    '__asm__(".section .data,\\"\\",@\\n.incbin \\"$SECRET.txt\\"");',
    '#include "$SECRET.txt"',
    '#include "link.txt"',
    '#include "up/secret.txt"',
  ].map((text) => [`C: ${text.split('\n').at(-2) ?? text}`, { 'handler.c': c(text) }] as const),
];

function rust(text: string): string {
  return `#![no_std]
use seccompagent::Action;
seccompagent::export!(mkdir);
${text}
fn mkdir(_path: &[u8], _mode: u32) -> Action {
    seccompagent::log::log(seccompagent::log::Level::Info, SECRET);
    Action::Next
}
`;
}

function c(text: string): string {
  return `#include <seccompagent.h>
${text}
static sca_action on_mkdir(sca_path path, uint32_t mode) {
  return sca_next();
}
SCA_EXPORT_MKDIR(on_mkdir);
`;
}

test.for(prying)(
  'foreign sources: no file of who builds them comes into a component: %s',
  async ([, files]) => {
    using folder = new TemporaryFolder();
    using other = new TemporaryFolder();
    vi.stubEnv('SECRET_WORD', secret);
    symlinkSync(other.path, folder.at('up'));
    for (const [name, text] of [
      ['secret.json', JSON.stringify(secret)],
      ['secret.ts', `export const secret = '${secret}';\n`],
      ['secret.txt', secret],
    ] as const) {
      writeFileSync(other.at(name), text);
      symlinkSync(other.at(name), folder.at(name.replace('secret', 'link')));
    }
    const sources = Object.entries(files).map(([name, text]) => [
      name,
      text.replaceAll('$SECRET', other.at('secret')),
    ]);
    const failure = await built(folder, Object.fromEntries(sources)).catch(
      (thrown: unknown) => thrown,
    );
    expect(failure).toBeInstanceOf(BuildError);
    expect(String(failure)).not.toContain(secret);
    expect(existsSync(folder.at('out.wasm'))).toBe(false);
  },
);

test('foreign sources: other files of the bundle may be a part of a component', async () => {
  using folder = new TemporaryFolder();
  mkdirSync(folder.at('one'));
  writeFileSync(
    folder.at('one/handler.rs'),
    rust('static SECRET: &str = include_str!("../a.txt");'),
  );
  writeFileSync(folder.at('a.txt'), secret);
  const outFile = folder.at('out.wasm');
  const build = { directory: folder.at('one'), outFile };
  await buildHandler({ ...build, root: folder.path });
  expect(readFileSync(outFile).includes(secret)).toBe(true);
  await expect(buildHandler(build)).rejects.toThrow('a.txt');
});

test('foreign sources: AssemblyScript: an asconfig.json leaves out no assertion, and the build says so', async () => {
  using folder = new TemporaryFolder();
  const plain = await built(folder, { 'handler.ts': asserting });
  const asconfig = JSON.stringify({ options: { noAssert: true } });
  const configured = await built(folder, { 'asconfig.json': asconfig });
  expect(Buffer.from(configured.component).equals(plain.component)).toBe(true);
  expect(plain.warnings).toEqual([]);
  expect(configured.warnings).toEqual([naming(folder.at('asconfig.json'))]);
});

test.for([
  { options: { transform: ['./transform.mjs'] } },
  { targets: { release: { transform: ['./transform.mjs'] } } },
  { extends: './other.json' },
])('foreign sources: AssemblyScript: a transform is not run: %j', async (asconfig) => {
  using folder = new TemporaryFolder();
  const mark = folder.at('has-run');
  await built(folder, {
    'handler.ts': asserting,
    'asconfig.json': JSON.stringify(asconfig),
    'other.json': JSON.stringify({ options: { transform: ['./transform.mjs'] } }),
    'transform.mjs': `import { writeFileSync } from 'node:fs';
writeFileSync(${JSON.stringify(mark)}, '');
export default class {}
`,
  });
  expect(existsSync(mark)).toBe(false);
});

test('foreign sources: C: a file whose name begins with @ is no list of options', async () => {
  using folder = new TemporaryFolder();
  const mark = folder.at('has-run');
  cpSync(join(projectRoot, 'guest-sdk/examples/mkdir-suffix-c'), folder.path, { recursive: true });
  const plugin = `#include <stdio.h>
__attribute__((constructor)) static void run(void) {
  FILE* file = fopen(${JSON.stringify(mark)}, "w");
  if (file != NULL) fclose(file);
}
`;
  mkdirSync(folder.at('plugin'));
  writeFileSync(folder.at('plugin/plugin.c'), plugin);
  const options = ['-shared', '-fPIC', '-o', folder.at('plugin.so'), folder.at('plugin/plugin.c')];
  expect(await runCommand(['gcc', ...options])).toMatchObject({ code: 0 });
  for (const more of ['-Xclang -load -Xclang ./plugin.so handler.c', '-load ./plugin.so']) {
    // paths are short only there, and elsewhere clang shortens them itself
    for (const directory of [folder.path, projectRoot]) {
      process.chdir(directory);
      await expect(built(folder, { '@more.c': '', 'more.c': more })).rejects.toThrow(
        expect.objectContaining({ name: 'BuildError', message: naming('@more.c', '"-"', '"@"') }),
      );
    }
  }
  expect(existsSync(mark)).toBe(false);
});

test('foreign sources: Rust: the toolchain is not that of a rust-toolchain.toml', async () => {
  using folder = new TemporaryFolder();
  using programs = new TemporaryFolder();
  const mark = programs.at('has-run');
  // as rustup's, which runs what the file of the working directory names
  const rustc = `#!/bin/sh
if [ -e rust-toolchain.toml ]; then : >'${mark}'; fi
exec /usr/bin/rustc "$@"
`;
  writeFileSync(programs.at('rustc'), rustc, { mode: executable });
  vi.stubEnv('PATH', `${programs.path}${delimiter}${process.env['PATH'] ?? ''}`);
  cpSync(join(projectRoot, 'guest-sdk/examples/mkdir-suffix-rust'), folder.path, {
    recursive: true,
  });
  process.chdir(folder.path);
  await built(folder, { 'rust-toolchain.toml': '[toolchain]\npath = "/elsewhere"\n' });
  expect(existsSync(mark)).toBe(false);
  expect(readFileSync(folder.at('out.wasm')).length).toBeGreaterThan(0);
});
