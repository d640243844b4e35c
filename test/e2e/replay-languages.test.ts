// SPDX-License-Identifier: Apache-2.0
// One recording of real calls, through the builds of the same handler in all languages.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { projectRoot, runCommand, seccompagent } from '../support/command.ts';
import type { CommandResult } from '../support/command.ts';
import { naming } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** Where the handler mkdir-suffix is beside the one that is recorded, by language. */
const examples = {
  C: 'guest-sdk/examples/mkdir-suffix-c',
  Rust: 'guest-sdk/examples/mkdir-suffix-rust',
} as const;

/** Calls that succeed, fail in several ways, and resolve against a folder of the caller's. */
const script = `
cd "$1"
mkdir a; mkdir a; mkdir -m 700 b; mkdir a-suffix/c; mkdir no/such; mkdir "$(printf '\\377')"
mkdir "$(printf '%0300d' 7)"; mkdir ''
python3 -c '
import os
folder = os.open(".", os.O_RDONLY)
os.mkdir("at", 0o750, dir_fd=folder)
' || true
true`;

async function record(folder: TemporaryFolder, bundle = 'mkdir-suffix'): Promise<string> {
  const file = folder.at('recording');
  const { stderr } = await runCommand([
    seccompagent,
    'record',
    '-o',
    file,
    `-bundle=${bundle}`,
    '--',
    'sh',
    '-c',
    script,
    'sh',
    folder.path,
  ]);
  expect(stderr).toEqual(naming(file, / [89] /u));
  return file;
}

async function replayBuilt(
  source: string,
  file: string,
  change: (folder: TemporaryFolder) => void = () => undefined,
): Promise<CommandResult> {
  using folder = new TemporaryFolder();
  cpSync(join(projectRoot, source), folder.path, { recursive: true, dereference: true });
  change(folder);
  const built = await runCommand([seccompagent, 'build', folder.path]);
  expect(built.code).toBe(0);
  return await runCommand([seccompagent, 'replay', '-json', `-bundle=${folder.path}`, file]);
}

interface Report {
  readonly calls: number;
  readonly different: readonly object[];
}

const same = { calls: expect.toBeOneOf([8, 9]), different: [] };

function reportOf({ stdout }: CommandResult): Report {
  return JSON.parse(stdout);
}

test.for(Object.entries(examples))(
  'replay: the build in %s does what the one in AssemblyScript did',
  async ([, source]) => {
    using folder = new TemporaryFolder();
    const file = await record(folder);
    const replayed = await replayBuilt(source, file);
    expect(replayed).toMatchObject({ code: 0, stderr: '' });
    expect(reportOf(replayed)).toMatchObject(same);
  },
);

test('replay: the build in TypeScript does what the one in AssemblyScript did', async () => {
  using folder = new TemporaryFolder();
  const file = await record(folder);
  const words = ['-bundle=mkdir-suffix-ts', file];
  const replayed = await runCommand([seccompagent, 'replay', '-json', ...words]);
  expect(replayed.code).toBe(0);
  expect(reportOf(replayed)).toMatchObject(same);
});

test('replay: the build in AssemblyScript does what the one in TypeScript did', async () => {
  using folder = new TemporaryFolder();
  const file = await record(folder, 'mkdir-suffix-ts');
  const words = ['-bundle=mkdir-suffix', file];
  const replayed = await runCommand([seccompagent, 'replay', '-json', ...words]);
  expect(replayed.code).toBe(0);
  expect(reportOf(replayed)).toMatchObject(same);
});

test('replay: another version in another language is another version', async () => {
  using folder = new TemporaryFolder();
  const file = await record(folder);
  const replayed = await replayBuilt(examples.C, file, (copy) => {
    const source = readFileSync(copy.at('handler.c'), 'utf8');
    writeFileSync(copy.at('handler.c'), source.replace('renamed, mode', 'renamed, mode & 0700'));
  });
  expect(replayed.code).toBe(1);
  expect(reportOf(replayed).different).toContainEqual(
    expect.objectContaining({
      differences: expect.arrayContaining([
        {
          what: 'calls[0]',
          recorded: 'filesystem.mkdir { path: "a-suffix", mode: 511 }',
          replayed: 'filesystem.mkdir { path: "a-suffix", mode: 448 }',
        },
      ]),
    }),
  );
});
