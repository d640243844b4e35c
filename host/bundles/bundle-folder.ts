// SPDX-License-Identifier: Apache-2.0
// The files of a bundle: how large they may be, and its bundle.json.
import { join } from 'node:path';

import { AgentError } from '../errors.ts';
import { identityOfAll } from '../files/file-identity.ts';
import { isPassingFault, readRegularFile, sizeIfThere } from '../files/regular-file.ts';
import { invalid } from './json-value.ts';
import { parseManifest } from './manifest.ts';
import type { ManifestHandler } from './manifest-handler.ts';
import type { Manifest } from './manifest.ts';

export const bundleFile = 'bundle.json';
/** Of bundle.json: what it says is worked through for each container, while others wait. */
export const maxManifestBytes: number = 64 * 1024;
/** Of all components of a bundle: as long as it is there, so is the code of all of them. */
const maxComponentBytes = 64 * 2 ** 20;

/** @throws AgentError AGENT_BUNDLE_INVALID */
export function checkComponentBytes(sizes: readonly number[], place: string): void {
  // one that is larger by itself is refused where it is read
  const bytes = sizes
    .filter((size) => size <= maxComponentBytes)
    .reduce((sum, size) => sum + size, 0);
  if (bytes <= maxComponentBytes) return;
  invalid(
    `${place}: the components have ${bytes} bytes together; the maximum is ${maxComponentBytes}: split the bundle`,
  );
}

/** @throws AgentError AGENT_BUNDLE_INVALID */
export function noSuchComponent(file: string): never {
  invalid(`${file}: no such component: run "seccompagent build" to build it from its source`);
}

/** Each component once: with another limit of its memory it is another one. */
export function distinctComponents({ handlers }: Manifest): readonly ManifestHandler[] {
  const distinct = new Map(
    handlers.map((handler) => [`${handler.memoryPages} ${handler.component}`, handler]),
  );
  return [...distinct.values()];
}

function checkComponents(folder: string, manifest: Manifest, place: string): void {
  const sizes = distinctComponents(manifest).map(({ component }) =>
    sizeIfThere(join(folder, component)),
  );
  checkComponentBytes(sizes, place);
}

function readText(file: string): string {
  try {
    return readRegularFile(file, { maxBytes: maxManifestBytes }).toString();
  } catch (cause) {
    const code = isPassingFault(cause) ? 'AGENT_COMPONENT_UNTRIED' : 'AGENT_BUNDLE_INVALID';
    throw new AgentError(code, `${file}: cannot be read`, { cause });
  }
}

/** Contents of a bundle.json, or the error in it. */
type Said =
  | { readonly kind: 'manifest'; readonly manifest: Manifest }
  | { readonly kind: 'failed'; readonly failure: AgentError };

interface KnownText {
  /** The text that was compared with a digest, or which file it was read from. */
  readonly version: string;
  readonly bytes: number;
  readonly said: Said;
}

function saidBy(text: string, file: string): Said {
  try {
    return { kind: 'manifest', manifest: parseManifest(text, file) };
  } catch (failure) {
    if (failure instanceof AgentError) return { kind: 'failed', failure };
    throw failure;
  }
}

/** Of all texts: what they say takes several times as much. */
const maxKeptBytes = 2 * 2 ** 20;
/** A text counts as so many bytes at least. */
const minBytes = 1024;

/**
 * Manifests of bundles: each is parsed once until its file changes, since users who start containers
 * may have us read them again and again, and a text takes milliseconds.
 */
export class Manifests {
  /** By the file; those that were used last are behind. */
  readonly #known: Map<string, KnownText> = new Map();
  #bytes = 0;

  /**
   * The manifest of the bundle in a folder, if its components are not too large.
   * @param text of bundle.json, where it was compared with a digest; absent: it is read
   * @throws AgentError AGENT_BUNDLE_INVALID
   */
  read(folder: string, text?: string): Manifest {
    const file = join(folder, bundleFile);
    const manifest = this.#parse(file, text);
    checkComponents(folder, manifest, file);
    return manifest;
  }

  /** All that reading a bundle depends on: as far as its bundle.json says which they are. */
  filesOf(folder: string, text?: string): readonly string[] {
    const file = join(folder, bundleFile);
    try {
      const { handlers } = this.#parse(file, text);
      return [file, ...new Set(handlers.map(({ component }) => join(folder, component)))];
    } catch (thrown) {
      if (thrown instanceof AgentError) return [file];
      throw thrown;
    }
  }

  #parse(file: string, text?: string): Manifest {
    const said = this.#said(file, text);
    if (said.kind === 'failed') throw said.failure;
    return said.manifest;
  }

  #said(file: string, text?: string): Said {
    const version = text ?? identityOfAll([file]);
    const known = this.#known.get(file);
    this.#forget(file);
    if (known?.version === version) {
      this.#keep(file, known);
      return known.said;
    }
    const read = text ?? readText(file);
    const said = saidBy(read, file);
    this.#keep(file, { version, bytes: Math.max(minBytes, read.length), said });
    return said;
  }

  #keep(file: string, known: KnownText): void {
    this.#known.set(file, known);
    this.#bytes += known.bytes;
    for (const oldest of this.#known.keys()) {
      if (this.#bytes <= maxKeptBytes) return;
      this.#forget(oldest);
    }
  }

  #forget(file: string): void {
    this.#bytes -= this.#known.get(file)?.bytes ?? 0;
    this.#known.delete(file);
  }
}
