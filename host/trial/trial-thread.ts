// SPDX-License-Identifier: Apache-2.0
// Tries cases on a thread of their own, which is ended when one of them takes too long.
import { Worker } from 'node:worker_threads';

import { AgentError } from '../errors.ts';
import type { TrialResult } from './trial.ts';
import type { TrialMessage, TrialTask } from './trial-worker.ts';

/** The worker's file, compiled or as it is written. */
const workerFile = new URL(
  import.meta.url.endsWith('.ts') ? './trial-worker.ts' : './trial-worker.js',
  import.meta.url,
);

function overdue({ cases, patienceMs }: TrialTask, index: number): TrialResult {
  const given = cases[index]?.case ?? { name: 'unknown', line: 0 };
  const { name, line } = given;
  return {
    name,
    line,
    hasPassed: false,
    differences: [
      { line, what: 'time', expected: 'an answer', found: `none after ${patienceMs} ms` },
    ],
  };
}

/**
 * The results of the cases in their order. One that never ends is the last.
 * @throws AgentError whatever the component is refused for
 */
export async function tryCases(task: TrialTask): Promise<readonly TrialResult[]> {
  const results: TrialResult[] = [];
  const worker = new Worker(workerFile, { workerData: task });
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const wait = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        results.push(overdue(task, results.length));
        void worker.terminate();
      }, task.patienceMs);
    };
    worker.on('message', (message: TrialMessage) => {
      if (message.kind === 'tried') results.push(message.result);
      wait();
    });
    worker.once('error', (cause) => {
      clearTimeout(timer);
      reject(new AgentError('AGENT_HANDLER_FAILED', 'the handler cannot be tried', { cause }));
    });
    worker.once('exit', () => {
      clearTimeout(timer);
      resolve(results);
    });
  });
}
