// SPDX-License-Identifier: Apache-2.0
// The record `credentials`, from the host's bytes.

import { Credentials, Ids, LinuxCapabilities } from '../credentials';
import { ResultOf } from '../result';
import { RESULT, isOk, liftNumbers, resultErrno } from './values';

function liftIds(pointer: usize): Ids {
  return new Ids(
    load<u32>(pointer),
    load<u32>(pointer, 4),
    load<u32>(pointer, 8),
    load<u32>(pointer, 12),
  );
}

function liftCapabilities(pointer: usize): LinuxCapabilities {
  return new LinuxCapabilities(
    load<u64>(pointer),
    load<u64>(pointer, 8),
    load<u64>(pointer, 16),
    load<u64>(pointer, 24),
    load<u64>(pointer, 32),
  );
}

/** A `result<credentials, errno>`: the record stands at 8, as it has numbers of 64 bits. */
export function liftCredentialsResult(): ResultOf<Credentials> {
  const found = isOk();
  const credentials = new Credentials(
    liftIds(RESULT + 8),
    liftIds(RESULT + 24),
    liftNumbers(found ? load<usize>(RESULT, 40) : 0, found ? load<i32>(RESULT, 44) : 0),
    load<u32>(RESULT, 48),
    load<u8>(RESULT, 52) != 0,
    liftCapabilities(RESULT + 56),
  );
  return found
    ? new ResultOf<Credentials>(true, 0, credentials)
    : new ResultOf<Credentials>(false, resultErrno(8), credentials);
}
