// SPDX-License-Identifier: Apache-2.0
// The main thread's side of bench-worker.ts.
import { Worker } from 'node:worker_threads';

import { AgentError } from '../errors.ts';
import type { BenchMessage, BenchTask } from './bench-worker.ts';
import type { Measured } from './measured-chain.ts';

/** The worker's file, compiled or as it is written. */
const workerFile = new URL(
  import.meta.url.endsWith('.ts') ? './bench-worker.ts' : './bench-worker.js',
  import.meta.url,
);

export interface BenchParts extends BenchTask {
  /** Without any round being done. */
  readonly patienceMs: number;
  readonly onRound: () => void;
}

/** @throws AgentError AGENT_HANDLER_FAILED: a handler does not come to an end */
export async function bench({
  patienceMs,
  onRound,
  ...task
}: BenchParts): Promise<readonly Measured[]> {
  const worker = new Worker(workerFile, { workerData: task, stdout: true, stderr: true });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve, reject) => {
      const wait = (): void => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          const what = `no round of the calls was done within ${patienceMs / 1000} s`;
          reject(new AgentError('AGENT_HANDLER_FAILED', what));
        }, patienceMs);
      };
      wait();
      worker.on('message', (message: BenchMessage) => {
        wait();
        if (message.kind === 'round') onRound();
        else resolve(message.measured);
      });
      worker.once('error', (cause) => {
        reject(new AgentError('AGENT_HANDLER_FAILED', 'handlers cannot be measured', { cause }));
      });
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
