// SPDX-License-Identifier: Apache-2.0
// Functions that the build's glue calls around a handler's functions.

import { Action } from '../action';
import { Call } from '../call';
import { replaceSettings } from '../settings';
import { liftString } from './values';

export { cabi_realloc, endOfCall } from './allocator';
export {
  liftBytes,
  liftDevice,
  liftOptionalBytes,
  liftOptionalPath,
  liftPath,
} from './values';

/** Where `configure` leaves its `result<_, string>`. */
const CONFIGURED: usize = memory.data(12, 4);

/** The size of a `tuple<string, string>`. */
const PAIR: usize = 16;

/** Keeps a `list<tuple<string, string>>` as the handler's settings. */
export function liftSettings(pointer: usize, length: i32): void {
  const keys = new Array<string>(length);
  const values = new Array<string>(length);
  for (let i = 0; i < length; i++) {
    const pair = pointer + <usize>i * PAIR;
    keys[i] = liftString(load<usize>(pair), load<i32>(pair, 4));
    values[i] = liftString(load<usize>(pair, 8), load<i32>(pair, 12));
  }
  replaceSettings(keys, values);
}

/** Result of `configure`: null is ok, a text the reason of the refusal. */
export function lowerRefusal(reason: string | null): usize {
  if (reason === null) {
    store<u8>(CONFIGURED, 0);
  } else {
    store<u8>(CONFIGURED, 1);
    store<usize>(CONFIGURED, changetype<usize>(reason), 4);
    store<i32>(CONFIGURED, reason.length, 8);
  }
  return CONFIGURED;
}

export function liftCall(
  syscallPointer: usize,
  syscallLength: i32,
  familyPointer: usize,
  familyLength: i32,
  register0: u64,
  register1: u64,
  register2: u64,
  register3: u64,
  register4: u64,
  register5: u64,
): Call {
  return new Call(
    liftString(syscallPointer, syscallLength),
    liftString(familyPointer, familyLength),
    register0,
    register1,
    register2,
    register3,
    register4,
    register5,
  );
}

/** An action is laid out as the host reads it, and lives until the collection after its call. */
export function lowerAction(action: Action): usize {
  if (
    offsetof<Action>('payload') != 8 ||
    offsetof<Action>('lateKind') != 16 ||
    offsetof<Action>('latePayload') != 24
  )
    ERROR('an Action must be laid out as the variant is');
  return changetype<usize>(action);
}
