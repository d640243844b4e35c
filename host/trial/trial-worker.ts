// SPDX-License-Identifier: Apache-2.0
// The thread that cases are tried on: a handler that does not come back can be ended with it.
import { parentPort, workerData } from 'node:worker_threads';

import { loadComponent } from '../handler/direct.ts';
import type { Grants } from '../registry/grants.ts';
import type { TrialCase } from './case-file.ts';
import { tryCase } from './trial.ts';
import type { GivenSettings, TrialResult } from './trial.ts';

export interface TrialTask {
  /** Time limit of one case. */
  readonly patienceMs: number;
  readonly component: Uint8Array;
  /** Absent: it has no limits. */
  readonly grants?: Grants;
  readonly cases: readonly {
    readonly case: TrialCase;
    readonly settings: GivenSettings;
  }[];
}

export type TrialMessage =
  /** The component is loaded: from now on it is the handler that takes time. */
  { readonly kind: 'ready' } | { readonly kind: 'tried'; readonly result: TrialResult };

function tell(message: TrialMessage): void {
  parentPort?.postMessage(message);
}

const task: TrialTask = workerData;
const { grants } = task;
const component = loadComponent(task.component);
const handler = { component, ...(grants === undefined ? {} : { grants }) };
tell({ kind: 'ready' });
for (const { case: given, settings } of task.cases) {
  tell({ kind: 'tried', result: tryCase(given, handler, settings) });
}
