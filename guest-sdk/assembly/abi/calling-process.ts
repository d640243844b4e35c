// SPDX-License-Identifier: Apache-2.0
// The record `process`, from the host's bytes.

import { CallingProcess } from '../calling-process';
import { ResultOf } from '../result';
import { RESULT, isOk, resultErrno } from './values';

/** A `result<process, errno>`: the age is at 8, the flag behind it. */
export function liftProcessResult(): ResultOf<CallingProcess> {
  const process = new CallingProcess(load<u64>(RESULT, 8), load<u8>(RESULT, 16) != 0);
  return isOk()
    ? new ResultOf<CallingProcess>(true, 0, process)
    : new ResultOf<CallingProcess>(false, resultErrno(8), process);
}
