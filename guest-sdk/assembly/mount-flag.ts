// SPDX-License-Identifier: Apache-2.0
// Flags of mount(2) that say what it is to do at all.

export const REMOUNT: u64 = 32;
export const BIND: u64 = 4096;
export const MOVE: u64 = 8192;
export const UNBINDABLE: u64 = 1 << 17;
export const PRIVATE: u64 = 1 << 18;
export const SLAVE: u64 = 1 << 19;
export const SHARED: u64 = 1 << 20;

/** With one of these, mount(2) changes how mounts that are there hang together. */
export const PROPAGATION: u64 = UNBINDABLE | PRIVATE | SLAVE | SHARED;

const MAGIC_MASK: u64 = 0xffff0000;
const MAGIC: u64 = 0xc0ed0000;

/**
 * The flags as the kernel takes them: the magic number that programs of Linux 2.2 put into the upper
 * half means nothing.
 */
export function withoutMagic(flags: u64): u64 {
  return (flags & MAGIC_MASK) == MAGIC ? flags & ~MAGIC_MASK : flags;
}
