// SPDX-License-Identifier: Apache-2.0
// How messages name a file or a folder.

import { relative } from 'node:path';

/** Relative to the working directory if it is in there. */
export function shortPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short || '.';
}
