// SPDX-License-Identifier: Apache-2.0
// Handlers that only tests use, built from test/fixtures/handlers beside the shipped ones.
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { buildBundles } from '../../guest-sdk/build/bundles.ts';

const root = join(import.meta.dirname, '../..');
const out = join(root, 'build/test-bundles');

/** Where a built test bundle is. */
export function testBundle(name: string): string {
  return join(out, name);
}

/** Builds all of them; called once, before the tests. */
export async function buildTestBundles(): Promise<void> {
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
