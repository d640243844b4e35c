// SPDX-License-Identifier: Apache-2.0
// The folders of handler bundles, and the lookup of a bundle by its name.
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { AgentError } from '../errors.ts';
import { shippedBundles } from '../package-root.ts';
import { choicesAt } from '../text/did-you-mean.ts';
import type { BundleOrigin } from './bundle.ts';
import { folderName } from './manifest.ts';

/** The folders of handler bundles, in order of precedence. */
export const bundleFolders: readonly string[] = [
  '/etc/seccompagent/bundles',
  '/usr/share/seccompagent/bundles',
];

/** The names of the bundles in a folder; none if the folder cannot be read. */
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

/** A folder of a bundle, and how the agent came to it. */
export interface Place {
  readonly folder: string;
  readonly origin: BundleOrigin;
}

const shipped: BundleOrigin = { kind: 'shipped' };

/** Trust in a bundle depends on its origin, not on its folder alone. */
export function keyOf({ folder, origin }: Place): string {
  return `${origin.kind} ${folder}`;
}

/** A folder named on the command line. */
export function givenPlace(reference: string): Place {
  return { folder: resolve(reference), origin: { kind: 'given' } };
}

/** A built-in bundle. */
export function shippedPlace(name: string): Place {
  return { folder: join(shippedBundles(), name), origin: shipped };
}

function refuse(what: string): never {
  throw new AgentError('AGENT_BUNDLE_INVALID', what);
}

/** Looks up bundles by name in the bundle folders. */
export class BundlePlaces {
  readonly #folders: readonly string[];
  readonly #isKnown: (key: string) => boolean;

  /** @param isKnown whether the bundle with this key was read before */
  constructor(folders: readonly string[], isKnown: (key: string) => boolean) {
    this.#folders = folders;
    this.#isKnown = isKnown;
  }

  placeOf(name: string): Place | undefined {
    const found = { kind: 'found' } as const;
    const places: readonly Place[] = [
      ...this.#folders.map((folder) => ({ folder: join(folder, name), origin: found })),
      shippedPlace(name),
    ];
    return places.find(
      (candidate) =>
        this.#isKnown(keyOf(candidate)) || existsSync(join(candidate.folder, 'bundle.json')),
    );
  }

  /** @throws AgentError AGENT_BUNDLE_INVALID */
  find(name: string): Place {
    return this.placeOf(name) ?? refuse(this.#missing(name));
  }

  /**
   * The folder of a bundle, for people at a command line: the error lists known names.
   * @throws AgentError AGENT_BUNDLE_INVALID
   */
  folderOf(name: string): string {
    const place = this.placeOf(name);
    if (place !== undefined) return place.folder;
    if (existsSync(join(name, 'bundle.json'))) {
      return refuse(`${this.#missing(name)}; for the folder write ./${name}`);
    }
    const folders = [...this.#folders, shippedBundles()];
    const known = [...new Set(folders.flatMap((folder) => bundleNamesIn(folder)))].toSorted();
    return refuse(`${this.#missing(name)}${choicesAt(name, known, 'Bundles')}`);
  }

  #missing(name: string): string {
    return `no bundle "${name}" in ${[...this.#folders, shippedBundles()].join(', ')}`;
  }
}
