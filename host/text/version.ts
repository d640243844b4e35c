// SPDX-License-Identifier: Apache-2.0
// Versions of programs, in the manner of 1.2.3.

export type Version = readonly number[];

/** The first version number of a text. */
export function versionIn(text: string): Version | undefined {
  const found = /(?<version>\d+(?:\.\d+)+)/u.exec(text)?.groups?.['version'];
  return found?.split('.').map(Number);
}

export function isBefore(version: Version, other: Version): boolean {
  for (const [index, part] of other.entries()) {
    const own = version[index] ?? 0;
    if (own !== part) return own < part;
  }
  return false;
}
