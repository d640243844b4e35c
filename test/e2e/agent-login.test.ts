// SPDX-License-Identifier: Apache-2.0
// An agent whose kubeconfig has a program that says who it is.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { AgentProcess } from '../support/agent-process.ts';
import { until } from '../support/polling.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** Far less than the program may take. */
const promptMs = 15_000;

/** Undefined: it has not said so yet. */
function programIn(file: string): number | undefined {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return text.endsWith('\n') ? Number(text) : undefined;
}

/** Zombies have ended. */
function lives(pid: number): boolean {
  const file = `/proc/${pid}/stat`;
  return existsSync(file) && !readFileSync(file, 'utf8').includes(') Z ');
}

test('agent: it ends without waiting for a program that says who it is, and the program with it', async () => {
  using folder = new TemporaryFolder();
  const pidFile = folder.at('pid');
  const exec = { command: 'sh', args: ['-c', `echo $$ >${pidFile}; exec sleep 50`] };
  const kubeconfig = {
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'u', user: { exec } }],
  };
  const file = folder.at('kubeconfig');
  writeFileSync(file, JSON.stringify(kubeconfig));
  const options = ['-resolver=kubernetes', `-kubeconfig=${file}`, '-node-name=n'];
  await using agent = await AgentProcess.start(folder.at('agent.socket'), ...options);
  const program = await until('the program to run', () => programIn(pidFile));
  expect(lives(program)).toBe(true);

  const began = performance.now();
  const { code } = await agent.stop('SIGTERM');

  expect(code).toBe(0);
  expect(performance.now() - began).toBeLessThan(promptMs);
  await until('the program to end', () => !lives(program) || undefined);
});
