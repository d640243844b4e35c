// SPDX-License-Identifier: Apache-2.0
// Reads the files of a bundle's folder, and no others: it may be a stranger's, whose links and imports
// would make other files of whoever builds it a part of the component.

import { readlinkSync } from 'node:fs';
import { sep } from 'node:path';

import { readRegularFile } from '../../host/files/regular-file.ts';
import { BuildError } from './build-error.ts';
import { shortPath } from './short-path.ts';

const maxBytes = 64 * 2 ** 20;

/**
 * @param folders without links in their paths
 * @throws BuildError: it is in none of the folders; Error of the file system
 */
export function readOwnFile(file: string, folders: readonly string[]): Buffer {
  return readRegularFile(file, {
    maxBytes,
    // where a path leads may change until it is opened
    check: (_, descriptor) => {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`);
      if (folders.some((folder) => path.startsWith(`${folder}${sep}`))) return;
      throw new BuildError(
        `${shortPath(file)} is not read: it is in none of ${folders.map(shortPath).join(', ')}`,
      );
    },
  });
}
