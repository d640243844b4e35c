// SPDX-License-Identifier: Apache-2.0
// Threads of the agent. The event loop of a thread is made by whoever the thread is when it starts,
// and libuv ends the process where that user may watch no more: see native/process/watch_user.h.
import { Worker } from 'node:worker_threads';
import type { WorkerOptions } from 'node:worker_threads';

import { nativeIfThere } from '../native.ts';

/** Its program begins with `beginThread`. @throws what Node throws where there is no thread to be had */
export function startThread(file: string | URL, options: WorkerOptions): Worker {
  const native = nativeIfThere();
  native?.becomeWatchUser();
  try {
    return new Worker(file, options);
  } finally {
    native?.leaveWatchUser();
  }
}

/** Until then the thread's real user is another: access(2), with it `existsSync`, says too little. */
export function beginThread(): void {
  nativeIfThere();
}
