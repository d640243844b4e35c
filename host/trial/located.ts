// SPDX-License-Identifier: Apache-2.0
// What a path leads to, in the words of test files: `located: { path: /etc/passwd }`.
import { posix } from 'node:path';

import { Location, locationBytes } from '../call/location.ts';
import { describeBytes } from './described.ts';
import type { Plain } from './yaml-value.ts';

export const locatedNames = ['path', 'exists', 'is-mount-point', 'mount', 'status'] as const;

/**
 * Of a path that leads where its text says, from the root if it is relative: what a handler on trial is
 * told where the case says nothing else.
 */
export function locatedByText(path: Uint8Array): Uint8Array {
  // one character a byte: paths are no text
  const text = posix.join('/', Buffer.from(path).toString('latin1'));
  const own = text.length > 1 && text.endsWith('/') ? text.slice(0, -1) : text;
  return locationBytes({
    path: Buffer.from(own, 'latin1'),
    exists: true,
    isMountPoint: false,
    mount: 0n,
  });
}

/** @param describeStatus of the numbers of its status */
export function describeLocated(
  bytes: Uint8Array,
  describeStatus: (bytes: Uint8Array) => Plain,
): Plain {
  const location = new Location(bytes);
  return {
    located: {
      path: describeBytes(location.path),
      exists: location.exists,
      'is-mount-point': location.isMountPoint,
      mount: location.mount,
      status: describeStatus(location.status),
    },
  };
}
