// SPDX-License-Identifier: Apache-2.0
// File systems from images: the image is the caller's own file, and nobody else's.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { mountsOf } from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

/** Makes an image of a folder with one file. */
function makeImage(folder: string, path: string, text: string): void {
  const contents = makeFolder(folder, `contents-of-${text}`);
  writeFileSync(join(contents, 'hello'), text);
  execFileSync('mkfs.erofs', ['--quiet', path, contents], { stdio: 'ignore' });
}

describe('image mounts: erofs', () => {
  let agent: WatchedAgent;
  let folder: TemporaryFolder;
  let root: string;

  beforeAll(async () => {
    agent = await startWatchedAgent({
      bundle: testBundle('mount'),
      settings: ['MOUNT_FILESYSTEMS=erofs'],
      log: 'warn',
    });
    folder = new TemporaryFolder();
    root = makeFolder(folder.path, 'root');
    for (const name of ['proc', 'images']) mkdirSync(join(root, name));
    makeFolder(root, 'mnt', { uid: 1000 });
    makeImage(folder.path, join(root, 'images/own'), 'inside');
    makeImage(folder.path, folder.at('outside'), 'outside');
    makeImage(folder.path, join(root, 'images/private'), 'private');
    chmodSync(join(root, 'images/private'), 0o600);
    symlinkSync('/images/own', join(root, 'images/link'));
    symlinkSync(folder.at('outside'), join(root, 'images/link-out'));
    writeFileSync(join(root, 'images/none'), 'this is no file system');
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  async function mounting(source: string, type = 'erofs'): Promise<readonly string[]> {
    const before = mountsOf('self');
    const { code, signal, stdout, stderr } = await runCommand([
      compiled('image-caller'),
      '-s',
      agent.socket,
      root,
      source,
      '/mnt',
      type,
      '/mnt/hello',
    ]);
    if (code !== 0) throw new Error(`image-caller: ${signal ?? code} ${stdout} ${stderr}`);
    // nothing of it is mounted for us
    if (mountsOf('self') !== before) throw new Error('there is another mount in our namespace');
    return stdout.split('\n').slice(0, -1);
  }

  test('M1: image mounts: a file of the image is read by a user that may not mount', async () => {
    expect(await mounting('/images/own')).toEqual([
      'mount OK',
      'read inside',
      // whoever wrote the image becomes nobody else by it, and gets no devices
      expect.stringMatching(/^\/mnt ro,nosuid,nodev,.* - erofs self\/fd\/\d+ /u),
    ]);
  });

  test('A3: image mounts: a link to an image is followed in the caller’s root', async () => {
    expect((await mounting('/images/link')).slice(0, 2)).toEqual(['mount OK', 'read inside']);
  });

  test('A3: image mounts: an image outside of the caller’s root is not there', async () => {
    expect(await mounting(folder.at('outside'))).toEqual(['mount ENOENT']);
    expect(await mounting('/images/link-out')).toEqual(['mount ENOENT']);
    expect(await mounting(`/../../..${folder.at('outside')}`)).toEqual(['mount ENOENT']);
  });

  test('A1: image mounts: an image that the caller may not read is not mounted', async () => {
    expect(await mounting('/images/private')).toEqual(['mount EACCES']);
  });

  test('A1: image mounts: a device is not mounted, whose cgroup the kernel would not ask', async () => {
    const attached = ['--find', '--show', '--read-only', join(root, 'images/own')];
    const device = execFileSync('losetup', attached, { encoding: 'utf8' }).trim();
    try {
      const { rdev } = statSync(device);
      const numbers = [rdev >> 8, rdev & 0xff].map(String);
      execFileSync('mknod', ['-m', '666', join(root, 'images/device'), 'b', ...numbers]);
      expect(await mounting('/images/device')).toEqual(['mount EPERM']);
    } finally {
      execFileSync('losetup', ['--detach', device]);
    }
  });

  test('A5, A13: image mounts: neither a FIFO nor a device of characters is opened', async () => {
    execFileSync('mkfifo', ['-m', '666', join(root, 'images/fifo')]);
    execFileSync('mknod', ['-m', '666', join(root, 'images/characters'), 'c', '1', '3']);
    symlinkSync('fifo', join(root, 'images/link-to-fifo'));
    expect(await mounting('/images/fifo')).toEqual(['mount ENOTBLK']);
    expect(await mounting('/images/characters')).toEqual(['mount ENOTBLK']);
    expect(await mounting('/images/link-to-fifo')).toEqual(['mount ENOTBLK']);
    expect(await mounting('/images')).toEqual(['mount ENOTBLK']);
    expect(await mounting('/proc/self/exe')).toEqual(['mount ELOOP']);
  });

  test('image mounts: a file that is no image is refused as by the kernel', async () => {
    expect(await mounting('/images/none')).toEqual(['mount EINVAL']);
    expect(await mounting('/images/missing')).toEqual(['mount ENOENT']);
  });

  test('image mounts: types that are not listed are judged by the kernel', async () => {
    expect(await mounting('/images/own', 'ext4')).toEqual(['mount EPERM']);
  });
});
