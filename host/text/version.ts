// SPDX-License-Identifier: Apache-2.0
// Versions of programs, in the manner of 1.2.3.

export type Version = readonly number[];

/** What a program prints may be of any length. */
const lookedAt = 4096;

/** The number behind the word `version`, or else the first one with dots. */
export function versionIn(text: string): Version | undefined {
  const start = text.slice(0, lookedAt);
  const found =
    /\bversion:?[ \t]+v?(?<version>\d+(?:\.\d+)*)/iu.exec(start) ??
    /(?<version>\d+(?:\.\d+)+)/u.exec(start);
  return found?.groups?.['version']?.split('.').map(Number);
}

export function isBefore(version: Version, other: Version): boolean {
  for (const [index, part] of other.entries()) {
    const own = version[index] ?? 0;
    if (own !== part) return own < part;
  }
  return false;
}
