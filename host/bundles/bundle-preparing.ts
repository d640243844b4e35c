// SPDX-License-Identifier: Apache-2.0
// Slow work on a bundle, done before it is read, while containers continue.
import type { Askers } from '../scheduling/asker.ts';
import type { LoadLimits } from '../handler/outline.ts';
import { distinctComponents } from './bundle-folder.ts';
import type { Manifests } from './bundle-folder.ts';
import { componentFileOf } from './bundle.ts';
import type { ComponentCache } from './component-cache.ts';
import type { ComponentTrust } from './component-loader.ts';

export interface PreparingParts {
  readonly askers: Askers;
  readonly components: ComponentCache;
  readonly manifests: Manifests;
  readonly limits: LoadLimits;
  readonly trust: ComponentTrust;
  /** bundle.json, where it was compared with a digest; absent: it is read from the folder. */
  readonly text?: string;
}

/** Faults are told by the reader of the bundle. */
function orNothing<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/**
 * Reads and compiles the components of a bundle. It never rejects.
 * @returns undefined: all of them are known
 */
export function prepareBundle(folder: string, parts: PreparingParts): Promise<void> | undefined {
  const { text, components, manifests, limits, trust, askers } = parts;
  const manifest = orNothing(() => manifests.read(folder, text));
  const handlers = manifest === undefined ? [] : distinctComponents(manifest);
  const waits = handlers.flatMap((handler) => {
    const prepare = (): Promise<void> | undefined =>
      // its memory is part of the code that is tried
      components.prepare(componentFileOf(handler, { folder, limits, trust }), askers);
    return orNothing(prepare) ?? [];
  });
  return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
}
