// SPDX-License-Identifier: Apache-2.0
// The thread that cases are tried on: a handler that does not come back can be ended with it.
import { parentPort, workerData } from 'node:worker_threads';

import { loadComponent } from '../handler/direct.ts';
import type { TrialCase } from './case-file.ts';
import { tryCase } from './trial.ts';
import type { GivenSettings } from './trial.ts';

export interface TrialTask {
  readonly component: Uint8Array;
  readonly cases: readonly {
    readonly case: TrialCase;
    readonly settings: GivenSettings;
  }[];
}

const task: TrialTask = workerData;
const component = loadComponent(task.component);
for (const each of task.cases)
  parentPort?.postMessage(tryCase(each.case, component, each.settings));
