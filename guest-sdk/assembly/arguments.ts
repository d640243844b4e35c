// SPDX-License-Identifier: Apache-2.0
// The decoded arguments of the call being answered, for handlers that export `any`.

import * as host from './abi/arguments';
import { Errno } from './errno';

/** Kind of an argument's value. */
export enum ArgumentKind {
  /** An integer by its C type: read `integer`. */
  Integer,
  /** The bytes behind a pointer, a string without its NUL: read `bytes`. */
  Bytes,
  /** A NULL pointer. */
  Null,
  /** A pointer that could not be followed: read `fault`. */
  Fault,
  /** A pointer that the agent does not follow: the capability `memory` may. */
  Unread,
}

/** Similar to a parameter in the syscall's manual page. */
export class Argument {
  constructor(
    readonly name: string,
    readonly kind: ArgumentKind,
    /** The value of an `Integer`, else 0. */
    readonly integer: i64,
    /** The bytes of a `Bytes`, else none. */
    readonly bytes: Uint8Array,
    /** The errno that the kernel would give for a `Fault`; says nothing otherwise. */
    readonly fault: Errno,
  ) {}
}

/**
 * All arguments in the syscall's order; none for a syscall that the agent does not decode.
 * A handler that calls this makes the agent read the caller's memory on each call.
 */
export function callArguments(): Argument[] {
  return host.all();
}
