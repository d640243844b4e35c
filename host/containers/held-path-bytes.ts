// SPDX-License-Identifier: Apache-2.0
// The paths that the addon is to hold for a container.
import type { Registry } from '../registry/registry.ts';

/** As the addon takes them. */
export function heldPathBytes({ heldPaths = [] }: Registry): Uint8Array {
  return new TextEncoder().encode(heldPaths.map((path) => `${path}\0`).join(''));
}
