// SPDX-License-Identifier: Apache-2.0
// The process that makes a call.

/** How old it is, and what it is to its container. */
export class CallingProcess {
  constructor(
    /** Milliseconds since it began. */
    readonly age: u64,
    /** Whether it is the container's first one; not where nobody knows that one. */
    readonly isFirst: bool,
  ) {}
}
