// SPDX-License-Identifier: Apache-2.0
// Capability `state`: what the handlers of a bundle remember of a container. Instances come and go
// and there are several, so what a handler keeps in its own variables is not that.
//
// At most 64 keys, none with more than 256 bytes in UTF-8, and 65536 bytes with their values.

import * as host from './abi/state';
import {
  RESULT,
  liftBytesOption,
  liftI64Result,
  liftResult,
  stringPointer,
  viewPointer,
} from './abi/values';
import { Result, ResultOf } from './result';

/** The value of a key, or null. */
export function get(key: string): Uint8Array | null {
  host.get(stringPointer(key), key.length, RESULT);
  return liftBytesOption();
}

/** ENOSPC: that would be too much. */
export function set(key: string, value: Uint8Array): Result {
  host.set(stringPointer(key), key.length, viewPointer(value), value.length, RESULT);
  return liftResult();
}

/** Whether there was such a key. */
export function remove(key: string): bool {
  return host.remove(stringPointer(key), key.length);
}

/**
 * Adds to a counter, which is 0 if it is not there, and gives its new value; nobody else's addition
 * is lost. A counter is a value of 8 bytes, least first.
 */
export function add(key: string, amount: i64): ResultOf<i64> {
  host.add(stringPointer(key), key.length, amount, RESULT);
  return liftI64Result();
}
