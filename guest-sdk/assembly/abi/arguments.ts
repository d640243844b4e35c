// SPDX-License-Identifier: Apache-2.0
// The imported functions of the interface `arguments`, as the canonical ABI flattens them.

import { Argument, ArgumentKind } from '../arguments';
import { Errno } from '../errno';
import { RESULT, liftBytes, liftString } from './values';

/** The size of a record `argument`: its name at 0, the case of its value at 8, what that carries at 16. */
const ARGUMENT: usize = 24;

// @ts-ignore: decorator
@external("seccompagent:handler/arguments@0.1.0", "all")
declare function hostAll(result: usize): void;

export function all(): Argument[] {
  hostAll(RESULT);
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
