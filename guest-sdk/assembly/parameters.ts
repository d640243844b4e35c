// SPDX-License-Identifier: Apache-2.0
// Enums and structs of parameters. Written from the WIT by `npm run generate`.

/** Which call of the mount API that works on descriptors, see fsopen(2) and those it names. */
export enum MountOperation {
  Fsopen,
  Fsconfig,
  Fsmount,
  Fspick,
  MoveMount,
  OpenTree,
  OpenTreeAttr,
  MountSetattr,
}

/** Change of a time of a file. */
export enum TimeChange {
  /** It gets the seconds and nanoseconds that are given. */
  Set,
  /** It gets the time at which the call is made: UTIME_NOW. */
  Now,
  /** It stays: UTIME_OMIT. */
  Omit,
}

/** A time that a file gets, as in utimensat(2). */
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
