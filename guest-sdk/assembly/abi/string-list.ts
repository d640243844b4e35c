// SPDX-License-Identifier: Apache-2.0
// The record `string-list` of the interface `memory`, as the canonical ABI lays it out.

import { ResultOf } from '../result';
import { StringList } from '../string-list';
import { RESULT, isOk, liftBytes, resultErrno } from './values';

/** A `result<string-list, errno>`. */
export function liftStringListResult(): ResultOf<StringList> {
  if (!isOk()) {
    const none = new StringList(new StaticArray<Uint8Array>(0), false);
    return new ResultOf<StringList>(false, resultErrno(4), none);
  }
  const pointer = load<usize>(RESULT, 4);
  const length = load<i32>(RESULT, 8);
  const isTruncated = load<u8>(RESULT, 12) != 0;
  const items = new StaticArray<Uint8Array>(length);
  for (let i = 0; i < length; i++) {
    const item = pointer + (<usize>i << 3);
    items[i] = liftBytes(load<usize>(item), load<i32>(item, 4));
  }
  return new ResultOf<StringList>(true, 0, new StringList(items, isTruncated));
}
