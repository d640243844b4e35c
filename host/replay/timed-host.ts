// SPDX-License-Identifier: Apache-2.0
// Tells how long a host takes, so that what handlers take can be told from it.
import type { CallHost } from '../call/call-host.ts';

export class Stopwatch {
  #spentNs = 0n;

  /** Since the last look. */
  take(): bigint {
    const spent = this.#spentNs;
    this.#spentNs = 0n;
    return spent;
  }

  /** The same host, whose functions are timed. */
  around(host: CallHost): CallHost {
    return new Proxy(host, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? this.#timed(target, value) : value;
      },
    });
  }

  #timed(target: CallHost, act: Function): (...given: readonly unknown[]) => unknown {
    return (...given) => {
      const began = process.hrtime.bigint();
      try {
        const result: unknown = Reflect.apply(act, target, given);
        return result;
      } finally {
        this.#spentNs += process.hrtime.bigint() - began;
      }
    };
  }
}
