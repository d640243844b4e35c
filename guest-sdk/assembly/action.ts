// SPDX-License-Identifier: Apache-2.0
// A handler's answer to one call.

import { Errno } from './errno';

/**
 * The decision on a call. Every path of a handler returns one of these:
 *
 * ```ts
 * return path.length > 100 ? Action.fail(Errno.ENAMETOOLONG) : Action.next();
 * ```
 */
export class Action {
  private static readonly zero: Action = new Action(0, 0);
  private static readonly continued: Action = new Action(2, 0);
  private static readonly passed: Action = new Action(3, 0);
  private static readonly performed: Action = new Action(5, 0);

  // Laid out as the component model lays out the variant `action`, so that the host reads this
  // object where it is: the case in byte 0; from byte 8 on the value, the errno's ordinal, the
  // milliseconds of a delay or a descriptor with its flag behind it; and of a delay its answer, from
  // byte 16 on in the same way.
  private constructor(
    private readonly kind: u8,
    private readonly payload: i64,
    private readonly lateKind: u8 = 0,
    private readonly latePayload: i64 = 0,
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

  /**
   * The host does the call as it was decoded, as the caller and with no more power than the caller
   * has. A handler that refuses by what a pointer says answers this for what it approves. The host
   * can do what `filesystem` has a function for; `perform` of another call is a trap.
   */
  static perform(): Action {
    return Action.performed;
  }

  /**
   * The caller gets a copy of what the host holds under this index, and the call returns its number
   * there: what `filesystem.open` and `descriptors.take` give.
   */
  static descriptor(index: u32, closeOnExec: bool): Action {
    return new Action(6, ((<i64>closeOnExec) << 32) | <i64>index);
  }

  /**
   * The same answer, but so much later; the caller waits, others do not. An action that is late
   * already becomes later still. `next` is no answer, and what the host does it does at once: to
   * delay those is a trap. The host refuses more than a day.
   *
   * ```ts
   * return Action.fail(Errno.EAGAIN).after(50);
   * ```
   */
  after(milliseconds: u64): Action {
    if (this.kind == 3) throw new Error('next is no answer, so it cannot be late');
    if (this.kind > 4) throw new Error('only value, fail and continue can be late');
    if (this.kind != 4) return new Action(4, milliseconds, this.kind, this.payload);
    const sum = <u64>this.payload + milliseconds;
    if (sum < milliseconds) throw new RangeError('a delay has 64 bits of milliseconds');
    return new Action(4, sum, this.lateKind, this.latePayload);
  }
}
