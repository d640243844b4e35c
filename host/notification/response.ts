// SPDX-License-Identifier: Apache-2.0
// Sends actions to the kernel: the only place where errnos become numbers.
import type { FinalAction } from '../handler/action.ts';
import type { Native, WorkerHandle } from '../native.ts';

/** `gone`: the caller died or was interrupted before the answer. Normal. */
export type Answered = 'answered' | 'gone';

export function sendAction(native: Native, worker: WorkerHandle, action: FinalAction): Answered {
  switch (action.kind) {
    case 'continue':
      return native.respond(worker, 0, 0, 0, 1) ? 'answered' : 'gone';
    case 'fail':
      return native.respond(worker, action.number, 0, 0, 0) ? 'answered' : 'gone';
    case 'value': {
      const low = Number(BigInt.asUintN(32, action.value));
      const high = Number(BigInt.asUintN(32, action.value >> 32n));
      return native.respond(worker, 0, low, high, 0) ? 'answered' : 'gone';
    }
  }
}
