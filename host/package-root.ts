// SPDX-License-Identifier: Apache-2.0
// Folder of this package's files, whether it runs from its sources or compiled.
import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Not `existsSync`: threads ask before `beginThread`. */
function isRoot(folder: string): boolean {
  return statSync(join(folder, 'package.json'), { throwIfNoEntry: false }) !== undefined;
}

/** The folder of our package.json. */
export function packageRoot(): string {
  let folder = import.meta.dirname;
  while (!isRoot(folder)) folder = dirname(folder);
  return folder;
}

export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown';
}

/** The folder of the shipped handler bundles. */
export function shippedBundles(): string {
  return join(packageRoot(), 'dist/handlers-wasm');
}
