// SPDX-License-Identifier: Apache-2.0
// What a configuration grants to bundles, also to those that were read under another one.
import { basename } from 'node:path';

import { AgentError } from '../errors.ts';
import type { Grants } from '../registry/grants.ts';
import type { Place } from './bundle-places.ts';
import { regranted } from './bundle.ts';
import type { Bundle } from './bundle.ts';
import type { UsableBundle } from './loading-worker.ts';
import type { PulledBundles } from './pulled-bundles.ts';

export interface GrantingParts {
  /** Grants of a bundle with this name in a bundle folder. */
  readonly allowedTo: (name: string) => Grants;
  /** Grants of a pulled bundle with this name and these signers. */
  readonly allowedToSigned: (name: string, signers: readonly string[]) => Grants;
  /** Absent: no registry is allowed. */
  readonly pulled?: PulledBundles;
}

/** @throws AgentError AGENT_BUNDLE_INVALID, and those of `PulledBundles.open` */
export function openedPulled(
  { pulled }: Pick<GrantingParts, 'pulled'>,
  reference: string,
): UsableBundle {
  if (pulled !== undefined) return pulled.open(reference);
  const what = `${reference}: no registry is allowed in the configuration`;
  throw new AgentError('AGENT_BUNDLE_INVALID', what);
}

/** The grants of a bundle in memory; undefined: all that it requests. */
function allowedNow(parts: GrantingParts, { name, origin }: Bundle): Grants | undefined {
  switch (origin.kind) {
    case 'shipped':
    case 'given':
      return undefined;
    case 'found':
      return parts.allowedTo(name);
    case 'pulled':
      return parts.allowedToSigned(name, openedPulled(parts, origin.reference).signers);
  }
}

/** The grants of a bundle in a folder; undefined: all that it requests. */
export function allowedAt(
  { allowedTo }: Pick<GrantingParts, 'allowedTo'>,
  { folder, origin }: Place,
): Grants | undefined {
  return origin.kind === 'found' ? allowedTo(basename(folder)) : undefined;
}

export class PresentGrants {
  readonly #parts: GrantingParts;
  /** Containers with the same bundles share what is made of them. */
  readonly #regranted: WeakMap<Bundle, Bundle> = new WeakMap();

  constructor(parts: GrantingParts) {
    this.#parts = parts;
  }

  /**
   * Looks at who has signed these bundles, outside of the main thread, as far as the store of pulled
   * bundles knows: no registry is asked. It never rejects.
   */
  async prepare(bundles: Iterable<Bundle>): Promise<void> {
    const references = new Set<string>();
    for (const { origin } of bundles) {
      if (origin.kind === 'pulled') references.add(origin.reference);
    }
    const { pulled } = this.#parts;
    await Promise.all([...references].map(async (reference) => pulled?.openStored(reference)));
  }

  /**
   * A bundle in use, with its present grants, looked up once. The signatures of a pulled bundle are
   * checked again, since keys may have changed.
   * @throws AgentError AGENT_GRANT_MISSING, and those of `PulledBundles.open`
   */
  regranted(bundle: Bundle): Bundle {
    const known = this.#regranted.get(bundle);
    if (known !== undefined) return known;
    const made = regranted(bundle, allowedNow(this.#parts, bundle));
    this.#regranted.set(bundle, made);
    return made;
  }
}
