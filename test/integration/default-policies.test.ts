// SPDX-License-Identifier: Apache-2.0
// Tests the policy of a bundle for calls that no handler answers.
import { afterAll, beforeAll, expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { goodValue, looping } from '../support/hostile-components.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import type { HostileAgent } from '../support/hostile-agent-process.ts';

let agent: HostileAgent;

beforeAll(async () => {
  agent = await startHostileAgent({ log: 'warn' });
});

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
});

test.for([
  { text: 'errno:EACCES', answers: 'EACCES' },
  { text: 'errno:ENOSYS', answers: 'ENOSYS' },
  { text: 'continue', answers: String(process.pid) },
])('policies: what no handler answers gets $text', async ({ text, answers }) => {
  const bundle = `default-${text.toLowerCase().replace(':', '-')}`;
  agent.bundles.write(bundle, { component: looping(), syscalls: ['getpgid'], default: text });
  await using caller = new AskedCaller({ socket: agent.socket, metadata: bundle });

  expect((await caller.ask('getppid')).answer).toBe(answers);
  expect((await caller.ask('getpgid 0')).answer).toBe(String(goodValue));
});
