// SPDX-License-Identifier: Apache-2.0
// The record `resources`, from the host's bytes.

import { Resources } from '../resources';
import { ResultOf } from '../result';
import { RESULT, isOk, resultErrno } from './values';

/** A `result<resources, errno>`: its numbers of 64 bits begin at 8. */
export function liftResourcesResult(): ResultOf<Resources> {
  const resources = new Resources(
    load<u64>(RESULT, 8),
    load<u64>(RESULT, 16),
    load<u64>(RESULT, 24),
    load<u64>(RESULT, 32),
    load<u64>(RESULT, 40),
    load<u64>(RESULT, 48),
    load<u64>(RESULT, 56),
    load<u64>(RESULT, 64),
    load<u64>(RESULT, 72),
    load<u64>(RESULT, 80),
  );
  return isOk()
    ? new ResultOf<Resources>(true, 0, resources)
    : new ResultOf<Resources>(false, resultErrno(8), resources);
}
