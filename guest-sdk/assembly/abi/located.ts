// SPDX-License-Identifier: Apache-2.0
// The record `located`, from the host's bytes.

import { Located } from '../located';
import { ResultOf } from '../result';
import { RESULT, isOk, liftPath, liftStatus, resultErrno } from './values';

/** A `result<located, errno>`: the record stands at 8, as it has numbers of 64 bits. */
export function liftLocatedResult(): ResultOf<Located> {
  const found = isOk();
  const located = new Located(
    liftPath(found ? load<usize>(RESULT, 8) : 0, found ? load<i32>(RESULT, 12) : 0),
    load<u8>(RESULT, 16) != 0,
    load<u8>(RESULT, 17) != 0,
    load<u64>(RESULT, 24),
    liftStatus(RESULT + 32),
  );
  return found
    ? new ResultOf<Located>(true, 0, located)
    : new ResultOf<Located>(false, resultErrno(8), located);
}
