// SPDX-License-Identifier: Apache-2.0
// Reads the files of a bundle's folder, and no others: it may be a stranger's, whose links and imports
// would make other files of whoever builds it a part of the component.

import { readlinkSync } from 'node:fs';
import { sep } from 'node:path';

import { messageOf, systemCodeOf } from '../../host/errors.ts';
import { readRegularFile } from '../../host/files/regular-file.ts';
import { BuildError } from './build-error.ts';
import { shortPath } from './short-path.ts';

const defaultMaxBytes = 64 * 2 ** 20;

/** Where a path leads may change until it is opened. */
function checkPlace(file: string, descriptor: number, folders: readonly string[]): void {
  const path = readlinkSync(`/proc/self/fd/${descriptor}`);
  if (folders.some((folder) => path.startsWith(`${folder}${sep}`))) return;
  throw new BuildError(
    `${shortPath(file)} is not read: it is in none of ${folders.map(shortPath).join(', ')}`,
  );
}

/**
 * @param folders without links in their paths
 * @throws BuildError: it is in none of the folders, too large or no regular file; Error of the file system
 */
export function readOwnFile(
  file: string,
  folders: readonly string[],
  maxBytes: number = defaultMaxBytes,
): Buffer {
  try {
    return readRegularFile(file, {
      maxBytes,
      check: (_, descriptor) => checkPlace(file, descriptor, folders),
    });
  } catch (cause) {
    if (cause instanceof BuildError || systemCodeOf(cause) !== undefined) throw cause;
    throw new BuildError(`${shortPath(file)} cannot be read: ${messageOf(cause)}`, { cause });
  }
}
