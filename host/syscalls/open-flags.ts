// SPDX-License-Identifier: Apache-2.0
// Flags of open(2), which have other numbers on arm64: handlers get those of x86 everywhere.

/**
 * arm64 has O_DIRECTORY and O_NOFOLLOW where x86 has O_DIRECT and O_LARGEFILE, and the other way
 * round: the lower two bits and the higher two change places.
 */
export const movedFlags = { low: 0o140000, high: 0o600000, distance: 2 } as const;

const [low, distance] = [BigInt(movedFlags.low), BigInt(movedFlags.distance)];
const moved = BigInt(movedFlags.low | movedFlags.high);

/** Flags of x86 as arm64 has them, and those of arm64 as x86 has them. */
export function otherOpenFlags(flags: bigint): bigint {
  return (flags & ~moved) | ((flags & low) << distance) | ((flags >> distance) & low);
}
