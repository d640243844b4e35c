// SPDX-License-Identifier: Apache-2.0
// Root file systems of containers, made of busybox's programs.
import { spawnSync } from 'node:child_process';
import { copyFileSync, lchownSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const folders = ['bin', 'dev', 'etc', 'home', 'mnt', 'proc', 'root', 'sys', 'tmp'] as const;

/** Makes one at `path`, which must not exist. */
export function makeRootfs(path: string): void {
  for (const folder of folders) mkdirSync(join(path, folder), { recursive: true });
  const busybox = spawnSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).stdout.trim();
  copyFileSync(busybox, join(path, 'bin/busybox'));
  const applets = spawnSync(busybox, ['--list'], { encoding: 'utf8' }).stdout.trim().split('\n');
  for (const applet of applets) {
    if (applet !== 'busybox') symlinkSync('busybox', join(path, 'bin', applet));
  }
}

/** Gives all of it to a user and the group of the same number. */
export function giveRootfs(path: string, uid: number): void {
  lchownSync(path, uid, uid);
  for (const name of readdirSync(path, { recursive: true, encoding: 'utf8' })) {
    lchownSync(join(path, name), uid, uid);
  }
}
