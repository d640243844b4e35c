// SPDX-License-Identifier: Apache-2.0
// Handlers that only tests use, built from test/fixtures/handlers beside the shipped ones.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { buildBundles } from '../../guest-sdk/build/bundles.ts';

const root = join(import.meta.dirname, '../..');
const out = join(root, 'build/test-bundles');

/** Where a built test bundle is. */
export function testBundle(name: string): string {
  return join(out, name);
}

/** Everything that decides what the built components are. */
const sources = [
  'handlers-wasm',
  'test/fixtures/handlers',
  'guest-sdk',
  'host/syscalls/syscall-table.ts',
  'host/registry',
  'package-lock.json',
];

function addToHash(hash: ReturnType<typeof createHash>, path: string): void {
  const entries = path.includes('node_modules') ? [] : entriesOf(path);
  if (entries === undefined) hash.update(`${path}\0`).update(readFileSync(join(root, path)));
  else for (const name of entries) addToHash(hash, join(path, name));
}

function entriesOf(path: string): readonly string[] | undefined {
  try {
    return readdirSync(join(root, path)).toSorted();
  } catch {
    return undefined;
  }
}

/** Builds all of them, unless they were built from the same sources; called before the tests. */
export async function buildTestBundles(): Promise<void> {
  const hash = createHash('sha256');
  for (const path of sources) addToHash(hash, path);
  const wanted = hash.digest('hex');
  const stamp = join(root, 'build/test-bundles.sha256');
  const found = await readFile(stamp, 'utf8').catch(() => '');
  if (found === wanted) return;
  await rm(stamp, { force: true });
  await build();
  await writeFile(stamp, wanted);
}

async function build(): Promise<void> {
  await mkdir(join(root, 'build'), { recursive: true });
  // bundles may use the shipped handlers, which have to stand beside them for that
  const source = await mkdtemp(join(root, 'build/test-handlers-'));
  try {
    await cp(join(root, 'handlers-wasm'), source, { recursive: true });
    await cp(join(root, 'test/fixtures/handlers'), source, { recursive: true });
    await buildBundles({ source, out });
  } finally {
    await rm(source, { recursive: true });
  }
}
