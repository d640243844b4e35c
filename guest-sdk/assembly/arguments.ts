// SPDX-License-Identifier: Apache-2.0
// The decoded arguments of the call being answered, for handlers that export `any`.

import * as host from './abi/arguments';
import { RESULT, liftBytes, liftString } from './abi/values';
import { Errno } from './errno';

/** The size of a record `argument`: its name at 0, the case of its value at 8, what that carries at 16. */
const ARGUMENT: usize = 24;

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
  host.all(RESULT);
  const pointer = load<usize>(RESULT);
  const length = load<i32>(RESULT, 4);
  const items = new Array<Argument>(length);
  for (let i = 0; i < length; i++) items[i] = liftArgument(pointer + <usize>i * ARGUMENT);
  return items;
}

function liftArgument(pointer: usize): Argument {
  const kind = <ArgumentKind>load<u8>(pointer, 8);
  const isBytes = kind == ArgumentKind.Bytes;
  return new Argument(
    liftString(load<usize>(pointer), load<i32>(pointer, 4)),
    kind,
    kind == ArgumentKind.Integer ? load<i64>(pointer, 16) : 0,
    isBytes ? liftBytes(load<usize>(pointer, 16), load<i32>(pointer, 20)) : new Uint8Array(0),
    kind == ArgumentKind.Fault ? <Errno>load<u8>(pointer, 16) : 0,
  );
}
