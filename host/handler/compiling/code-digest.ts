// SPDX-License-Identifier: Apache-2.0
// Tells code apart by all of its bytes: what is known of some must not be said of others, whose other
// header or data may make them valid, or not.
import { createHash } from 'node:crypto';

/** Hex sha256. @param modules as they are compiled */
export function codeDigest(modules: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const module of modules) {
    hash.update(`module ${module.length}\n`);
    hash.update(module);
  }
  return hash.digest('hex');
}
