// SPDX-License-Identifier: Apache-2.0
// Whoever may connect does so as fast as possible: the agent goes on with all else, and others
// connect.
import { chmodSync, copyFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { systemCodeOf } from '../../host/errors.ts';
import { AgentProcess } from '../support/agent-process.ts';
import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { trapLines } from '../support/trap-container.ts';

/** Of an answer on a machine that the flood leaves little of. */
const longestMs = 2000;
const floodSeconds = 40;
const threads = 8;

let programs: TemporaryFolder;
beforeAll(() => {
  programs = new TemporaryFolder();
  // where users without rights can reach it
  chmodSync(programs.path, 0o755);
  copyFileSync(compiled('connection-flood'), programs.at('connection-flood'));
  chmodSync(programs.at('connection-flood'), 0o755);
});
afterAll(() => {
  programs[Symbol.dispose]();
});

function flood(where: string): RunningCommand {
  const user = ['--reuid=1000', '--regid=1000', '--clear-groups', '--no-new-privs'];
  const program = [programs.at('connection-flood'), where, String(threads), String(floodSeconds)];
  return new RunningCommand(['setpriv', ...user, ...program], { deadlineMs: 120_000 });
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

test('A1: agent socket: a user who connects all the time holds up neither the agent nor root’s runtimes', async () => {
  using folder = new TemporaryFolder();
  chmodSync(folder.path, 0o755);
  const socket = folder.at('agent.socket');
  await using agent = await AgentProcess.start(
    socket,
    '-allow-uids=1000',
    '-metrics-bind-address=127.0.0.1:0',
    '-resolver=demo-basic',
    '-log=info,nocolor',
  );
  const [, address = ''] = await agent.logged(/serving metrics address=(\S+)/u);
  await using flooding = flood(socket);
  await pause(1000);

  const times: number[] = [];
  const ends: string[] = [];
  for (let at = 0; at < 200; at += 1) {
    ends.push(await connectOnce(socket));
    if (at % 20 === 0) times.push(await healthMs(address));
    await pause(20);
  }
  expect(ends.filter((end) => end !== 'connected')).toEqual([]);
  expect(Math.max(...times)).toBeLessThan(longestMs);
  const operations = [`mkdir:${folder.at('made')}:755`];
  const lines = await trapLines({ socket, trapped: ['mkdir'], operations });
  expect(lines).toEqual(['mkdir 0 OK']);
  expect(agent.log).toMatch(/this user connects too often.* peerUid=1000/u);

  expect(flooding.hasEnded).toBe(false);
  const began = performance.now();
  const { code } = await agent.stop('SIGTERM');
  expect(code).toBe(0);
  expect(performance.now() - began).toBeLessThan(longestMs);
});

test('A1: metrics: clients who connect all the time do not hold up the agent', async () => {
  using folder = new TemporaryFolder();
  await using agent = await AgentProcess.start(
    folder.at('agent.socket'),
    '-metrics-bind-address=127.0.0.1:0',
    '-resolver=none',
    '-log=info,nocolor',
  );
  const [, address = ''] = await agent.logged(/serving metrics address=(\S+)/u);
  await using flooding = flood(address.slice(address.lastIndexOf(':') + 1));
  await pause(1000);

  const times: number[] = [];
  for (let at = 0; at < 10; at += 1) {
    times.push(await healthMs(address));
    await pause(100);
  }

  expect(Math.max(...times)).toBeLessThan(longestMs);
  expect(flooding.hasEnded).toBe(false);
  const began = performance.now();
  const { code } = await agent.stop('SIGTERM');
  expect(code).toBe(0);
  expect(performance.now() - began).toBeLessThan(longestMs);
});
