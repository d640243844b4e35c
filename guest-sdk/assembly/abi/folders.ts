// SPDX-License-Identifier: Apache-2.0
// Where a path is that was found, as seen from a folder.

import { Path } from '../path';
import { ResultOf } from '../result';
import * as host from './filesystem';
import { RESULT, bytesPointer, liftBoolResult } from './values';

export function isBelow(path: Path, folder: string): ResultOf<bool> {
  const wanted = Path.fromString(folder);
  host.isBelow(
    bytesPointer(path.bytes),
    path.length,
    bytesPointer(wanted.bytes),
    wanted.length,
    RESULT,
  );
  return liftBoolResult();
}

export function isAbove(path: Path, folder: string): ResultOf<bool> {
  const wanted = Path.fromString(folder);
  host.isAbove(
    bytesPointer(path.bytes),
    path.length,
    bytesPointer(wanted.bytes),
    wanted.length,
    RESULT,
  );
  return liftBoolResult();
}
