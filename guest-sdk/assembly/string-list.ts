// SPDX-License-Identifier: Apache-2.0
// Strings behind a list of pointers.

/** Similar to the arguments of execve(2). */
export class StringList {
  constructor(
    /** Without their NUL. */
    readonly items: StaticArray<Uint8Array>,
    /** Whether strings are missing, or the ends of some. */
    readonly isTruncated: bool,
  ) {}
}
