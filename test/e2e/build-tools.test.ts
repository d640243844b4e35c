// SPDX-License-Identifier: Apache-2.0
// Tests what `seccompagent build` says of compilers that are missing or too old, and which it takes.
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';

import { afterEach, expect, test, vi } from 'vitest';

import {
  askProgram,
  candidates,
  clang,
  findProgram,
} from '../../guest-sdk/build/system-programs.ts';
import { projectRoot, runCommand, seccompagent } from '../support/command.ts';
import type { CommandResult } from '../support/command.ts';
import { failed, naming } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** Programs by their names: what they print, or where they are. */
type Programs = Readonly<Record<string, string>>;

afterEach(() => {
  vi.unstubAllEnvs();
});

const usable = await findProgram(clang);

/** A folder for PATH. One that prints a version does nothing else, and leaves a file if it is asked to. */
function programFolder(folder: TemporaryFolder, programs: Programs): string {
  const path = folder.at('bin');
  mkdirSync(path);
  for (const [name, text] of Object.entries(programs)) {
    const program = join(path, name);
    if (text.startsWith('/')) {
      symlinkSync(text, program);
    } else {
      const asked = `[ "$*" = --version ] || : >"${folder.at('compiled')}"`;
      writeFileSync(program, `#!/bin/sh\n${asked}\necho "${text}"\n`);
      chmodSync(program, 0o755);
    }
  }
  return path;
}

/** Builds an empty handler with these programs and none of the system. */
async function buildWith(
  folder: TemporaryFolder,
  file: string,
  programs: Programs,
): Promise<CommandResult> {
  const manifest = {
    name: 'sample',
    version: '0.1.0',
    description: 'For tests',
    handlers: [{ component: 'sample.wasm' }],
  };
  mkdirSync(folder.at('sample'));
  writeFileSync(folder.at('sample/bundle.json'), JSON.stringify(manifest));
  writeFileSync(folder.at(`sample/${file}`), '');
  const path = programFolder(folder, {
    ...programs,
    sh: '/bin/sh',
    readlink: '/bin/readlink',
    uname: '/bin/uname',
    node: process.execPath,
  });
  return runCommand([seccompagent, 'build'], {
    cwd: folder.at('sample'),
    environment: { PATH: path },
  });
}

const noLinker = 'Debian LLD 12.0.1 (compatible with GNU linkers)';

test.for([
  ['handler.c', {}, [/^clang /u, 'PATH', 'apt-get install clang lld']],
  ['handler.c', { 'clang-19': usable }, [/^wasm-ld /u, 'PATH', 'apt-get install lld']],
  [
    'handler.rs',
    {},
    [
      /^rustc /u,
      'PATH',
      'apt-get install rustc libstd-rust-dev-wasm32 lld',
      'rustup target add wasm32-unknown-unknown',
    ],
  ],
  // too old
  [
    'handler.c',
    { clang: 'Debian clang version 10.0.1-6' },
    [/\/clang /u, /\b10\.0\.1\b/u, /\b11\b/u, 'apt-get install clang-N lld-N'],
  ],
  [
    'handler.c',
    { 'clang-9': 'clang version 9.0.1-16.1', 'clang-7': 'clang version 7.0.1' },
    [/\/clang-9 /u, /\b9\.0\.1\b/u, /\b11\b/u],
  ],
  [
    'handler.c',
    { clang: usable, 'wasm-ld': noLinker },
    [/\/wasm-ld /u, /\b12\.0\.1\b/u, /\b13\b/u, 'apt-get install lld-N'],
  ],
  [
    'handler.rs',
    { rustc: 'rustc 1.63.0' },
    [/\/rustc /u, /\b1\.63\.0\b/u, /\b1\.78\b/u, 'rustup target add wasm32-unknown-unknown'],
  ],
  // new enough, but not for this
  [
    'handler.rs',
    { rustc: 'rustc 1.99.0' },
    [/\/rustc /u, 'wasm32-unknown-unknown', 'apt-get install rustc libstd-rust-dev-wasm32 lld'],
  ],
  [
    'handler.c',
    { clang: 'Segmentation fault' },
    [/\/clang /u, 'Segmentation fault', 'apt-get install clang lld'],
  ],
  [
    'handler.c',
    { clang: `${'x'.repeat(300)}\nsecond` },
    [/\/clang [^\n]{1,80}"x{200}…"/u, 'apt-get install clang lld'],
  ],
] as const)('build: %s with %j in PATH says what to install', async ([file, programs, named]) => {
  using folder = new TemporaryFolder();
  const result = await buildWith(folder, file, programs);
  expect(result).toEqual(failed('AGENT_BUILD', ...named));
  // and the line with the code
  expect(result.stderr).toMatch(/^.+\n.+\n$/u);
});

test('build: what is too old is passed over for what is new enough', async () => {
  using folder = new TemporaryFolder();
  const example = join(projectRoot, 'guest-sdk/examples/mkdir-suffix-c');
  cpSync(example, folder.at('example'), { recursive: true });
  const path = programFolder(folder, {
    clang: 'clang version 9.0.1-16.1',
    'wasm-ld': noLinker,
  });
  const { code, stderr } = await runCommand([seccompagent, 'build'], {
    cwd: folder.at('example'),
    environment: { PATH: `${path}:${process.env['PATH'] ?? ''}` },
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(existsSync(folder.at('compiled'))).toBe(false);
});

function writeScript(folder: TemporaryFolder, name: string, script: string): string {
  mkdirSync(folder.at('scripts'), { recursive: true });
  const path = folder.at(`scripts/${name}`);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

test('build: a compiler that does not end when it is asked is killed', async () => {
  using folder = new TemporaryFolder();
  const path = writeScript(folder, 'clang', `echo $$ >${folder.at('pid')}; exec /bin/sleep 600`);
  const output = await askProgram(path, ['--version'], '/', 1000);
  expect(output).toEqual({ hasSucceeded: false, stdout: '', stderr: naming('1 s') });
  expect(existsSync(`/proc/${readFileSync(folder.at('pid'), 'utf8').trim()}`)).toBe(false);
});

test('build: a compiler that reads its input is passed over', async () => {
  using folder = new TemporaryFolder();
  writeScript(folder, 'clang', 'exec /bin/cat');
  const newer = writeScript(folder, 'clang-19', 'echo clang version 19.1.7');
  vi.stubEnv('PATH', folder.at('scripts'));
  expect(await findProgram(clang)).toBe(newer);
});

test('build: relative folders of PATH are left out', () => {
  using folder = new TemporaryFolder();
  const path = writeScript(folder, 'clang', 'echo clang version 19.1.7');
  const versioned = writeScript(folder, 'clang-19', 'echo clang version 19.1.7');
  const scripts = dirname(path);
  vi.stubEnv('PATH', `:.:${relative(process.cwd(), scripts)}`);
  expect(candidates(clang)).toEqual([]);
  vi.stubEnv('PATH', `.:${scripts}`);
  expect(candidates(clang)).toEqual([path, versioned]);
});
