// SPDX-License-Identifier: Apache-2.0
// Handlers that log as much as they can: the agent's log stays small, says what it lacks, and has the
// lines of others.
import { afterEach, beforeEach, expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { refusing } from '../support/hostile-components.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import type { HostileAgent } from '../support/hostile-agent-process.ts';
import type { LogRecord } from '../support/log-records.ts';

/** Bytes that a container may log at once, and in a second. */
const stock = 131_072;
const aSecond = 32_768;

let agent: HostileAgent;

beforeEach(async () => {
  agent = await startHostileAgent({ log: 'info,json' });
  agent.bundles.write('host-loop', { component: 'host-loop', grants: ['filesystem'] });
});

afterEach(async () => {
  await agent[Symbol.asyncDispose]();
});

function recordsOf(container: string): readonly LogRecord[] {
  return agent.records().filter((record) => record['container'] === container);
}

/** Lines of its handlers with such a text. */
function saidBy(container: string, text: string): readonly LogRecord[] {
  return recordsOf(container).filter(
    ({ event, msg }) => event === 'handler-log' && msg.includes(text),
  );
}

function callerOf(id: string): AskedCaller {
  return new AskedCaller({ socket: agent.socket, metadata: 'host-loop', id });
}

test.for([
  { what: 'a huge text again and again', call: 'mkdir /flood', text: 'flood' },
  { what: 'a short text again and again', call: 'mkdir /short', text: 'short' },
])('W3: logging: $what: the log stays small and says what was dropped', async ({ call, text }) => {
  const began = performance.now();
  await using caller = callerOf('flooding');
  const calls = 20;
  for (let index = 0; index < calls; index += 1) {
    expect((await caller.ask(call)).answer).toBe('EDOM');
  }
  await using other = callerOf('quiet');
  expect((await other.ask('mkdir /line')).answer).toBe('EDOM');
  await agent.untilLogged('handler-log', { container: 'quiet', msg: 'one line' });
  await agent.untilLogged('handler-lines-dropped', { container: 'flooding' });
  caller.end();
  // its room is given back then, and all is told
  await agent.untilLogged('container-detached', { container: 'flooding' });

  const written = saidBy('flooding', text);
  const dropped = recordsOf('flooding')
    .filter(({ event }) => event === 'handler-lines-dropped')
    .reduce((sum, { lines }) => sum + Number(lines), 0);
  expect(written.length).toBeGreaterThan(10);
  expect(written.length + dropped).toBeLessThanOrEqual(calls * 900);
  // a pipe that is full takes no line either
  expect(dropped).toBeGreaterThan(written.length);
  const bytes = JSON.stringify(written).length;
  const seconds = (performance.now() - began) / 1000;
  expect(bytes).toBeLessThan(stock + aSecond * seconds);
});

test('W3: logging: the listeners of a container have one stock together', async () => {
  const began = performance.now();
  await using first = callerOf('crowd');
  await using second = callerOf('crowd');
  await using third = callerOf('crowd');
  for (const caller of [first, second, third]) {
    expect((await caller.ask('mkdir /flood')).answer).toBe('EDOM');
  }
  // one that ends makes no room for the others
  const from = agent.log().length;
  third.end();
  await agent.untilLogged('container-detached', { container: 'crowd' }, from);
  for (const caller of [first, second]) {
    expect((await caller.ask('mkdir /flood')).answer).toBe('EDOM');
  }
  await agent.untilLogged('handler-lines-dropped', { container: 'crowd' });

  const written = saidBy('crowd', 'flood');
  expect(written.length).toBeGreaterThan(10);
  const seconds = (performance.now() - began) / 1000;
  expect(JSON.stringify(written).length).toBeLessThan(stock + aSecond * seconds);
});

test('W3: logging: an endless log is ended by the count of operations', async () => {
  await using caller = callerOf('endless');
  expect((await caller.ask('mkdir /log')).answer).toBe('EPERM');
  await agent.untilLogged('call-failed', {
    code: 'AGENT_HANDLER_FAILED',
    container: 'endless',
  });
  expect(saidBy('endless', 'again and again').length).toBeLessThan(1001);
});

test('W3: logging: a long message of a handler about its settings is cut', async () => {
  agent.bundles.write('refusing', { component: refusing(), syscalls: ['getpgid'] });
  await using caller = new AskedCaller({
    socket: agent.socket,
    metadata: 'refusing',
    id: 'refused',
  });
  expect((await caller.ask('getpgid 0')).answer).toBe('EPERM');
  const record = await agent.untilLogged('call-failed', {
    code: 'AGENT_SETTING_INVALID',
    container: 'refused',
  });
  expect(JSON.stringify(record).length).toBeLessThan(10_000);
});
