// SPDX-License-Identifier: Apache-2.0
// The log of decisions, and what being watched costs.
import { setTimeout as sleep } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { AgentProcess } from '../support/agent-process.ts';
import { RunningCommand, seccompagent } from '../support/command.ts';
import { recordsOf } from '../support/log-records.ts';
import type { LogRecord } from '../support/log-records.ts';
import { until } from '../support/polling.ts';
import { cpuTicks } from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { trapLines } from '../support/trap-container.ts';

const pod = [
  'io.kubernetes.cri.sandbox-namespace=shop',
  'io.kubernetes.cri.sandbox-name=web-1',
  'io.kubernetes.cri.container-name=nginx',
].flatMap((text) => ['-A', text]);

/** What an agent at a level that has served a container has logged, and nothing else. */
async function loggedAt(log: string): Promise<readonly LogRecord[]> {
  using folder = new TemporaryFolder();
  const socket = folder.at('agent.socket');
  // not `AgentProcess`, which waits for a line at info
  await using agent = new RunningCommand([
    seccompagent,
    '-resolver=demo-basic',
    `-socketfile=${socket}`,
    `-log=${log}`,
    // another agent may have the usual one
    '-control-socket=none',
  ]);
  await until('the agent', async () => {
    const run = trapLines({
      socket,
      trapped: ['mkdir', 'chmod'],
      options: ['-r', '-i', 'c1', ...pod],
      operations: ['mkdir:/a:755', 'chmod:/a:700'],
    });
    return run.then(() => true).catch(() => undefined);
  });
  agent.kill('SIGTERM');
  const { stderr } = await agent.ended;
  const records = recordsOf(stderr);
  expect(records).toHaveLength(stderr.split('\n').length - 1);
  return records;
}

function decisionsOf(records: readonly LogRecord[]): readonly LogRecord[] {
  return records.filter(({ event }) => event === 'call-answered');
}

test('log: at debug there is a line for each decision, with whose, what, by whom and how long', async () => {
  const common = {
    level: 'debug',
    event: 'call-answered',
    msg: expect.any(String),
    container: 'c1',
    workload: 'shop/web-1/nginx',
    microseconds: expect.stringMatching(/^[\d.]+$/u),
  };
  expect(decisionsOf(await loggedAt('debug'))).toEqual([
    { ...common, syscall: 'mkdir', handler: 'mkdir-suffix', answer: 'value' },
    { ...common, syscall: 'chmod', handler: 'errno', answer: 'EBADMSG' },
  ]);
});

test('log: at trace there is more of each decision', async () => {
  const number = expect.stringMatching(/^\d+$/u);
  expect(decisionsOf(await loggedAt('trace'))[0]).toMatchObject({
    tid: number,
    arch: expect.any(String),
    id: number,
    bundle: 'demo-basic',
    acts: 'operate',
    value: '0',
  });
});

test('log: with json a decision is an object', async () => {
  expect(decisionsOf(await loggedAt('debug,json'))[1]).toMatchObject({
    level: 'debug',
    container: 'c1',
    workload: 'shop/web-1/nginx',
    syscall: 'chmod',
    handler: 'errno',
    answer: 'EBADMSG',
  });
});

test.for([
  ['info', ['info']],
  ['warn', []],
  ['error', []],
  ['fatal', []],
] as const)('log: at %s nothing below is told, and no decision', async ([level, levels]) => {
  const records = await loggedAt(level);
  expect(decisionsOf(records)).toEqual([]);
  expect([...new Set(records.map((record) => record.level))]).toEqual(levels);
});

test('observation: who watches an agent that is idle costs nothing', async () => {
  using folder = new TemporaryFolder();
  const socket = folder.at('agent.socket');
  await using agent = await AgentProcess.start(
    socket,
    '-resolver=falco',
    '-log=debug',
    `-audit-log=${folder.at('audit.jsonl')}`,
    `-falco-output=file:${folder.at('alerts.jsonl')}`,
  );
  await trapLines({ socket, trapped: ['getpgid'], operations: ['getpgid'] });
  await agent.logged('container-detached');
  const idleMs = 2000;
  // the engine compiles and collects for a while after its start
  const used = await until('the agent to be idle', async () => {
    const before = cpuTicks(agent.pid);
    await sleep(idleMs);
    const ticks = cpuTicks(agent.pid) - before;
    return ticks <= 1 ? ticks : undefined;
  });
  expect(used).toBeLessThanOrEqual(1);
});

test('observation: SIGTERM under a log of decisions leaves none out', async () => {
  using folder = new TemporaryFolder();
  const socket = folder.at('agent.socket');
  await using agent = await AgentProcess.start(socket, '-log=debug');
  await trapLines({
    socket,
    trapped: ['getpgid'],
    options: ['-T', '50'],
    operations: ['getpgid'],
  });
  const { stderr } = await agent.stop('SIGTERM');
  expect(decisionsOf(recordsOf(stderr))).toHaveLength(50);
});
