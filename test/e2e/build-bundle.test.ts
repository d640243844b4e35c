// SPDX-License-Identifier: Apache-2.0
// Tests `seccompagent build`: what it writes, and what it says to an author.
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { hasControlCharacters } from '../../host/terminal-text.ts';
import { projectRoot, runCommand, seccompagent } from '../support/command.ts';
import type { CommandResult } from '../support/command.ts';
import { failed } from '../support/failures.ts';
import { until } from '../support/polling.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const examples = join(projectRoot, 'guest-sdk/examples');

/** A bundle of one handler whose source is this text. */
function writeBundle(folder: TemporaryFolder, file: string, text: string): void {
  writeFileSync(folder.at(file), text);
  const manifest = {
    name: 'sample',
    version: '0.1.0',
    description: 'For tests',
    handlers: [{ component: 'sample.wasm' }],
  };
  writeFileSync(folder.at('bundle.json'), JSON.stringify(manifest));
}

async function build(folder: TemporaryFolder, ...words: readonly string[]): Promise<CommandResult> {
  return runCommand([seccompagent, 'build', ...words], {
    cwd: folder.path,
  });
}

function componentsIn(stdout: string): readonly object[] {
  const { components }: { readonly components: readonly object[] } = JSON.parse(stdout);
  return components;
}

test('build: bundle.json gets the digest of what was built, and nothing else changes', async () => {
  using folder = new TemporaryFolder();
  cpSync(join(examples, 'mkdir-suffix-c'), folder.path, { recursive: true });
  const before = readFileSync(folder.at('bundle.json'), 'utf8');
  const { code, stdout } = await build(folder, '-json');
  expect(code).toBe(0);
  const contents = readFileSync(folder.at('mkdir-suffix-c.wasm'));
  const digest = `sha256:${createHash('sha256').update(contents).digest('hex')}`;
  expect(JSON.parse(stdout)).toEqual({
    name: 'mkdir-suffix-c',
    components: [
      {
        component: 'mkdir-suffix-c.wasm',
        language: 'C',
        digest,
        bytes: contents.length,
        warnings: [],
      },
    ],
  });
  const after = readFileSync(folder.at('bundle.json'), 'utf8');
  expect(after).toBe(before.replace('.wasm",', `.wasm",\n      "digest": "${digest}",`));
});

test.for(['c', 'rust'] as const)(
  'build: the same source makes the same component wherever it is: %s',
  async (language) => {
    const built: Buffer[] = [];
    for (let round = 0; round < 2; round += 1) {
      using folder = new TemporaryFolder();
      cpSync(join(examples, `mkdir-suffix-${language}`), folder.path, { recursive: true });
      expect(await build(folder)).toMatchObject({ code: 0, stderr: '' });
      built.push(readFileSync(folder.at(`mkdir-suffix-${language}.wasm`)));
    }
    expect(built[0]?.equals(built[1] ?? Buffer.alloc(0))).toBe(true);
  },
);

test('build: a component that is there already stays as it is', async () => {
  using folder = new TemporaryFolder();
  const shipped = join(projectRoot, 'dist/handlers-wasm/errno');
  copyFileSync(join(shipped, 'errno.wasm'), folder.at('errno.wasm'));
  copyFileSync(join(shipped, 'bundle.json'), folder.at('bundle.json'));
  const before = readFileSync(folder.at('errno.wasm'));
  const { code, stdout } = await build(folder, '-json');
  expect(code).toBe(0);
  const [component] = componentsIn(stdout);
  expect(component).toMatchObject({ component: 'errno.wasm' });
  expect(component).not.toHaveProperty('language');
  expect(readFileSync(folder.at('errno.wasm'))).toEqual(before);
});

test('build: a link beside a file is not followed', async () => {
  using folder = new TemporaryFolder();
  using elsewhere = new TemporaryFolder();
  cpSync(join(projectRoot, 'dist/handlers-wasm/errno'), folder.path, { recursive: true });
  const victim = elsewhere.at('victim');
  writeFileSync(victim, 'precious');
  for (const name of ['errno.wasm.new', 'bundle.json.new']) symlinkSync(victim, folder.at(name));
  expect((await build(folder)).code).toBe(0);
  expect(readFileSync(victim, 'utf8')).toBe('precious');
  expect(readdirSync(folder.path).toSorted()).toEqual([
    'bundle.json',
    'bundle.json.new',
    'errno.wasm',
    'errno.wasm.new',
  ]);
});

test('build: another folder in place of the bundle’s gets nothing', async () => {
  using folder = new TemporaryFolder();
  for (const name of ['bundle', 'other', 'scratch']) mkdirSync(folder.at(name));
  for (const name of ['handler.mts', 'bundle.json']) {
    copyFileSync(
      join(projectRoot, 'handlers-wasm/mkdir-suffix-ts', name),
      folder.at(`bundle/${name}`),
    );
  }
  const built = runCommand([seccompagent, 'build', folder.at('bundle')], {
    environment: { TMPDIR: folder.at('scratch') },
  });
  // by then the source is read, and nothing is written yet
  await until('QuickJS to be asked', () =>
    readdirSync(folder.at('scratch')).find((name) => name.startsWith('handler-world-')),
  );
  renameSync(folder.at('bundle'), folder.at('moved'));
  symlinkSync(folder.at('other'), folder.at('bundle'));
  expect(await built).toMatchObject({ code: 0 });
  expect(readdirSync(folder.at('other'))).toEqual([]);
  expect(readdirSync(folder.at('moved')).toSorted()).toEqual([
    'bundle.json',
    'handler.mts',
    'mkdir-suffix-ts.wasm',
  ]);
});

test('build: several components come of folders of their names', async () => {
  using folder = new TemporaryFolder();
  for (const language of ['c', 'rust']) {
    cpSync(join(examples, `mkdir-suffix-${language}`), folder.at(`make-${language}`), {
      recursive: true,
    });
  }
  const manifest = {
    name: 'both',
    version: '0.1.0',
    description: 'For tests',
    grants: { filesystem: { reason: 'makes the directory' } },
    handlers: ['make-c', 'make-rust'].map((name) => ({
      component: `${name}.wasm`,
      settings: { suffix: '-s' },
    })),
  };
  writeFileSync(folder.at('bundle.json'), JSON.stringify(manifest));
  const { code, stdout } = await build(folder, '-json');
  expect(code).toBe(0);
  expect(componentsIn(stdout)).toMatchObject([
    { component: 'make-c.wasm', language: 'C' },
    { component: 'make-rust.wasm', language: 'Rust' },
  ]);
});

test.for([
  [
    'handler.c',
    '#include <seccompagent.h>\nstatic sca_action on_mkdir(sca_path path) {\n  return sca_next();\n}\nSCA_EXPORT_MKDIR(on_mkdir);\n',
    /^handler\.c:5:1: error: too many arguments to function call/u,
  ],
  [
    'handler.c',
    '#include <seccompagent.h>\nstatic sca_action on_mkdir(sca_path path, uint32_t mode) {\n  return sca_next();\n}\n',
    /^handler\.c:2:19: error: unused function 'on_mkdir'/u,
  ],
  [
    'handler.c',
    '#include <seccompagent.h>\nvoid elsewhere(void);\nstatic sca_action on_sysinfo(void) {\n  elsewhere();\n  return sca_next();\n}\nSCA_EXPORT_SYSINFO(on_sysinfo);\n',
    /undefined symbol: elsewhere/u,
  ],
  ['handler.c', '#include <seccompagent.h>\n', /^handler\.c(?!:)/u],
  [
    'handler.rs',
    '#![no_std]\nuse seccompagent::Action;\nseccompagent::export!(mkdir);\nfn mkdir(path: &[u8]) -> Action {\n    Action::Next\n}\n',
    /error\[E0061\]: this function takes 1 argument but 2 arguments were supplied\n.*\n?.*--> handler\.rs:3:1/u,
  ],
  [
    'handler.rs',
    '#![no_std]\nuse seccompagent::Action;\nseccompagent::export!(sysinfo);\nfn sysinfo() -> Action {\n    Action::Next\n}\nfn mkdir(_: &[u8], _: u32) -> Action {\n    Action::Next\n}\n',
    /error: function `mkdir` is never used\n +--> handler\.rs:7:4/u,
  ],
  [
    'handler.rs',
    '#![no_std]\nuse seccompagent::Action;\nseccompagent::export!(mkdirr);\nfn mkdirr() -> Action {\n    Action::Next\n}\n',
    /"mkdirr".* mkdir, mknod, /u,
  ],
  [
    'handler.mts',
    "import type { Action } from '@seccompagent/guest-sdk/typescript';\nimport * as filesystem from 'seccompagent:handler/filesystem@0.1.0';\nexport function mkdir(path: Uint8Array, mode: number): Action {\n  return filesystem.mkdri(path, mode);\n}\n",
    /^handler\.mts:4:21: error TS2551: .*'mkdri'/u,
  ],
  [
    'handler.ts',
    "import { Action } from '@seccompagent/guest-sdk';\nexport function mkdir(): Action {\n  return Action.next();\n}\n",
    /^handler\.ts:2:\d+: "mkdir" .*\bexport function mkdir\(path: Path, mode: u32\): Action\n.*\n$/u,
  ],
] as const)('build: a mistake in %s is shown with its place: %j', async ([file, text, message]) => {
  using folder = new TemporaryFolder();
  writeBundle(folder, file, text);
  const before = readFileSync(folder.at('bundle.json'), 'utf8');
  const result = await build(folder);
  expect(result).toEqual(failed('AGENT_BUILD'));
  expect(result.stdout).toBe('');
  expect(result.stderr).toMatch(message);
  expect(existsSync(folder.at('sample.wasm'))).toBe(false);
  expect(readFileSync(folder.at('bundle.json'), 'utf8')).toBe(before);
});

test('build: a bundle that does not load is not written', async () => {
  using folder = new TemporaryFolder();
  writeBundle(
    folder,
    'handler.c',
    '#include <seccompagent.h>\nstatic sca_action on_sysinfo(void) {\n  return sca_result_action(sca_container_kill());\n}\nSCA_EXPORT_SYSINFO(on_sysinfo);\n',
  );
  expect(await build(folder)).toEqual(
    failed('AGENT_BUILD', 'sample.wasm', '"grants"', 'bundle.json', '"container"'),
  );
  expect(existsSync(folder.at('sample.wasm'))).toBe(false);
});

const hostile = '\u001B]0;owned\u0007\u001B[2J\u009B2J\u202E';
const cHandler = `#include <seccompagent.h>
static sca_action on_mkdir(sca_path path, uint32_t mode) { return sca_next(); }
SCA_EXPORT_MKDIR(on_mkdir);
`;

test.for([
  ['a warning', 'handler.c', `#warning ${hostile}\n${cHandler}`],
  ['an error', 'handler.c', `#error ${hostile}\n${cHandler}`],
  ['an error', 'handler.rs', `compile_error!("${hostile}");\n`],
  ['a warning', 'handler.mts', `import "./e${hostile}.mts"; export function mkdir() {}`],
  ['an error', 'handler.mts', `import "./none${hostile}.mts"; export function mkdir() {}`],
  ['an error', 'handler.ts', `import { a } from "./none${hostile}";`],
] as const)(
  'build: a terminal does not obey what is in %s of the compiler of %s',
  async ([, file, text]) => {
    using folder = new TemporaryFolder();
    writeBundle(folder, file, text);
    writeFileSync(folder.at(`e${hostile}.mts`), "eval('1');");
    writeFileSync(folder.at('handler.test.yaml'), 'cases: []\n');
    for (const command of ['build', 'test']) {
      const done = await runCommand([seccompagent, command], { cwd: folder.path });
      expect(done.stderr).not.toBe('');
      expect(hasControlCharacters(done.stderr.replaceAll('\n', ''))).toBe(false);
    }
  },
);

test('build: a folder without bundle.json is refused', async () => {
  using folder = new TemporaryFolder();
  expect(await build(folder)).toEqual(failed('AGENT_BUILD', 'bundle.json', '"seccompagent new"'));
});

test('build: a component without a source is refused with the files that would do', async () => {
  using folder = new TemporaryFolder();
  writeBundle(folder, 'other.txt', '');
  const named = /bundle\.json .*sample\.wasm.*handler\.ts, .*handler\.rs, handler\.c/u;
  expect(await build(folder)).toEqual(failed('AGENT_BUILD', named));
});

test('build: two sources are one too many', async () => {
  using folder = new TemporaryFolder();
  writeBundle(folder, 'handler.c', '');
  writeFileSync(folder.at('handler.rs'), '');
  expect(await build(folder)).toEqual(failed('AGENT_BUILD', 'handler.rs', 'handler.c'));
});
