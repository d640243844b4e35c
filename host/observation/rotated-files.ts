// SPDX-License-Identifier: Apache-2.0
// Files that are rotated by their size: FILE becomes FILE.1, FILE.1 becomes FILE.2.
import { rename, stat } from 'node:fs/promises';

import { systemCodeOf } from '../errors.ts';

/** Bounds of files that lines are added to. */
export interface FileBounds {
  /** A file that has as many bytes is rotated; undefined: never. */
  readonly rotateBytes: number | undefined;
  /** Of the earlier ones, so many stay. */
  readonly rotateFiles: number;
  /** What a container may add in a second; undefined: all. */
  readonly bytesPerSecond: number | undefined;
}

export const defaultBounds: FileBounds = {
  rotateBytes: 100 * 2 ** 20,
  rotateFiles: 10,
  bytesPerSecond: 128 * 2 ** 10,
};

/** @returns bytes of the file that is gone; 0: none is */
export async function rotate(path: string, files: number): Promise<number> {
  let removed = 0;
  for (let number = files; number > 0; number -= 1) {
    const [from, to] = [number === 1 ? path : `${path}.${number - 1}`, `${path}.${number}`];
    const oldest = number === files ? await stat(to).catch(() => undefined) : undefined;
    try {
      await rename(from, to);
      removed = oldest?.size ?? removed;
    } catch (thrown) {
      if (systemCodeOf(thrown) !== 'ENOENT') throw thrown;
    }
  }
  return removed;
}
