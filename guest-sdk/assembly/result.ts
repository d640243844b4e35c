// SPDX-License-Identifier: Apache-2.0
// How a capability's operation ended.

import { Action } from './action';
import { Errno } from './errno';

/** Either success or the errno of the operation that the host did. */
export class Result {
  private static readonly success: Result = new Result(true, 0);

  private constructor(
    readonly isOk: bool,
    /** Says something only where `isOk` is false. */
    readonly errno: Errno,
  ) {}

  /** Success. */
  static ok(): Result {
    return Result.success;
  }

  /** A failure with this errno. */
  static fail(errno: Errno): Result {
    return new Result(false, errno);
  }

  /** The answer that passes this on to the caller: the value 0, or the same errno. */
  toAction(): Action {
    return this.isOk ? Action.value(0) : Action.fail(this.errno);
  }
}

/** A value, or the errno of the operation that the host did. */
export class ResultOf<T> {
  constructor(
    readonly isOk: bool,
    /** Says something only where `isOk` is false. */
    readonly errno: Errno,
    private readonly found: T,
  ) {}

  /** The result of the operation; a trap where there is none. */
  get value(): T {
    if (!this.isOk) throw new Error('the operation has failed');
    return this.found;
  }

  /** The answer that passes the errno on to the caller; a trap where there is none. */
  failure(): Action {
    if (this.isOk) throw new Error('the operation has not failed');
    return Action.fail(this.errno);
  }
}
