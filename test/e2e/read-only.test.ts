// SPDX-License-Identifier: Apache-2.0
// Tests that the bundle read-only keeps folders as they are, whichever way their files are named, with
// containers of real runtimes.
import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { familyMembers } from '../../host/syscalls/syscall-table.ts';
import { HandledContainer } from '../support/handled-container.ts';

const families = [
  'chmod',
  'fchmod',
  'chown',
  'fchown',
  'link',
  'mkdir',
  'mknod',
  'open',
  'removexattr',
  'rename',
  'setxattr',
  'symlink',
  'truncate',
  'unlink',
  'utimens',
];

function trappedOf(names: readonly string[]): readonly string[] {
  return names.flatMap((name) => familyMembers(name));
}

/** /kept is to stay as it is, by its own name or by /way, and /deep/kept. */
function prepareRootfs(rootfs: string): void {
  for (const folder of ['kept', 'kept/folder', 'free', 'free/folder', 'deep', 'deep/kept']) {
    mkdirSync(join(rootfs, folder));
  }
  for (const file of ['kept/file', 'kept/spare', 'kept/folder/file', 'free/file', 'free/spare']) {
    writeFileSync(join(rootfs, file), 'old', { mode: 0o644 });
  }
  execFileSync('mkfifo', [join(rootfs, 'kept/pipe')]);
  symlinkSync('kept', join(rootfs, 'way'));
  symlinkSync('/kept', join(rootfs, 'free/way'));
  symlinkSync('/kept/new', join(rootfs, 'free/dangling'));
  symlinkSync('../kept/file', join(rootfs, 'free/file-link'));
}

/** Names, types, modes, sizes, owners, times and texts of all that is there. */
function stateOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .toSorted()
    .map((name) => {
      const path = join(folder, name);
      const { mode, nlink, uid, gid, mtimeMs } = lstatSync(path);
      const text = lstatSync(path).isFile() ? readFileSync(path, 'utf8') : '';
      return [name, mode.toString(8), nlink, uid, gid, mtimeMs, text].join(' ');
    });
}

/** Each prints whether it got through. */
function tried(commands: readonly string[]): string {
  return commands
    .map((command) => `(${command}) >/dev/null 2>&1 && echo yes || echo no`)
    .join('\n');
}

function linesOf({ output }: HandledContainer): readonly string[] {
  return output.split('\n').filter((line) => line !== '' && line !== 'ready');
}

const ways = [
  'chmod 600 /kept/file',
  'chmod 700 /kept',
  'chmod 600 /way/file',
  'chmod 600 //kept//./folder/../file',
  'cd /kept && chmod 600 file',
  'cd /kept/folder && chmod 600 ../file',
  'cd /free && chmod 600 way/file',
  'chmod 600 /free/file-link',
  'chmod 600 /proc/self/root/kept/file',
  'cd /kept && chmod 600 /proc/self/cwd/file',
  'chmod 600 /proc/self/fd/3 3</kept/file',
  'echo new > /kept/file',
  'echo new >> /free/file-link',
  'echo new > /free/dangling',
  ': > /kept/new',
  'cd /kept && echo new > new',
  'truncate -s 1 /way/file',
  'dd if=/free/file of=/kept/file conv=notrunc',
  'mkdir /kept/new',
  'mkdir /free/way/new',
  'cd /free/way && mkdir new',
  'rm /kept/spare',
  'rm -rf /way/folder',
  'mv /kept/spare /free/moved',
  'mv /free/spare /kept/moved',
  'mv /free/folder /way/',
  'mv /deep /deeper',
  'rmdir /deep/kept',
  'ln -s x /kept/new',
  'ln /free/file /kept/new',
  'ln /kept/file /free/new',
  'ln -f /free/file /free/way/file',
  'mkfifo /kept/new',
  'chown 1:1 /kept/file',
  'chown -h 1:1 /free/way/file',
  'touch /kept/file',
  'touch -h /kept/file',
  'touch /way/new',
  'cp /free/file /kept/file',
  'sed -i s/old/new/ /kept/file',
] as const;

const allowed = [
  'cat /kept/file',
  'cat /free/way/file',
  'ls /kept',
  'echo new > /free/new',
  'echo more >> /free/new && [ "$(wc -l < /free/new)" = 2 ]',
  'chmod 600 /free/file',
  'chmod 755 /',
  'chmod 755 /proc/self/fd/3 3</',
  'cd / && chmod 755 ..',
  'cd /free && chmod 644 /proc/self/fd/3 3<file',
  'chmod 600 /kept/../free/file',
  'cd /kept && chmod 644 ../free/file',
  'mkdir -p /free/a/b',
  'mv /free/a /free/c',
  'ln -s /kept/file /free/link && rm /free/link',
  'ln /free/file /free/hard && rm /free/hard',
  'rm /free/way',
  'touch /free/file',
  'chown -h 1:1 /free/file-link',
  'echo x | tee /dev/null',
  'echo x > /proc/self/fd/1 | cat',
  ': 3<> /kept/pipe',
] as const;

describe.for(['runc', 'crun'] as const)('%s', (runtime) => {
  test('A15: read-only: no way around, and all else goes on', async () => {
    let before: readonly string[] = [];
    await using handled = await HandledContainer.start({
      bundle: 'read-only',
      settings: ['READ_ONLY=/way,/deep/kept'],
      runtime,
      capabilities: ['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER', 'CAP_MKNOD'],
      trapped: trappedOf(families),
      prepareRootfs: (rootfs) => {
        prepareRootfs(rootfs);
        before = stateOf(join(rootfs, 'kept'));
      },
      script: tried([...ways, ...allowed]),
    });
    const lines = linesOf(handled);
    const passed = ways.filter((_, index) => lines[index] !== 'no');
    const refused = allowed.filter((_, index) => lines[ways.length + index] !== 'yes');
    expect({ passed, refused, errors: handled.errors }).toEqual({
      passed: [],
      refused: [],
      errors: [],
    });
    expect(stateOf(handled.outside('/kept'))).toEqual(before);
  });

  test('A16: read-only: links that are exchanged while calls are decided lead nowhere else', async () => {
    const races = Number(process.env['SECCOMPAGENT_RACES'] ?? '3000');
    let before: readonly string[] = [];
    await using handled = await HandledContainer.start({
      bundle: 'read-only',
      settings: ['READ_ONLY=/kept'],
      runtime,
      capabilities: ['CAP_DAC_OVERRIDE', 'CAP_FOWNER'],
      // its own exchanges are quicker than what it races with
      trapped: trappedOf(families.filter((name) => name !== 'rename')),
      program: 'path-racer',
      prepareRootfs: (rootfs) => {
        prepareRootfs(rootfs);
        mkdirSync(join(rootfs, 'stage'));
        before = stateOf(join(rootfs, 'kept'));
      },
      script: `path-racer ${races} /kept /stage`,
    });
    const count = (what: string): number =>
      Number(new RegExp(`^${what} (\\d+)$`, 'mu').exec(handled.output)?.[1]);
    // both sides were met
    expect(count('done')).toBeGreaterThan(races / 20);
    expect(count('refused')).toBeGreaterThan(races / 20);
    expect(stateOf(handled.outside('/kept'))).toEqual(before);
    expect(handled.errors).toEqual([]);
  });
});
