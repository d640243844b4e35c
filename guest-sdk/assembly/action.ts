// SPDX-License-Identifier: Apache-2.0
// A handler's answer to one call.

import { Errno } from './errno';

/**
 * What happens to the call. Every path of a handler returns one of these:
 *
 * ```ts
 * return path.length > 100 ? Action.fail(Errno.ENAMETOOLONG) : Action.next();
 * ```
 */
export class Action {
  private static readonly zero: Action = new Action(0, 0);
  private static readonly continued: Action = new Action(2, 0);
  private static readonly passed: Action = new Action(3, 0);

  // Laid out as the component model lays out the variant `action`, so that the host reads this
  // object where it is: the case in byte 0, the value or the errno's ordinal from byte 8 on.
  private constructor(
    private readonly kind: u8,
    private readonly payload: i64,
  ) {}

  /** The call returns this. -4095 to -1 are errnos: the host refuses them. */
  static value(result: i64): Action {
    return result == 0 ? Action.zero : new Action(0, result);
  }

  /** The call fails with this errno. */
  static fail(errno: Errno): Action {
    return new Action(1, errno);
  }

  /**
   * The kernel judges the call itself, reading the caller's memory again: never the answer of a
   * handler that refuses by what a pointer says.
   */
  static continue(): Action {
    return Action.continued;
  }

  /** No opinion: the next handler of the chain is asked. */
  static next(): Action {
    return Action.passed;
  }
}
