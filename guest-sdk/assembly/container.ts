// SPDX-License-Identifier: Apache-2.0
// Capability `container`: the one that the caller is in.

import * as host from './abi/container';
import { liftResourcesResult } from './abi/resources';
import { RESULT, liftPairs, liftResult, liftStringAt } from './abi/values';
import { Resources } from './resources';
import { Result, ResultOf } from './result';

/** As the runtime named it. */
export function id(): string {
  host.id(RESULT);
  return liftStringAt(RESULT);
}

/** Keys and values that the runtime sent along. */
export function annotations(): Map<string, string> {
  host.annotations(RESULT);
  return liftPairs();
}

/** The resources of the container. ESRCH: nobody knows its first process. */
export function resources(): ResultOf<Resources> {
  host.getResources(RESULT);
  return liftResourcesResult();
}

/** Kills all of it. ESRCH: nobody knows its first process. EPERM: only that one was killed. */
export function kill(): Result {
  host.kill(RESULT);
  return liftResult();
}

/** Stops all of its processes until `thaw`. */
export function freeze(): Result {
  host.freeze(RESULT);
  return liftResult();
}

/** Lets its processes go on. */
export function thaw(): Result {
  host.thaw(RESULT);
  return liftResult();
}
