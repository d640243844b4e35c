// SPDX-License-Identifier: Apache-2.0
// Whoever may connect does so as fast as possible: the agent goes on with all else, and others
// connect.
import { chmodSync, copyFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { systemCodeOf } from '../../host/errors.ts';
import { metricsAddress } from '../support/agent-metrics.ts';
import { AgentProcess } from '../support/agent-process.ts';
import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { openFdCount } from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { trapLines } from '../support/trap-container.ts';

/** Of an answer on a machine that the flood leaves little of. */
const longestMs = 2000;
const floodSeconds = 40;
const threads = 8;
/** Of descriptors: once the user is shut out, there may be some more in the backlog. */
const maxLeft = 200;

let programs: TemporaryFolder;
beforeAll(() => {
  programs = new TemporaryFolder();
  // where users without rights can reach it
  chmodSync(programs.path, 0o755);
  for (const name of ['connection-flood', 'lingering-socket']) {
    copyFileSync(compiled(name), programs.at(name));
    chmodSync(programs.at(name), 0o755);
  }
});
afterAll(() => {
  programs[Symbol.dispose]();
});

function asUser(name: string, ...args: readonly string[]): RunningCommand {
  const user = ['--reuid=1000', '--regid=1000', '--clear-groups', '--no-new-privs'];
  const command = ['setpriv', ...user, programs.at(name), ...args] as const;
  return new RunningCommand(command, { deadlineMs: 120_000 });
}

function flood(where: string): RunningCommand {
  return asUser('connection-flood', where, String(threads), String(floodSeconds));
}

interface Attacked extends AsyncDisposable {
  readonly agent: AgentProcess;
  readonly socket: string;
  readonly metrics: string;
}

async function startAgent(folder: TemporaryFolder): Promise<Attacked> {
  chmodSync(folder.path, 0o755);
  const socket = folder.at('agent.socket');
  const agent = await AgentProcess.start(
    socket,
    '-allow-uids=1000',
    '-metrics-bind-address=127.0.0.1:0',
    '-resolver=demo-basic',
    '-log=info,nocolor',
  );
  const metrics = await metricsAddress(agent);
  return { agent, socket, metrics, [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose]() };
}

/** As runc does, which does not try again. */
async function connectOnce(path: string): Promise<string> {
  return new Promise((resolve) => {
    const client = connect(path);
    client.once('connect', () => {
      client.destroy();
      resolve('connected');
    });
    client.once('error', (thrown) => {
      resolve(systemCodeOf(thrown) ?? '');
    });
  });
}

async function healthMs(address: string): Promise<number> {
  const began = performance.now();
  const { status } = await fetch(`http://${address}/healthz`, {
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(60_000),
  });
  expect(status).toBe(200);
  return performance.now() - began;
}

/** How long it takes to answer, to serve a container of root's, and to end when it is told to. */
async function longestOf({ agent, socket, metrics }: Attacked): Promise<number> {
  using folder = new TemporaryFolder();
  const answered = await healthMs(metrics);
  const began = performance.now();
  const operations = [`mkdir:${folder.at('made')}:755`];
  const lines = await trapLines({ socket, trapped: ['mkdir'], operations });
  expect(lines).toEqual(['mkdir 0 OK']);
  const served = performance.now();
  const { code } = await agent.stop('SIGTERM');
  expect(code).toBe(0);
  return Math.max(answered, served - began, performance.now() - served);
}

test('A1: agent socket: a user who connects all the time holds up neither the agent nor root’s runtimes', async () => {
  using folder = new TemporaryFolder();
  await using attacked = await startAgent(folder);
  const { agent, socket, metrics } = attacked;
  await using flooding = flood(socket);
  await pause(1000);

  const times: number[] = [];
  const ends: string[] = [];
  for (let at = 0; at < 200; at += 1) {
    ends.push(await connectOnce(socket));
    if (at % 20 === 0) times.push(await healthMs(metrics));
    await pause(20);
  }

  expect(ends.filter((end) => end !== 'connected')).toEqual([]);
  expect(Math.max(...times)).toBeLessThan(longestMs);
  await agent.logged('connections-too-many', { peerUid: 1000 });
  expect(flooding.hasEnded).toBe(false);
  expect(await longestOf(attacked)).toBeLessThan(longestMs);
});

test.for([
  ['in a message', 1],
  ['in a message that has more than it may', 20],
])('A1: agent socket: a socket that lingers, %s, holds nobody up', async ([, count]) => {
  using folder = new TemporaryFolder();
  await using attacked = await startAgent(folder);
  const { agent } = attacked;
  await using lingering = asUser('lingering-socket', attacked.socket, String(count));
  await lingering.printed(/^sent$/mu);
  await agent.logged('message-refused', { peerUid: 1000 });

  expect(await longestOf(attacked)).toBeLessThan(longestMs);
});

test('A1: agent socket: many sockets that linger hold nobody up, and do not use up descriptors', async () => {
  using folder = new TemporaryFolder();
  await using attacked = await startAgent(folder);
  const { agent } = attacked;
  await using lingering = asUser('lingering-socket', attacked.socket, '0');
  await agent.logged('connections-too-many', { peerUid: 1000 });
  const before = openFdCount(agent.pid);
  await pause(3000);

  expect(openFdCount(agent.pid) - before).toBeLessThan(maxLeft);
  expect(lingering.hasEnded).toBe(false);
  expect(await longestOf(attacked)).toBeLessThan(longestMs);
});

test('A1: metrics: clients who connect all the time do not hold up the agent', async () => {
  using folder = new TemporaryFolder();
  await using attacked = await startAgent(folder);
  const [, port = ''] = attacked.metrics.split(':');
  await using flooding = flood(port);
  await pause(1000);

  const times: number[] = [];
  for (let at = 0; at < 10; at += 1) {
    times.push(await healthMs(attacked.metrics));
    await pause(100);
  }

  expect(Math.max(...times)).toBeLessThan(longestMs);
  expect(flooding.hasEnded).toBe(false);
  expect(await longestOf(attacked)).toBeLessThan(longestMs);
});
