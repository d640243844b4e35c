// SPDX-License-Identifier: Apache-2.0
// What the receiver tells the main thread.
import { Socket } from 'node:net';

import type { Native, ReceiverEvent, ReceiverHandle } from '../native.ts';

export interface ReceiverEventParts {
  readonly native: Native;
  readonly receiver: ReceiverHandle;
  readonly onEvent: (event: ReceiverEvent) => void;
}

/** Hands events on as they come, until it is disposed of. */
export class ReceiverEvents implements Disposable {
  readonly #wake: Socket;

  constructor({ native, receiver, onEvent }: ReceiverEventParts) {
    this.#wake = new Socket({ fd: native.takeReceiverWakeFd(receiver), writable: false });
    this.#wake.on('data', () => {
      for (;;) {
        const event = native.nextReceiverEvent(receiver);
        if (event === null) return;
        onEvent(event);
      }
    });
  }

  [Symbol.dispose](): void {
    this.#wake.destroy();
  }
}
