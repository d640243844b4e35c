// SPDX-License-Identifier: Apache-2.0
// What takes long about a bundle is done before it is read, while containers go on.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { LoadLimits } from '../handler/outline.ts';
import type { ComponentCache, ComponentTrust } from './component-cache.ts';
import { parseManifest } from './manifest.ts';

export interface PreparingParts {
  readonly components: ComponentCache;
  readonly limits: LoadLimits;
  readonly trust: ComponentTrust;
  /** bundle.json, where it was compared with a digest; absent: it is read from the folder. */
  readonly text?: string;
}

/** Whatever is wrong is told by who reads the bundle. */
function orNothing<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/**
 * Finds out whether the code of a bundle can be compiled, and how it is linked. It never rejects.
 * @returns undefined: that is known
 */
export function prepareBundle(folder: string, parts: PreparingParts): Promise<void> | undefined {
  const file = join(folder, 'bundle.json');
  const { text = orNothing(() => readFileSync(file, 'utf8')) ?? '', components, ...rest } = parts;
  const handlers = orNothing(() => parseManifest(text, file))?.handlers ?? [];
  const preparing = { ...rest, bundle: folder };
  const waits = handlers.flatMap(
    ({ component }) =>
      orNothing(() => components.prepare(join(folder, component), preparing)) ?? [],
  );
  return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
}
