// SPDX-License-Identifier: Apache-2.0
// Tells code apart by what compilers see of it: handlers in TypeScript differ in the data that their
// QuickJS begins with.
import { createHash } from 'node:crypto';

import { BinaryReader } from '../binary-reader.ts';

const headerSize = 8;
const data = 11;

/** Hex sha256. @param modules without custom sections */
export function codeDigest(modules: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const module of modules) {
    const reader = new BinaryReader(module, headerSize);
    hash.update('module');
    while (!reader.isAtEnd) {
      const { id, content } = reader.section();
      if (id === data) continue;
      hash.update(`section ${id} ${content.remaining}\n`);
      hash.update(content.bytes(content.remaining));
    }
  }
  return hash.digest('hex');
}
