// SPDX-License-Identifier: Apache-2.0
// The root folder of a container that has what the image has, out of this checkout and this machine:
// it needs no build.
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { projectRoot } from './command.ts';

/** As Debian has them. */
const linksIntoUsr = ['bin', 'lib', 'lib64', 'sbin'];
/** Containers of the image have none. */
const runtimes = ['runc', 'crun', 'podman', 'docker', 'containerd', 'crio'];
const mountPoints = ['dev', 'proc', 'sys', 'run', 'etc/seccompagent', 'tmp', 'profiles'].concat([
  'var/lib/seccompagent',
  'var/cache/seccompagent',
]);

/** Links in `folder` by their paths there. */
function link(folder: string, links: Readonly<Record<string, string>>): void {
  for (const [path, target] of Object.entries(links)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    symlinkSync(target, join(folder, path));
  }
}

/** As overlays say that there is nothing. */
function hideRuntimes(upper: string): void {
  mkdirSync(join(upper, 'sbin'));
  const files = ['bin', 'sbin'].flatMap((place) =>
    runtimes.map((name) => join(upper, place, name)),
  );
  for (const file of files) execFileSync('mknod', [file, 'c', '0', '0']);
}

export interface CheckoutRoot {
  /** In place of an image's name. */
  readonly path: string;
  /** Of podman. */
  readonly options: readonly string[];
}

/** @param folder is made */
export function makeCheckoutRoot(folder: string): CheckoutRoot {
  const [path, upper, work] = ['root', 'upper', 'work'].map((name) => join(folder, name));
  if (path === undefined || upper === undefined || work === undefined) throw new Error('no folder');
  for (const made of [upper, work, join(path, 'usr')]) mkdirSync(made, { recursive: true });
  for (const made of [...mountPoints, projectRoot])
    mkdirSync(join(path, made), { recursive: true });
  link(path, Object.fromEntries(linksIntoUsr.map((name) => [name, `usr/${name}`])));
  link(upper, {
    'lib/seccompagent': projectRoot,
    'bin/seccompagent': join(projectRoot, 'host/seccompagent.sh'),
  });
  hideRuntimes(upper);
  return {
    path,
    options: [
      `--volume=/usr:/usr:O,upperdir=${upper},workdir=${work}`,
      `--volume=${projectRoot}:${projectRoot}:ro`,
      '--rootfs',
    ],
  };
}
