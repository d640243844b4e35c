// SPDX-License-Identifier: Apache-2.0
// Folders with exact rights, and what containers have made in them.
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface FolderRights {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

const everybodyMayEnter = 0o755;

/** Makes a folder inside of another, with exactly these rights. @returns its path */
export function makeFolder(parent: string, name: string, rights: FolderRights = {}): string {
  const path = join(parent, name);
  mkdirSync(path);
  chownSync(path, rights.uid ?? 0, rights.gid ?? 0);
  // after chown(2), which clears the set-group-id bit
  chmodSync(path, rights.mode ?? everybodyMayEnter);
  return path;
}

/** Everything below a folder: `PATH MODE UID GID`, sorted. */
export function contentsOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => {
      const { mode, uid, gid } = lstatSync(join(folder, name));
      return `${name} ${mode.toString(8)} ${uid} ${gid}`;
    })
    .toSorted();
}
