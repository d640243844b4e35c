// SPDX-License-Identifier: Apache-2.0
// The files of a bundle: how large they may be, and its bundle.json.
import { join } from 'node:path';

import { AgentError } from '../errors.ts';
import { isPassingFault, readRegularFile, sizeIfThere } from '../regular-file.ts';
import { invalid } from './json-value.ts';
import { parseManifest } from './manifest.ts';
import type { Manifest } from './manifest.ts';

export const bundleFile = 'bundle.json';
/** Of bundle.json: what it says is worked through for each container, while others wait. */
export const mostManifestBytes: number = 64 * 1024;
/** Of all components of a bundle: as long as it is there, so is the code of all of them. */
const mostComponentBytes = 64 * 2 ** 20;

/** @throws AgentError AGENT_BUNDLE_INVALID */
export function checkComponentBytes(sizes: readonly number[], place: string): void {
  // one that is larger by itself is refused where it is read
  const bytes = sizes
    .filter((size) => size <= mostComponentBytes)
    .reduce((sum, size) => sum + size, 0);
  if (bytes <= mostComponentBytes) return;
  invalid(
    `${place}: the components have ${bytes} bytes together; ${mostComponentBytes} are allowed: make several bundles`,
  );
}

/** One with another limit of its memory is compiled once more. */
function checkComponents(folder: string, { handlers }: Manifest, place: string): void {
  const compiled = new Map(
    handlers.map(({ component, memoryPages }) => [`${memoryPages} ${component}`, component]),
  );
  const sizes = [...compiled.values()].map((component) => sizeIfThere(join(folder, component)));
  checkComponentBytes(sizes, place);
}

function readText(file: string): string {
  try {
    return readRegularFile(file, { mostBytes: mostManifestBytes }).toString();
  } catch (cause) {
    const code = isPassingFault(cause) ? 'AGENT_COMPONENT_UNTRIED' : 'AGENT_BUNDLE_INVALID';
    throw new AgentError(code, `${file}: cannot be read`, { cause });
  }
}

/** All that reading a bundle depends on: as far as its bundle.json says which they are. */
export function filesOf(folder: string, text?: string): readonly string[] {
  const file = join(folder, bundleFile);
  try {
    const { handlers } = parseManifest(text ?? readText(file), file);
    return [file, ...handlers.map(({ component }) => join(folder, component))];
  } catch (thrown) {
    if (thrown instanceof AgentError) return [file];
    throw thrown;
  }
}

/**
 * What the bundle in a folder says of itself, if its components are not too large.
 * @param text of bundle.json, where it was compared with a digest; absent: it is read
 * @throws AgentError AGENT_BUNDLE_INVALID
 */
export function readManifest(folder: string, text?: string): Manifest {
  const file = join(folder, bundleFile);
  const manifest = parseManifest(text ?? readText(file), file);
  checkComponents(folder, manifest, file);
  return manifest;
}
