// SPDX-License-Identifier: Apache-2.0
// Whether files are still what they were when something was found out about them.
import { statSync } from 'node:fs';

import { systemCodeOf } from '../errors.ts';

function identityOf(file: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(':');
  } catch (thrown) {
    return systemCodeOf(thrown) ?? 'unknown';
  }
}

/** Differs when one of them is another file, was written to, or cannot be looked at any more. */
export function identityOfAll(files: readonly string[]): string {
  return files.map((file) => identityOf(file)).join(' ');
}
