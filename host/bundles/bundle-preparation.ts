// SPDX-License-Identifier: Apache-2.0
// Preparation of bundles before they are used: pulling, and compiling outside of the main thread.
import { operator } from '../scheduling/asker.ts';
import type { Askers } from '../scheduling/asker.ts';
import { SharedWork } from '../scheduling/shared-work.ts';
import type { Manifests } from './bundle-folder.ts';
import { givenPlace, keyOf } from './bundle-places.ts';
import type { BundlePlaces, Place } from './bundle-places.ts';
import { prepareBundle } from './bundle-preparing.ts';
import { trustIn } from './bundle.ts';
import type { BundleLimits, BundleOrigin } from './bundle.ts';
import type { ComponentCache } from './component-cache.ts';
import type { LoadedBundles } from './loaded-bundles.ts';
import { folderName } from './manifest.ts';
import { isReference, parseDigestReference } from './oci/reference.ts';
import { whoseOf } from './pulled-bundles.ts';
import type { Asking, PulledBundles } from './pulled-bundles.ts';

/** A bundle that was prepared may have been dropped before its last component is ready. */
const maxRounds = 3;

/** The steps of preparing and reading one bundle. */
interface SoonRead {
  readonly askers: Askers;
  readonly begin: () => Promise<void> | undefined;
  readonly read: () => unknown;
}

/** @throws AgentError AGENT_REFERENCE */
export function pulledKey(reference: string): string {
  const { host, digest } = parseDigestReference(reference);
  return `${host} ${digest}`;
}

/** @returns undefined: nothing to wait for */
function together(waits: readonly (Promise<void> | undefined)[]): Promise<void> | undefined {
  const left = waits.filter((wait) => wait !== undefined);
  return left.length === 0 ? undefined : Promise.all(left).then(() => undefined);
}

/** Drops the error: the reader of the bundle gets it again. */
function orNothing<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

export interface BundlePreparationParts {
  readonly components: ComponentCache;
  readonly manifests: Manifests;
  readonly limits: BundleLimits;
  readonly places: BundlePlaces;
  readonly loaded: LoadedBundles;
  readonly pulled: PulledBundles | undefined;
  readonly isRefused: (key: string) => boolean;
  readonly read: (place: Place) => unknown;
  readonly readPulled: (reference: string) => unknown;
}

export class BundlePreparation {
  readonly #parts: BundlePreparationParts;
  readonly #loaded: LoadedBundles;
  /** Many containers may start with the same bundle at once. */
  readonly #preparing = new SharedWork();

  constructor(parts: BundlePreparationParts) {
    this.#parts = parts;
    this.#loaded = parts.loaded;
  }

  /**
   * Pulls and reads the named bundles that are not in memory. Never rejects: the store throws the
   * errors when it is asked for these bundles.
   * @returns undefined: all are in memory
   */
  prepare(names: readonly string[], asking: Asking = operator): Promise<void> | undefined {
    return this.#loaded.awaiting(
      names.flatMap((name) => this.#keyNamed(name) ?? []),
      () => together(names.map((name) => this.#preparation(name, asking))),
    );
  }

  /** As `prepare`, for the bundles of the command line. */
  prepareReferred(references: readonly string[]): Promise<void> | undefined {
    for (const reference of references) {
      const key = this.#keyNamed(reference);
      if (key !== undefined) this.#loaded.chosen.add(key);
    }
    return together(
      references.map((reference) =>
        isReference(reference) || folderName.test(reference)
          ? this.#preparation(reference, operator)
          : this.preparePlace(givenPlace(reference), operator),
      ),
    );
  }

  /** @returns undefined: no bundle of this name, or a bundle given by folder, which stays in memory */
  #keyNamed(name: string): string | undefined {
    if (isReference(name)) return orNothing(() => pulledKey(name));
    const place = folderName.test(name) ? this.#parts.places.placeOf(name) : undefined;
    return place && keyOf(place);
  }

  #preparation(name: string, asking: Asking): Promise<void> | undefined {
    const { pulled } = this.#parts;
    if (isReference(name)) {
      return pulled === undefined ? undefined : this.#preparePulled(name, pulled, asking);
    }
    const place = folderName.test(name) ? this.#parts.places.placeOf(name) : undefined;
    return place === undefined ? undefined : this.preparePlace(place, asking);
  }

  preparePlace(place: Place, asking: Asking): Promise<void> | undefined {
    const key = keyOf(place);
    if (this.#loaded.bundles.has(key) || this.#parts.isRefused(key)) return undefined;
    return this.#preparing.take(key, asking, (askers) => {
      const begin = this.#beginning(place, askers);
      const begun = begin();
      if (begun === undefined) return undefined;
      return this.#readSoon(begun, { askers, begin, read: () => this.#parts.read(place) });
    });
  }

  #beginning(
    { folder, origin }: Place,
    askers: Askers,
    text?: string,
  ): () => Promise<void> | undefined {
    const { components, manifests, limits } = this.#parts;
    const parts = { components, manifests, limits, askers };
    const trust = trustIn(origin.kind);
    return () =>
      prepareBundle(folder, { ...parts, trust, ...(text === undefined ? {} : { text }) });
  }

  /** Reads the bundle as soon as it is compiled, since its components are not held until then. */
  async #readSoon(
    begun: Promise<void> | undefined,
    { askers, begin, read }: SoonRead,
  ): Promise<void> {
    let wait = begun;
    for (let round = 1; wait !== undefined && round <= maxRounds; round += 1) {
      await wait;
      if (!askers.areWaiting) return;
      wait = begin();
    }
    orNothing(read);
  }

  #preparePulled(
    reference: string,
    pulled: PulledBundles,
    asking: Asking,
  ): Promise<void> | undefined {
    const key = orNothing(() => pulledKey(reference));
    if (key === undefined || this.#loaded.pulled.has(key)) return undefined;
    if (this.#parts.isRefused(key) && pulled.isOpen(reference)) return undefined;
    return this.#preparing.take(`${whoseOf(asking)} ${reference}`, asking, async (askers) => {
      await pulled.prepare(reference, asking, askers);
      if (!pulled.isOpen(reference)) return;
      const { folder, signers, text } = pulled.open(reference);
      const origin: BundleOrigin = { kind: 'pulled', reference, signers };
      const begin = this.#beginning({ folder, origin }, askers, text);
      await this.#readSoon(begin(), {
        askers,
        begin,
        read: () => this.#parts.readPulled(reference),
      });
    });
  }
}
