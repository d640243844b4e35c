// SPDX-License-Identifier: Apache-2.0
// The bundles that the agent knows: found by their names in folders, each read once.
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

import { AgentError, isPassing } from '../errors.ts';
import { identityOfAll } from '../files/file-identity.ts';
import { operator } from '../scheduling/asker.ts';
import type { Askers } from '../scheduling/asker.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import { SharedWork } from '../scheduling/shared-work.ts';
import { begunInTurns, inTurns } from '../scheduling/in-turns.ts';
import { shippedBundles } from '../package-root.ts';
import { choicesAt } from '../text/did-you-mean.ts';
import { Manifests } from './bundle-folder.ts';
import { prepareBundle } from './bundle-preparing.ts';
import { defaultBundleLimits, readBundle, regranted, trustIn } from './bundle.ts';
import type { Bundle, BundleLimits, BundleOrigin } from './bundle.ts';
import { checkPart, codeBytesOf, mostOfAll, NoRoom, noRoomIn } from './code-room.ts';
import type { CodeSize } from './code-room.ts';
import { ComponentCache } from './component-cache.ts';
import { grantedTogether, noGrants } from '../registry/grants.ts';
import type { Grants, GrantSource } from '../registry/grants.ts';
import { folderName } from './manifest.ts';
import type { UsableBundle } from './loading-worker.ts';
import { isReference, parseDigestReference } from './oci/reference.ts';
import { whoseOf } from './pulled-bundles.ts';
import type { Asking, PulledBundles } from './pulled-bundles.ts';

/** Where operators and packages put bundles; those before go before. */
export const bundleFolders: readonly string[] = [
  '/etc/seccompagent/bundles',
  '/usr/share/seccompagent/bundles',
];

/** Of those in a folder that may be found by their names; none where it cannot be read. */
export function bundleNamesIn(folder: string): readonly string[] {
  return namesIn(folder)
    .toSorted()
    .filter((name) => folderName.test(name) && existsSync(join(folder, name, 'bundle.json')));
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** What is not named is allowed nothing. */
export function allowedToBundles(bundles: ReadonlyMap<string, Grants>): (name: string) => Grants {
  return (name) => bundles.get(name) ?? noGrants;
}

/** What the operator says of a name. */
export interface BundleEntry extends Grants {
  /** It also holds for a pulled bundle that one of them has signed: anybody may give it that name. */
  readonly signers?: readonly string[];
}

/**
 * What is said of the bundle itself, for these signers, and of those who have signed it.
 * @returns a function that throws AgentError AGENT_GRANT_MISSING where these do not agree
 */
export function allowedToSignedBundles(
  bundles: ReadonlyMap<string, BundleEntry>,
  signers: readonly { readonly name: string; readonly grants: Grants }[],
): BundleStoreParts['allowedToSigned'] {
  return (name, signedBy) => {
    const entry = bundles.get(name);
    const own = entry?.signers?.some((signer) => signedBy.includes(signer)) ? entry : undefined;
    const given = signers.filter((signer) => signedBy.includes(signer.name));
    return grantedTogether([
      ...(own === undefined ? [] : [entrySource(name, own)]),
      ...given.map(signerSource),
    ]);
  };
}

function entrySource(name: string, grants: Grants): GrantSource {
  return { name: `the entry of the bundle "${name}"`, grants };
}

function signerSource({ name, grants }: GrantSource): GrantSource {
  return { name: `the signer "${name}"`, grants };
}

export interface BundleStoreParts {
  readonly folders: readonly string[];
  readonly limits: BundleLimits;
  /** What the operator allows to a bundle of this name that is found in a folder. */
  readonly allowedTo: (name: string) => Grants;
  /** The file that says so. */
  readonly configFile?: string;
  /** What the operator allows to a pulled bundle of this name that these have signed. */
  readonly allowedToSigned: (name: string, signers: readonly string[]) => Grants;
  /** Absent: no registry is allowed. */
  readonly pulled?: PulledBundles;
  /** Of the machine code of all bundles; absent: what the agent may have of it. */
  readonly mostCodeBytes?: number;
  /** For which bundles stay at hand once all that were prepared with them are there; absent: a second. */
  readonly awaitedForMs?: number;
}

interface Place {
  readonly folder: string;
  readonly origin: BundleOrigin;
}

function refuse(what: string): never {
  throw new AgentError('AGENT_BUNDLE_INVALID', what);
}

const shipped: BundleOrigin = { kind: 'shipped' };

interface KnownBundle extends Place {
  readonly bundle: Bundle;
}

interface PulledBundle {
  readonly bundle: Bundle;
  /** When it was read, as `performance.now` says. */
  readonly readMs: number;
}

/** Why a bundle cannot be read, as long as its files stay what they are. */
interface Refusal {
  readonly files: readonly string[];
  readonly identity: string;
  readonly failure: AgentError;
}

/** One that nobody has read, or not as it is now. */
interface BundleToRead {
  readonly name: string;
  readonly files: readonly string[];
  readonly read: () => Bundle;
}

const mostRefusals = 1024;
/** Who has waited for bundles may have to wait for something else, too, before it asks for them. */
const awaitedForMs = 1000;
/** Those that were prepared may have been forgotten when the last component is. */
const mostRounds = 3;

/** How a bundle is prepared, and then read. */
interface SoonRead {
  readonly askers: Askers;
  readonly begin: () => Promise<void> | undefined;
  readonly read: () => unknown;
}

/** Who is trusted with a bundle depends on how it was found, not only on where. */
function keyOf({ folder, origin }: Place): string {
  return `${origin.kind} ${folder}`;
}

/** @throws AgentError AGENT_REFERENCE */
function pulledKey(reference: string): string {
  const { host, digest } = parseDigestReference(reference);
  return `${host} ${digest}`;
}

function givenPlace(reference: string): Place {
  return { folder: resolve(reference), origin: { kind: 'given' } };
}

function componentsOf({ handlers }: Bundle): readonly LoadedComponent[] {
  return handlers.map(({ component }) => component);
}

/** @returns undefined: nothing is to be waited for */
function together(waits: readonly (Promise<void> | undefined)[]): Promise<void> | undefined {
  const left = waits.filter((wait) => wait !== undefined);
  return left.length === 0 ? undefined : Promise.all(left).then(() => undefined);
}

/** What is wrong is for those to hear who ask for it. */
function orNothing<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/**
 * Of one bundle: whatever it is, the others go on.
 * @returns undefined when there is none
 */
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
  readonly #bundles: Map<string, KnownBundle> = new Map();
  /** Those that are not granted any more what they need, until they are looked at anew. */
  readonly #revoked: Map<string, AgentError> = new Map();
  #isRenewed = false;
  /** Those that stay what they were, since nobody knows whether they can be used as they are now. */
  readonly #unknown: Set<string> = new Set();
  /** Those that the command line names: nobody waits for them before they are asked for. */
  readonly #chosen: Set<string>;
  /** Those that are prepared, each with all that are prepared with it. */
  readonly #awaited: Set<readonly string[]> = new Set();
  /** By host and digest: what else a reference says is up to who writes it. */
  readonly #pulled: Map<string, PulledBundle> = new Map();
  /** Those that are prepared: many containers may start with the same bundle at once. */
  readonly #preparing = new SharedWork();
  /** Also of those that are no bundles any more, or were none before. */
  #manifests = new Manifests();
  /** Whoever starts containers may have them try again and again. */
  readonly #refusals: Map<string, Refusal> = new Map();

  constructor(
    parts: Partial<BundleStoreParts> = {},
    components: ComponentCache = new ComponentCache(),
    chosen: ReadonlySet<string> = new Set(),
  ) {
    this.#chosen = new Set(chosen);
    this.#parts = {
      folders: bundleFolders,
      limits: defaultBundleLimits,
      allowedTo: () => noGrants,
      allowedToSigned: () => noGrants,
      ...parts,
    };
    this.#components = components;
    components.checkRoom = (file) => {
      this.#makeRoom(file);
    };
  }

  /**
   * What the files and the operator say now, once all is prepared. A bundle that cannot be read any
   * more is what it was, but for its grants, and is gone where it is not granted what it needs. Those
   * of registries are opened anew when somebody asks for them, and so are those that no container has
   * where there is no room for them as they were and as they are now.
   * @param onFailure told why, for each of those
   * @param parts that have changed
   */
  async renewed(
    onFailure: (failure: AgentError) => void,
    parts: Partial<BundleStoreParts> = {},
  ): Promise<BundleStore> {
    if (2 * codeBytesOf(this.#held()) > this.#mostCodeBytes) this.#forget(this.#unused());
    const next = this.#successor(parts);
    await next.#readAgain(this.#bundles, onFailure);
    return next;
  }

  /** The same, but for those of which nobody knew whether they can be used: they are read again. */
  async retried(onFailure: (failure: AgentError) => void): Promise<BundleStore> {
    const next = this.#successor();
    for (const [key, pulled] of this.#pulled) next.#pulled.set(key, pulled);
    for (const [key, failure] of this.#revoked) next.#revoked.set(key, failure);
    const again = new Map<string, KnownBundle>();
    for (const [key, known] of this.#bundles) {
      (this.#unknown.has(key) ? again : next.#bundles).set(key, known);
    }
    await next.#readAgain(again, onFailure);
    return next;
  }

  #successor(parts: Partial<BundleStoreParts> = {}): BundleStore {
    const next = new BundleStore({ ...this.#parts, ...parts }, this.#components, this.#chosen);
    next.#isRenewed = true;
    next.#manifests = this.#manifests;
    return next;
  }

  async #readAgain(
    bundles: ReadonlyMap<string, KnownBundle>,
    onFailure: (failure: AgentError) => void,
  ): Promise<void> {
    await this.#awaiting([...bundles.keys()], async () =>
      begunInTurns([...bundles.values()], async (known) => this.#preparePlace(known, operator)),
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

  /** Containers may have what another one has had before. */
  get isRenewed(): boolean {
    return this.#isRenewed;
  }

  /** One of the package's own. @throws AgentError AGENT_BUNDLE_INVALID */
  shipped(name: string): Bundle {
    return this.#read({ folder: join(shippedBundles(), name), origin: shipped });
  }

  /**
   * One that the command line names, or else says where its folder is.
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
   * Of one by its name, for people at a command line: what is wrong says more than containers are told.
   * @throws AgentError AGENT_BUNDLE_INVALID
   */
  folderOf(name: string): string {
    const place = this.#placeOf(name);
    if (place !== undefined) return place.folder;
    if (existsSync(join(name, 'bundle.json'))) {
      return refuse(`${this.#missing(name)} (the folder is ./${name})`);
    }
    const folders = [...this.#parts.folders, shippedBundles()];
    const known = [...new Set(folders.flatMap((folder) => bundleNamesIn(folder)))].toSorted();
    return refuse(`${this.#missing(name)}${choicesAt(name, known, 'Bundles')}`);
  }

  /**
   * One by its name. It is never a path: whoever writes metadata chooses among the operator's.
   * @throws AgentError AGENT_BUNDLE_INVALID
   */
  named(name: string): Bundle {
    if (isReference(name)) return this.#pulledAs(name);
    if (!folderName.test(name)) refuse(`"${name.slice(0, 100)}" is no name of a bundle`);
    const bundle = this.#read(this.#find(name));
    if (bundle.name === name) return bundle;
    // what is granted is granted to a name
    return refuse(`the bundle in the folder "${name}" has the name "${bundle.name}"`);
  }

  /**
   * Fetches what is named by a reference and not at hand, and reads what is new. It never rejects:
   * `named` and `referred` say what is wrong.
   * @returns undefined: all is at hand
   */
  prepare(names: readonly string[], asking: Asking = operator): Promise<void> | undefined {
    return this.#awaiting(
      names.flatMap((name) => this.#keyNamed(name) ?? []),
      () => together(names.map((name) => this.#preparation(name, asking))),
    );
  }

  /** As `prepare`, for those that the command line names. */
  prepareReferred(references: readonly string[]): Promise<void> | undefined {
    for (const reference of references) {
      const key = this.#keyNamed(reference);
      if (key !== undefined) this.#chosen.add(key);
    }
    return together(
      references.map((reference) =>
        isReference(reference) || folderName.test(reference)
          ? this.#preparation(reference, operator)
          : this.#preparePlace(givenPlace(reference), operator),
      ),
    );
  }

  /** @returns undefined: there is none of this name, or its folder is given, and it stays at hand */
  #keyNamed(name: string): string | undefined {
    if (isReference(name)) return orNothing(() => pulledKey(name));
    const place = folderName.test(name) ? this.#placeOf(name) : undefined;
    return place && keyOf(place);
  }

  /** Making room for one of these, or for others, leaves all of them until they can be asked for. */
  #awaiting(
    keys: readonly string[],
    begin: () => Promise<void> | undefined,
  ): Promise<void> | undefined {
    this.#awaited.add(keys);
    const done = (): void => {
      const forMs = this.#parts.awaitedForMs ?? awaitedForMs;
      setTimeout(() => this.#awaited.delete(keys), forMs).unref();
    };
    const wait = begin();
    if (wait !== undefined) return wait.finally(done);
    done();
    return undefined;
  }

  #preparation(name: string, asking: Asking): Promise<void> | undefined {
    const { pulled } = this.#parts;
    if (isReference(name)) {
      return pulled === undefined ? undefined : this.#preparePulled(name, pulled, asking);
    }
    const place = folderName.test(name) ? this.#placeOf(name) : undefined;
    return place === undefined ? undefined : this.#preparePlace(place, asking);
  }

  #preparePlace(place: Place, asking: Asking): Promise<void> | undefined {
    const key = keyOf(place);
    if (this.#bundles.has(key) || this.#isRefused(key)) return undefined;
    return this.#preparing.take(key, asking, (askers) => {
      const begin = this.#beginning(place, askers);
      const begun = begin();
      if (begun === undefined) return undefined;
      return this.#readSoon(begun, { askers, begin, read: () => this.#read(place) });
    });
  }

  #beginning(
    { folder, origin }: Place,
    askers: Askers,
    text?: string,
  ): () => Promise<void> | undefined {
    const components = this.#components;
    const parts = { components, manifests: this.#manifests, limits: this.#parts.limits, askers };
    const trust = trustIn(origin.kind);
    return () =>
      prepareBundle(folder, { ...parts, trust, ...(text === undefined ? {} : { text }) });
  }

  /** It is read as soon as it can be: until then nobody has its components. */
  async #readSoon(
    begun: Promise<void> | undefined,
    { askers, begin, read }: SoonRead,
  ): Promise<void> {
    let wait = begun;
    for (let round = 1; wait !== undefined && round <= mostRounds; round += 1) {
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
    if (key === undefined || this.#pulled.has(key)) return undefined;
    if (this.#isRefused(key) && pulled.isOpen(reference)) return undefined;
    return this.#preparing.take(`${whoseOf(asking)} ${reference}`, asking, async (askers) => {
      await pulled.prepare(reference, asking, askers);
      if (!pulled.isOpen(reference)) return;
      const { folder, signers, text } = pulled.open(reference);
      const origin: BundleOrigin = { kind: 'pulled', reference, signers };
      const begin = this.#beginning({ folder, origin }, askers, text);
      await this.#readSoon(begin(), { askers, begin, read: () => this.#pulledAs(reference) });
    });
  }

  /**
   * A bundle that somebody has, with what is granted to it now. One that was pulled is to be proved
   * anew: whose it is depends on keys that may be others now.
   * @throws AgentError AGENT_GRANT_MISSING, and those of `PulledBundles.open`
   */
  regranted(bundle: Bundle): Bundle {
    return regranted(bundle, this.#allowedNow(bundle));
  }

  /** Undefined: what it asks for. */
  #allowedNow({ name, origin }: Bundle): Grants | undefined {
    switch (origin.kind) {
      case 'shipped':
      case 'given':
        return undefined;
      case 'found':
        return this.#parts.allowedTo(name);
      case 'pulled':
        return this.#parts.allowedToSigned(name, this.#opened(origin.reference).signers);
    }
  }

  #opened(reference: string): UsableBundle {
    const { pulled } = this.#parts;
    if (pulled === undefined) refuse(`${reference}: no registry is allowed`);
    return pulled.open(reference);
  }

  #pulledAs(reference: string): Bundle {
    const key = pulledKey(reference);
    const known = this.#pulled.get(key);
    if (known !== undefined) return known.bundle;
    const { limits, allowedToSigned } = this.#parts;
    const { folder, outline, signers, text } = this.#opened(reference);
    const bundle = this.#unlessRefused(key, {
      name: outline.name,
      files: this.#manifests.filesOf(folder, text),
      read: () =>
        readBundle(folder, {
          origin: { kind: 'pulled', reference, signers },
          limits,
          components: this.#components,
          manifests: this.#manifests,
          text,
          allowed: allowedToSigned(outline.name, signers),
        }),
    });
    this.#pulled.set(key, { bundle, readMs: performance.now() });
    return bundle;
  }

  get #mostCodeBytes(): number {
    return this.#parts.mostCodeBytes ?? mostOfAll();
  }

  /**
   * Whether one more container of an owner may have these: others are to have some room, too.
   * @throws AgentError AGENT_BUNDLE_ROOM
   */
  checkPart(wanted: readonly CodeSize[], owner: string): void {
    const components = this.#components;
    const check = (): void => {
      const [used, own] = [components.used(), components.usedBy(owner)];
      checkPart({ used, own, wanted, most: this.#mostCodeBytes });
    };
    try {
      check();
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      components.giveBack();
      check();
    }
  }

  /**
   * Room for the code of a component that was read just now. All that is there counts together, whatever
   * becomes of its bundle; what was read for bundles of which nobody knows yet goes last.
   * @throws NoRoom
   */
  #makeRoom(file: string): void {
    const most = this.#mostCodeBytes;
    if (this.#loadedBytes() <= most) return;
    const folder = dirname(file);
    const wanted = this.#components.loaded
      .filter((loaded) => dirname(loaded.file) === folder)
      .map(({ component }) => component);
    if (!this.#canHaveRoom(wanted)) {
      const bytes = codeBytesOf([...this.#held(this.#unused()), ...wanted]);
      throw new NoRoom({ name: basename(folder), wanted, bytes, most });
    }
    this.#forget(this.#unused());
    this.#forgetOthers(wanted, this.#loadedBytes() - most);
  }

  /** Of all that is in memory. */
  #loadedBytes(): number {
    const read = this.#components.loaded.map(({ component }) => component);
    return codeBytesOf([...this.#held(), ...read]);
  }

  /** What was read for other bundles, which then begin anew, until there are so many bytes less. */
  #forgetOthers(wanted: readonly CodeSize[], bytes: number): void {
    const kept = new Set([...this.#held(), ...wanted].map(({ id }) => id));
    const { loaded } = this.#components;
    const ids = new Set<string>();
    let left = bytes;
    for (const { component } of loaded) {
      const { id, codeBytes } = component;
      if (left <= 0) break;
      if (kept.has(id) || ids.has(id)) continue;
      ids.add(id);
      left -= codeBytes;
    }
    const others = loaded.filter(({ component }) => ids.has(component.id));
    this.#components.forget(new Set(others.map(({ file }) => file)));
  }

  /** Whether there is room for these without what is not in use. */
  #canHaveRoom(wanted: readonly CodeSize[]): boolean {
    const fits = (): boolean =>
      codeBytesOf([...this.#held(this.#unused()), ...wanted]) <= this.#mostCodeBytes;
    if (fits()) return true;
    this.#components.giveBack();
    return fits();
  }

  get #known(): ReadonlyMap<string, { readonly bundle: Bundle }> {
    return new Map<string, { readonly bundle: Bundle }>([...this.#bundles, ...this.#pulled]);
  }

  #held(without: ReadonlySet<string> = new Set()): readonly CodeSize[] {
    const known = [...this.#known].filter(([key]) => !without.has(key));
    const components = known.flatMap(([, { bundle }]) => componentsOf(bundle));
    return [...components, ...this.#components.used()];
  }

  /**
   * Bundles that no container has, and of which none is about to have one: who names them later has
   * them read again. The package's own are few, and those whose folder is given are named once.
   */
  #unused(): ReadonlySet<string> {
    const used = new Set(this.#components.used().map(({ id }) => id));
    const kept = new Set([this.#chosen, ...this.#awaited].flatMap((keys) => [...keys]));
    const unused = [...this.#known].filter(
      ([key, { bundle }]) =>
        !kept.has(key) &&
        ['found', 'pulled'].includes(bundle.origin.kind) &&
        !componentsOf(bundle).some(({ id }) => used.has(id)),
    );
    return new Set(unused.map(([key]) => key));
  }

  #forget(keys: ReadonlySet<string>): void {
    const known = this.#known;
    const handlers = [...keys].flatMap((key) => known.get(key)?.bundle.handlers ?? []);
    for (const key of keys) {
      this.#bundles.delete(key);
      this.#pulled.delete(key);
    }
    this.#components.forget(new Set(handlers.map(({ file }) => file)));
  }

  /**
   * Bundles of registries that no container has, and components of those that were refused. What was
   * found in a folder stays what it was, unless others need the room.
   * @param keptForMs what was read since then stays: a container may wait for others of its own
   */
  forgetUnused(keptForMs = 0): void {
    const untilMs = performance.now() - keptForMs;
    const unused = [...this.#unused()].filter((key) => {
      const { readMs = Infinity } = this.#pulled.get(key) ?? {};
      return readMs <= untilMs;
    });
    this.#forget(new Set(unused));
    this.#components.keepOnly(new Set(this.#held().map(({ id }) => id)), untilMs);
  }

  #find(name: string): Place {
    return this.#placeOf(name) ?? refuse(this.#missing(name));
  }

  #missing(name: string): string {
    return `no bundle "${name}" in ${[...this.#parts.folders, shippedBundles()].join(', ')}`;
  }

  #placeOf(name: string): Place | undefined {
    const found = { kind: 'found' } as const;
    const places: readonly Place[] = [
      ...this.#parts.folders.map((folder) => ({ folder: join(folder, name), origin: found })),
      { folder: join(shippedBundles(), name), origin: shipped },
    ];
    return places.find(
      (candidate) =>
        this.#bundles.has(keyOf(candidate)) || existsSync(join(candidate.folder, 'bundle.json')),
    );
  }

  /** What was read before, if it is granted now what it needs. */
  #keep(key: string, known: KnownBundle): void {
    const failure = failureAt(known, () => {
      const bundle = regranted(known.bundle, this.#allowed(known));
      this.#bundles.set(key, { ...known, bundle });
    });
    if (failure !== undefined) this.#revoked.set(key, failure);
  }

  /** Undefined: what it asks for. */
  #allowed({ folder, origin }: Place): Grants | undefined {
    return origin.kind === 'found' ? this.#parts.allowedTo(basename(folder)) : undefined;
  }

  #read({ folder, origin }: Place): Bundle {
    const key = keyOf({ folder, origin });
    const known = this.#bundles.get(key);
    if (known !== undefined) return known.bundle;
    const revoked = this.#revoked.get(key);
    if (revoked !== undefined) throw revoked;
    const { limits, configFile } = this.#parts;
    const allowed = this.#allowed({ folder, origin });
    const allowedBy = `bundles.${basename(folder)}.grants of ${configFile ?? 'the configuration'}`;
    const bundle = this.#unlessRefused(key, {
      name: basename(folder),
      files: this.#manifests.filesOf(folder),
      read: () =>
        readBundle(folder, {
          origin,
          limits,
          components: this.#components,
          manifests: this.#manifests,
          ...(allowed === undefined ? {} : { allowed, allowedBy }),
        }),
    });
    this.#bundles.set(key, { folder, origin, bundle });
    return bundle;
  }

  /** @throws NoRoom, and what reading throws, also when nothing has changed since it was refused */
  #unlessRefused(key: string, { name, files, read }: BundleToRead): Bundle {
    const refusal = this.#refusalOf(key);
    if (refusal !== undefined) throw refusal;
    const identity = identityOfAll(files);
    try {
      return read();
    } catch (thrown) {
      const failure = noRoomIn(thrown)?.of(name) ?? thrown;
      if (failure instanceof NoRoom || (failure instanceof AgentError && !isPassing(failure))) {
        this.#components.forget(new Set(files));
        this.#refuse(key, { files, identity, failure });
      }
      throw failure;
    }
  }

  #refuse(key: string, refusal: Refusal): void {
    this.#refusals.set(key, refusal);
    const [oldest = ''] = this.#refusals.keys();
    if (this.#refusals.size > mostRefusals) this.#refusals.delete(oldest);
  }

  /** Whether it need not be prepared. */
  #isRefused(key: string): boolean {
    const failure = this.#refusalOf(key);
    if (!(failure instanceof NoRoom) || !this.#canHaveRoom(failure.wanted)) {
      return failure !== undefined;
    }
    // something was given back
    this.#refusals.delete(key);
    return false;
  }

  #refusalOf(key: string): AgentError | undefined {
    const refusal = this.#refusals.get(key);
    if (refusal === undefined) return undefined;
    if (refusal.identity === identityOfAll(refusal.files)) return refusal.failure;
    this.#refusals.delete(key);
    return undefined;
  }
}
