// SPDX-License-Identifier: Apache-2.0
// Events of the receiver for the main thread.
import { Socket } from 'node:net';

import { Drain } from '../scheduling/drain.ts';
import type { Native, ReceiverEvent, ReceiverHandle } from '../native.ts';

export interface ReceiverEventParts {
  readonly native: Native;
  readonly receiver: ReceiverHandle;
  readonly events: { hear(event: ReceiverEvent): void };
}

/** Hands events on as they come, until it is disposed of. */
export class ReceiverEvents implements Disposable {
  readonly #wake: Socket;
  readonly #drain: Drain;

  constructor({ native, receiver, events }: ReceiverEventParts) {
    this.#drain = new Drain(() => {
      const event = native.nextReceiverEvent(receiver);
      if (event === null) return 'nothing';
      events.hear(event);
      return 'more';
    });
    this.#wake = new Socket({ fd: native.takeReceiverWakeFd(receiver), writable: false });
    this.#wake.on('data', () => {
      this.#drain.run();
    });
  }

  [Symbol.dispose](): void {
    this.#drain[Symbol.dispose]();
    this.#wake.destroy();
  }
}
