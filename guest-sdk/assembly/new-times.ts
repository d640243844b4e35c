// SPDX-License-Identifier: Apache-2.0
// The times that a file gets.

/** What becomes of a time. */
export enum TimeChange {
  /** It gets the seconds and nanoseconds that are given. */
  Set,
  /** It gets the time at which the call is made: UTIME_NOW. */
  Now,
  /** It stays: UTIME_OMIT. */
  Omit,
}

/** Similar to a timespec of utimensat(2). */
export class NewTime {
  constructor(
    readonly change: TimeChange,
    /** Since 1970; 0 unless the time is set. */
    readonly seconds: i64,
    /** 1,000,000,000 and more are EINVAL; 0 unless the time is set. */
    readonly nanoseconds: u32,
  ) {}
}

/** Both times of a call. */
export class NewTimes {
  constructor(
    readonly accessed: NewTime,
    readonly modified: NewTime,
  ) {}
}

/** The glue's: an `option<new-times>`. */
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
