// SPDX-License-Identifier: Apache-2.0
// Makes one file of a worker thread's compiled modules: read one by one, they are a third of the
// time that a new worker needs before it receives. Usage: bundle-worker.mjs OUTPUT-FOLDER
import { join } from 'node:path';
import process from 'node:process';

import { build } from 'rolldown';

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: bundle-worker.mjs OUTPUT-FOLDER');
const worker = join(import.meta.dirname, '..', folder, 'host/worker/worker.js');
await build({
  input: worker,
  platform: 'node',
  // packages stay where npm put them, with their licences
  external: /^[^./]/u,
  output: { file: worker, sourcemap: true },
  logLevel: 'warn',
});
