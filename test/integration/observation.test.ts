// SPDX-License-Identifier: Apache-2.0
// The log of decisions, and what being watched costs.
import { setTimeout as sleep } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { AgentProcess } from '../support/agent-process.ts';
import { RunningCommand, seccompagent } from '../support/command.ts';
import { until } from '../support/polling.ts';
import { cpuTicks } from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { trapLines } from '../support/trap-container.ts';

const answered = 'call answered';

const pod = [
  'io.kubernetes.cri.sandbox-namespace=shop',
  'io.kubernetes.cri.sandbox-name=web-1',
  'io.kubernetes.cri.container-name=nginx',
].flatMap((text) => ['-A', text]);

/** The lines of an agent at a level that has served a container. */
async function loggedAt(log: string): Promise<readonly string[]> {
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
  return (await agent.ended).stderr.split('\n').slice(0, -1);
}

test('log: at debug there is a line for each decision, with whose, what, by whom and how long', async () => {
  const lines = (await loggedAt('debug')).filter((line) => line.includes(answered));
  expect(lines).toEqual([
    expect.stringMatching(
      /DEBUG call answered container=c1 workload=shop\/web-1\/nginx syscall=mkdir handler=mkdir-suffix answer=value microseconds=[\d.]+$/u,
    ),
    expect.stringMatching(/syscall=chmod handler=errno answer=EBADMSG microseconds=[\d.]+$/u),
  ]);
});

test('log: at trace there is more of each decision', async () => {
  const lines = (await loggedAt('trace')).filter((line) => line.includes(answered));
  expect(lines[0]).toMatch(/tid=\d+ arch=\S+ id=\d+ bundle=demo-basic acts=operate value=0$/u);
});

test('log: with json a decision is an object', async () => {
  const lines = (await loggedAt('debug,json')).map((line) => JSON.parse(line));
  expect(lines.filter(({ msg }) => msg === answered)[1]).toMatchObject({
    level: 'debug',
    container: 'c1',
    workload: 'shop/web-1/nginx',
    syscall: 'chmod',
    handler: 'errno',
    answer: 'EBADMSG',
  });
});

test.for([
  ['info', ['INFO']],
  ['warn', []],
  ['error', []],
  ['fatal', []],
] as const)('log: at %s nothing below is told, and no decision', async ([level, levels]) => {
  const lines = await loggedAt(level);
  expect(lines.filter((line) => line.includes(answered))).toEqual([]);
  expect([...new Set(lines.map((line) => line.split(' ')[1]))]).toEqual(levels);
});

test('observation: who watches an agent that is idle costs nothing', async () => {
  using folder = new TemporaryFolder();
  const socket = folder.at('agent.socket');
  await using agent = new RunningCommand([
    seccompagent,
    '-resolver=falco',
    '-log=debug',
    `-socketfile=${socket}`,
    '-control-socket=none',
    `-audit-log=${folder.at('audit.jsonl')}`,
    `-falco-output=file:${folder.at('alerts.jsonl')}`,
  ]);
  await agent.printed(/listening/u);
  await trapLines({ socket, trapped: ['getpgid'], operations: ['getpgid'] });
  await agent.printed(/container detached/u);
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
  expect(stderr.match(/call answered/gu)).toHaveLength(50);
});
