// SPDX-License-Identifier: Apache-2.0
// The bundles in memory, and the room that their machine code takes.
import { basename, dirname } from 'node:path';

import { AgentError } from '../errors.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import type { Bundle } from './bundle.ts';
import type { Place } from './bundle-places.ts';
import { checkPart, codeBytesOf, maxOfAll, NoRoom } from './code-room.ts';
import type { CodeSize } from './code-room.ts';
import type { ComponentCache } from './component-cache.ts';

export interface KnownBundle extends Place {
  readonly bundle: Bundle;
}

interface PulledBundle {
  readonly bundle: Bundle;
  /** The time of reading, of `performance.now`. */
  readonly readMs: number;
}

/** A container that waits for bundles may wait for other things before it uses them. */
const defaultAwaitedForMs = 1000;

export interface LoadedBundlesParts {
  readonly components: ComponentCache;
  /** Bundles of the command line: kept before the first container uses them. */
  readonly chosen: ReadonlySet<string>;
  /** Limit of the machine code of all bundles; absent: the agent's share. */
  readonly maxCodeBytes?: number | undefined;
  /** Time for which prepared bundles are kept; absent: a second. */
  readonly awaitedForMs?: number | undefined;
}

function componentsOf({ handlers }: Bundle): readonly LoadedComponent[] {
  return handlers.map(({ component }) => component);
}

export class LoadedBundles {
  readonly bundles: Map<string, KnownBundle> = new Map();
  /** By host and digest: the rest of a reference is free text. */
  readonly pulled: Map<string, PulledBundle> = new Map();
  readonly chosen: Set<string>;
  readonly #components: ComponentCache;
  readonly #maxBytes: number | undefined;
  readonly #awaitedForMs: number;
  /** Bundles in preparation, each with all that are prepared together with it. */
  readonly #awaited: Set<readonly string[]> = new Set();

  constructor(parts: LoadedBundlesParts) {
    this.#components = parts.components;
    this.chosen = new Set(parts.chosen);
    this.#maxBytes = parts.maxCodeBytes;
    this.#awaitedForMs = parts.awaitedForMs ?? defaultAwaitedForMs;
  }

  /** Keeps these bundles in memory until their container had time to use them. */
  awaiting(
    keys: readonly string[],
    begin: () => Promise<void> | undefined,
  ): Promise<void> | undefined {
    this.#awaited.add(keys);
    const done = (): void => {
      const forMs = this.#awaitedForMs;
      setTimeout(() => this.#awaited.delete(keys), forMs).unref();
    };
    const wait = begin();
    if (wait !== undefined) return wait.finally(done);
    done();
    return undefined;
  }

  get #maxCodeBytes(): number {
    return this.#maxBytes ?? maxOfAll();
  }

  /** Whether old and new versions of all bundles together might have no room. */
  get isHalfFull(): boolean {
    return 2 * codeBytesOf(this.held()) > this.#maxCodeBytes;
  }

  /**
   * Whether one more container of an owner may use these components: each owner has a share.
   * @throws AgentError AGENT_BUNDLE_ROOM
   */
  checkPart(wanted: readonly CodeSize[], owner: string): void {
    const components = this.#components;
    const check = (): void => {
      const [used, own] = [components.used(), components.usedBy(owner)];
      checkPart({ used, own, wanted, max: this.#maxCodeBytes });
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
   * Makes room for the code of a component that was just read: drops unused bundles first, then
   * components of bundles that are not complete yet. All code in memory counts.
   * @throws NoRoom
   */
  makeRoom(file: string): void {
    const max = this.#maxCodeBytes;
    if (this.#loadedBytes() <= max) return;
    const folder = dirname(file);
    const wanted = this.#components.loaded
      .filter((loaded) => dirname(loaded.file) === folder)
      .map(({ component }) => component);
    if (!this.canHaveRoom(wanted)) {
      const bytes = codeBytesOf([...this.held(this.unused()), ...wanted]);
      throw new NoRoom({ name: basename(folder), wanted, bytes, max });
    }
    this.forget(this.unused());
    this.#forgetOthers(wanted, this.#loadedBytes() - max);
  }

  /** Size of all machine code in memory. */
  #loadedBytes(): number {
    const read = this.#components.loaded.map(({ component }) => component);
    return codeBytesOf([...this.held(), ...read]);
  }

  /** Drops components of other incomplete bundles, which start again, until this many bytes are free. */
  #forgetOthers(wanted: readonly CodeSize[], bytes: number): void {
    const kept = new Set([...this.held(), ...wanted].map(({ id }) => id));
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

  /** Whether these fit once unused bundles are dropped. */
  canHaveRoom(wanted: readonly CodeSize[]): boolean {
    const fits = (): boolean =>
      codeBytesOf([...this.held(this.unused()), ...wanted]) <= this.#maxCodeBytes;
    if (fits()) return true;
    this.#components.giveBack();
    return fits();
  }

  get #known(): ReadonlyMap<string, { readonly bundle: Bundle }> {
    return new Map<string, { readonly bundle: Bundle }>([...this.bundles, ...this.pulled]);
  }

  held(without: ReadonlySet<string> = new Set()): readonly CodeSize[] {
    const known = [...this.#known].filter(([key]) => !without.has(key));
    const components = known.flatMap(([, { bundle }]) => componentsOf(bundle));
    return [...components, ...this.#components.used()];
  }

  /**
   * Bundles without a container that uses them or is about to; they are read again when one is needed.
   * Built-in bundles and bundles given by folder are few, and stay.
   */
  unused(): ReadonlySet<string> {
    const used = new Set(this.#components.used().map(({ id }) => id));
    const kept = new Set([this.chosen, ...this.#awaited].flatMap((keys) => [...keys]));
    const unused = [...this.#known].filter(
      ([key, { bundle }]) =>
        !kept.has(key) &&
        ['found', 'pulled'].includes(bundle.origin.kind) &&
        !componentsOf(bundle).some(({ id }) => used.has(id)),
    );
    return new Set(unused.map(([key]) => key));
  }

  /** References of pulled bundles that containers use, or are about to. */
  pulledInUse(): readonly string[] {
    const unused = this.unused();
    return [...this.pulled].flatMap(([key, { bundle }]) =>
      bundle.origin.kind === 'pulled' && !unused.has(key) ? bundle.origin.reference : [],
    );
  }

  forget(keys: ReadonlySet<string>): void {
    const known = this.#known;
    const handlers = [...keys].flatMap((key) => known.get(key)?.bundle.handlers ?? []);
    for (const key of keys) {
      this.bundles.delete(key);
      this.pulled.delete(key);
    }
    this.#components.forget(new Set(handlers.map(({ file }) => file)));
  }

  /**
   * Drops unused pulled bundles, and components of refused bundles. Bundles in folders stay unless
   * others need the room.
   * @param keptForMs bundles read since then stay: a container may wait for others of its own
   */
  forgetUnused(keptForMs = 0): void {
    const untilMs = performance.now() - keptForMs;
    const unused = [...this.unused()].filter((key) => {
      const { readMs = Infinity } = this.pulled.get(key) ?? {};
      return readMs <= untilMs;
    });
    this.forget(new Set(unused));
    this.#components.keepOnly(new Set(this.held().map(({ id }) => id)), untilMs);
  }
}
