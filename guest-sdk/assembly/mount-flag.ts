// SPDX-License-Identifier: Apache-2.0
// Flags of mount(2) by what it is to do at all.

import { MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE } from './constants';

/** With one of these, mount(2) changes how mounts that are there hang together. */
export const PROPAGATION: u64 = MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | MS_SHARED;

const MAGIC_MASK: u64 = 0xffff0000;
const MAGIC: u64 = 0xc0ed0000;

/**
 * The flags as the kernel takes them: the magic number that programs of Linux 2.2 put into the upper
 * half means nothing.
 */
export function withoutMagic(flags: u64): u64 {
  return (flags & MAGIC_MASK) == MAGIC ? flags & ~MAGIC_MASK : flags;
}
