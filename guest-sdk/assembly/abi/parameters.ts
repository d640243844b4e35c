// SPDX-License-Identifier: Apache-2.0
// Enums and structs of parameters from their core values. Written from the WIT by `npm run generate`.

import { MountOperation, TimeChange, NewTime, NewTimes } from '../parameters';

/** The struct behind a pointer. */
export function liftNewTimes(
  isThere: i32,
  accessedChange: i32,
  accessedSeconds: i64,
  accessedNanoseconds: u32,
  modifiedChange: i32,
  modifiedSeconds: i64,
  modifiedNanoseconds: u32,
): NewTimes | null {
  if (isThere == 0) return null;
  return new NewTimes(
    new NewTime(<TimeChange>accessedChange, accessedSeconds, accessedNanoseconds),
    new NewTime(<TimeChange>modifiedChange, modifiedSeconds, modifiedNanoseconds),
  );
}

export function liftMountOperation(value: i32): MountOperation {
  return <MountOperation>value;
}
