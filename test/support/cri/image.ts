// SPDX-License-Identifier: Apache-2.0
// Images of containers, made of folders: archives as `docker save` writes them.
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { runCommand } from '../command.ts';
import { compiled } from '../compile.ts';
import { makeRootfs } from '../rootfs.ts';

export interface ImageOptions {
  readonly name: string;
  /** All that is in it; whomever it belongs to, it is root's in the image. */
  readonly rootfs: string;
  /** Whose files are, and which Linux capabilities they have, stays. */
  readonly keepsOwners?: boolean;
  readonly command?: readonly string[];
}

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Makes `folder`, which must not exist, for the parts. @returns the path of the archive */
export async function makeImage(folder: string, options: ImageOptions): Promise<string> {
  mkdirSync(folder);
  const layer = join(folder, 'layer.tar');
  await tar(layer, options.rootfs, options.keepsOwners === true ? asTheyAre : rootsOwn);
  const digest = createHash('sha256').update(readFileSync(layer)).digest('hex');
  const parts = join(folder, 'parts');
  mkdirSync(join(parts, 'layer'), { recursive: true });
  cpSync(layer, join(parts, 'layer/layer.tar'));
  writeJson(join(parts, 'config.json'), {
    architecture: architectures[process.arch],
    os: 'linux',
    config: { Env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'], Cmd: options.command ?? ['sh'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
  });
  writeJson(join(parts, 'manifest.json'), [
    { Config: 'config.json', RepoTags: [options.name], Layers: ['layer/layer.tar'] },
  ]);
  const archive = join(folder, 'image.tar');
  await tar(archive, parts, rootsOwn);
  return archive;
}

/** Pods' sandboxes are made of it. */
export function makePauseRootfs(path: string): void {
  mkdirSync(path);
  copyFileSync(compiled('pause.static'), join(path, 'pause'));
}

/** With users that `su` knows. */
export function makeBusyboxRootfs(path: string): void {
  makeRootfs(path);
  writeFileSync(
    join(path, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/sh\n',
  );
  writeFileSync(join(path, 'etc/group'), 'root:x:0:\nnobody:x:65534:\n');
}

function writeJson(file: string, content: unknown): void {
  writeFileSync(file, JSON.stringify(content));
}

const rootsOwn = ['--owner=0', '--group=0', '--numeric-owner'];
const asTheyAre = ['--numeric-owner', '--xattrs', '--xattrs-include=security.capability'];

async function tar(archive: string, folder: string, owners: readonly string[]): Promise<void> {
  const { code, stderr } = await runCommand([
    'tar',
    '--create',
    ...owners,
    `--file=${archive}`,
    `--directory=${folder}`,
    '.',
  ]);
  if (code !== 0) throw new Error(`cannot make ${archive}: ${stderr}`);
}
