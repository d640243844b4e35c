// SPDX-License-Identifier: Apache-2.0
// The bundles that the agent knows, each read once.
import { basename } from 'node:path';

import { AgentError, isPassing } from '../errors.ts';
import { noGrants } from '../registry/grants.ts';
import { operator } from '../scheduling/asker.ts';
import { begunInTurns, inTurns } from '../scheduling/in-turns.ts';
import { Manifests } from './bundle-folder.ts';
import { bundleFolders, BundlePlaces, givenPlace, keyOf, shippedPlace } from './bundle-places.ts';
import type { Place } from './bundle-places.ts';
import { BundlePreparation, pulledKey } from './bundle-preparation.ts';
import { defaultBundleLimits, readBundle, regranted } from './bundle.ts';
import type { Bundle, BundleLimits, BundleReading } from './bundle.ts';
import type { CodeSize } from './code-room.ts';
import { ComponentCache } from './component-cache.ts';
import { LoadedBundles } from './loaded-bundles.ts';
import type { KnownBundle } from './loaded-bundles.ts';
import { folderName } from './manifest.ts';
import { isReference } from './oci/reference.ts';
import { allowedAt, openedPulled, PresentGrants } from './present-grants.ts';
import type { GrantingParts } from './present-grants.ts';
import type { Asking } from './pulled-bundles.ts';
import { RefusedBundles } from './refused-bundles.ts';

export interface BundleStoreParts extends GrantingParts {
  readonly folders: readonly string[];
  readonly limits: BundleLimits;
  /** The file of these grants, for messages. */
  readonly configFile?: string;
  /** Limit of the machine code of all bundles; absent: the agent's share. */
  readonly maxCodeBytes?: number;
  /** Time for which prepared bundles are kept; absent: a second. */
  readonly awaitedForMs?: number;
}

function refuse(what: string): never {
  throw new AgentError('AGENT_BUNDLE_INVALID', what);
}

/** State that a store hands on to its successor. */
interface Inherited {
  /** Bundles of the command line. */
  readonly chosen?: ReadonlySet<string>;
  readonly manifests?: Manifests;
}

/** The failure of work on one bundle, so that work on other bundles continues; undefined: none. */
function failureAt({ folder }: Place, work: () => void): AgentError | undefined {
  try {
    work();
    return undefined;
  } catch (cause) {
    if (cause instanceof AgentError) return cause;
    return new AgentError('AGENT_BUNDLE_INVALID', `${folder}: cannot be read`, { cause });
  }
}

export class BundleStore {
  readonly #parts: BundleStoreParts;
  readonly #components: ComponentCache;
  readonly #loaded: LoadedBundles;
  readonly #places: BundlePlaces;
  /** Parts that reading any bundle takes. */
  readonly #common: Pick<BundleReading, 'limits' | 'components' | 'manifests'>;
  readonly #preparation: BundlePreparation;
  readonly #refused: RefusedBundles;
  /** Bundles whose grants were withdrawn, until the next reload. */
  readonly #revoked: Map<string, AgentError> = new Map();
  #isRenewed = false;
  /** Bundles that keep their loaded version because the new one could not be checked. */
  readonly #unknown: Set<string> = new Set();
  /** Includes folders that stopped being bundles, or were none before. */
  readonly #manifests: Manifests;

  constructor(
    parts: Partial<BundleStoreParts> = {},
    components: ComponentCache = new ComponentCache(),
    { chosen = new Set(), manifests = new Manifests() }: Inherited = {},
  ) {
    this.#parts = {
      folders: bundleFolders,
      limits: defaultBundleLimits,
      allowedTo: () => noGrants,
      allowedToSigned: () => noGrants,
      ...parts,
    };
    const { folders, limits, pulled, maxCodeBytes, awaitedForMs } = this.#parts;
    this.#components = components;
    this.#manifests = manifests;
    this.#common = { limits, components, manifests };
    const loaded = new LoadedBundles({ components, chosen, maxCodeBytes, awaitedForMs });
    this.#loaded = loaded;
    components.checkRoom = (file) => {
      loaded.makeRoom(file);
    };
    this.#places = new BundlePlaces(folders, (key) => loaded.bundles.has(key));
    this.#refused = new RefusedBundles((files) => {
      components.forget(files);
    });
    this.#preparation = new BundlePreparation({
      ...this.#common,
      places: this.#places,
      loaded,
      pulled,
      isRefused: (key) => this.#refused.isRefused(key, ({ wanted }) => loaded.canHaveRoom(wanted)),
      read: (place) => this.#read(place),
      readPulled: (reference) => this.#pulledAs(reference),
    });
  }

  /**
   * A store with the present files and grants, once all bundles are prepared. A bundle that fails to
   * load keeps its loaded version, with its present grants, and is gone if these are not enough. Pulled
   * bundles are opened again at their next use, and so are unused ones if there is no room for both
   * versions.
   * @param onFailure is given the failure of each bundle that failed to load
   * @param parts that have changed
   */
  async renewed(
    onFailure: (failure: AgentError) => void,
    parts: Partial<BundleStoreParts> = {},
  ): Promise<BundleStore> {
    if (this.#loaded.isHalfFull) this.#loaded.forget(this.#loaded.unused());
    const next = this.#successor(parts);
    await next.#readAgain(this.#loaded.bundles, onFailure);
    return next;
  }

  /** As `renewed`, only for bundles whose components could not be checked before. */
  async retried(onFailure: (failure: AgentError) => void): Promise<BundleStore> {
    const next = this.#successor();
    for (const [key, pulled] of this.#loaded.pulled) next.#loaded.pulled.set(key, pulled);
    for (const [key, failure] of this.#revoked) next.#revoked.set(key, failure);
    const again = new Map<string, KnownBundle>();
    for (const [key, known] of this.#loaded.bundles) {
      (this.#unknown.has(key) ? again : next.#loaded.bundles).set(key, known);
    }
    await next.#readAgain(again, onFailure);
    return next;
  }

  #successor(parts: Partial<BundleStoreParts> = {}): BundleStore {
    const next = new BundleStore({ ...this.#parts, ...parts }, this.#components, {
      chosen: this.#loaded.chosen,
      manifests: this.#manifests,
    });
    next.#isRenewed = true;
    return next;
  }

  async #readAgain(
    bundles: ReadonlyMap<string, KnownBundle>,
    onFailure: (failure: AgentError) => void,
  ): Promise<void> {
    await this.#loaded.awaiting([...bundles.keys()], async () =>
      begunInTurns([...bundles.values()], async (known) =>
        this.#preparation.preparePlace(known, operator),
      ),
    );
    await inTurns([...bundles], ([key, known]) => {
      const failure = failureAt(known, () => {
        this.#read(known);
      });
      if (failure === undefined) return;
      onFailure(failure);
      if (isPassing(failure)) this.#unknown.add(key);
      this.#keep(key, known);
    });
  }

  /** Whether `retried` may find out more. */
  get hasUnknown(): boolean {
    return this.#unknown.size > 0;
  }

  /** Containers may still use bundles of the store before. */
  get isRenewed(): boolean {
    return this.#isRenewed;
  }

  /** A built-in bundle. @throws AgentError AGENT_BUNDLE_INVALID */
  shipped(name: string): Bundle {
    return this.#read(shippedPlace(name));
  }

  /**
   * A bundle of the command line, by name, folder or reference.
   * @throws AgentError AGENT_BUNDLE_INVALID
   */
  referred(reference: string): Bundle {
    if (reference.startsWith('oci:')) return this.named(reference);
    if (folderName.test(reference)) {
      this.folderOf(reference);
      return this.named(reference);
    }
    return this.#read(givenPlace(reference));
  }

  /**
   * A bundle by name or reference. A name is never a path: metadata selects among the operator's bundles.
   * @throws AgentError AGENT_BUNDLE_INVALID
   */
  named(name: string): Bundle {
    if (isReference(name)) return this.#pulledAs(name);
    if (!folderName.test(name)) refuse(`"${name.slice(0, 100)}" is not a valid bundle name`);
    const bundle = this.#read(this.#places.find(name));
    if (bundle.name === name) return bundle;
    // grants are given to names
    return refuse(`folder "${name}" has a bundle named "${bundle.name}": both names must be equal`);
  }

  /** As `BundlePlaces.folderOf`. */
  folderOf(name: string): string {
    return this.#places.folderOf(name);
  }

  /**
   * Pulls and reads the named bundles that are not in memory. Never rejects: `named` and `referred`
   * throw the errors.
   * @returns undefined: all are in memory
   */
  prepare(names: readonly string[], asking: Asking = operator): Promise<void> | undefined {
    return this.#preparation.prepare(names, asking);
  }

  /** As `prepare`, for the bundles of the command line. */
  prepareReferred(references: readonly string[]): Promise<void> | undefined {
    return this.#preparation.prepareReferred(references);
  }

  /**
   * Whether one more container of an owner may use these components: each owner has a share.
   * @throws AgentError AGENT_BUNDLE_ROOM
   */
  checkPart(wanted: readonly CodeSize[], owner: string): void {
    this.#loaded.checkPart(wanted, owner);
  }

  /** @param keptForMs bundles read since then stay: a container may wait for others of its own */
  forgetUnused(keptForMs = 0): void {
    this.#loaded.forgetUnused(keptForMs);
  }

  /** Pulled bundles that containers use, or are about to, stay in the store on the disk. */
  noteUse(): void {
    for (const reference of this.#loaded.pulledInUse()) this.#parts.pulled?.noteUse(reference);
  }

  /** As `PresentGrants.regranted`. */
  regranted(bundle: Bundle): Bundle {
    return new PresentGrants(this.#parts).regranted(bundle);
  }

  #pulledAs(reference: string): Bundle {
    const key = pulledKey(reference);
    const known = this.#loaded.pulled.get(key);
    if (known !== undefined) return known.bundle;
    const { folder, outline, signers, text } = openedPulled(this.#parts, reference);
    const bundle = this.#refused.unlessRefused(key, {
      name: outline.name,
      files: this.#manifests.filesOf(folder, text),
      read: () =>
        readBundle(folder, {
          ...this.#common,
          origin: { kind: 'pulled', reference, signers },
          text,
          allowed: this.#parts.allowedToSigned(outline.name, signers),
        }),
    });
    this.#loaded.pulled.set(key, { bundle, readMs: performance.now() });
    return bundle;
  }

  /** Keeps the loaded version, if its present grants are enough. */
  #keep(key: string, known: KnownBundle): void {
    const failure = failureAt(known, () => {
      const bundle = regranted(known.bundle, allowedAt(this.#parts, known));
      this.#loaded.bundles.set(key, { ...known, bundle });
    });
    if (failure !== undefined) this.#revoked.set(key, failure);
  }

  #read({ folder, origin }: Place): Bundle {
    const key = keyOf({ folder, origin });
    const known = this.#loaded.bundles.get(key);
    if (known !== undefined) return known.bundle;
    const revoked = this.#revoked.get(key);
    if (revoked !== undefined) throw revoked;
    const allowed = allowedAt(this.#parts, { folder, origin });
    const allowedBy = this.#parts.configFile ?? 'the configuration';
    const bundle = this.#refused.unlessRefused(key, {
      name: basename(folder),
      files: this.#manifests.filesOf(folder),
      read: () =>
        readBundle(folder, {
          ...this.#common,
          origin,
          ...(allowed === undefined ? {} : { allowed, allowedBy }),
        }),
    });
    this.#loaded.bundles.set(key, { folder, origin, bundle });
    return bundle;
  }
}
