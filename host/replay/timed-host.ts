// SPDX-License-Identifier: Apache-2.0
// Stopwatch of a host, which separates the time of handlers from the host's.
import type { Host } from '../call/host.ts';

export class Stopwatch {
  #spentNs = 0n;

  /** @returns the time since the last call */
  take(): bigint {
    const spent = this.#spentNs;
    this.#spentNs = 0n;
    return spent;
  }

  timed(next: Host): Host {
    return {
      call: (request) => {
        const began = process.hrtime.bigint();
        try {
          return next.call(request);
        } finally {
          this.#spentNs += process.hrtime.bigint() - began;
        }
      },
    };
  }
}
