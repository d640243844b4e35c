// SPDX-License-Identifier: Apache-2.0
// The agent's session keyring, in which the kernel looks for keys of who acts for containers.
import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { AgentProcess } from '../support/agent-process.ts';
import { isRecord } from '../support/log-records.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** Number → its line, of those that root has. */
function sessionKeyrings(): ReadonlyMap<string, string> {
  const lines = readFileSync('/proc/keys', 'utf8').split('\n');
  const own = lines.filter((line) => / keyring +_ses: /u.test(line));
  return new Map(own.map((line) => [line.split(' ')[0] ?? '', line]));
}

test('A4: agent: it has an empty session keyring of its own', async () => {
  using folder = new TemporaryFolder();
  const before = sessionKeyrings();
  await using agent = await AgentProcess.start(folder.at('agent.socket'));
  const added = [...sessionKeyrings()].filter(([number]) => !before.has(number));
  expect(added.map(([, line]) => line)).toContainEqual(expect.stringMatching(/_ses: empty$/u));
  expect(agent.records.filter((record) => isRecord(record, 'keyring-kept'))).toEqual([]);
});
