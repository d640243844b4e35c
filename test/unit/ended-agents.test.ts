// SPDX-License-Identifier: Apache-2.0
// What an agent leaves of the containers that it has served, and what the next one believes of it.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { EndedAgents } from '../../host/containers/ended-agents.ts';
import { readServed, ServedFile, servedPrefix } from '../../host/containers/served-file.ts';
import type { ServedContainer } from '../../host/containers/served-file.ts';
import { startTimeOf } from '../../host/first-pids.ts';
import type { KnownProcess } from '../../host/first-pids.ts';
import { KeptLog } from '../support/kept-log.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

let running: ChildProcess;
let living: KnownProcess;
/** Its number is another's by now. */
const gone: KnownProcess = { pid: process.pid, startTime: '1' };

beforeAll(async () => {
  running = spawn('sleep', ['1000']);
  await once(running, 'spawn');
  const pid = running.pid ?? 0;
  living = { pid, startTime: startTimeOf(pid) ?? '' };
});

afterAll(() => {
  running.kill('SIGKILL');
});

function containerOf(containerId: string, firstProcess: KnownProcess): ServedContainer {
  const workload = { namespace: 'shop', pod: 'web', container: 'front', podUid: 'u1' };
  return { containerId, firstProcess, workload };
}

function leave(folder: TemporaryFolder, agent: KnownProcess): string {
  const file = `${servedPrefix(folder.at('agent.socket'))}left`;
  const containers = [containerOf('c1', living), containerOf('c2', gone)];
  writeFileSync(file, JSON.stringify({ agent, containers }), { mode: 0o600 });
  return file;
}

interface Looked extends Disposable {
  readonly told: readonly string[];
  readonly log: KeptLog;
}

function looking(folder: TemporaryFolder, mayTell = true): Looked {
  const log = new KeptLog();
  const told: string[] = [];
  const ended = new EndedAgents({
    socket: folder.at('agent.socket'),
    log: log.logger,
    tell: ({ containerId }) => {
      if (mayTell) told.push(containerId);
      return mayTell;
    },
  });
  return { told, log, [Symbol.dispose]: () => ended[Symbol.dispose]() };
}

test('served file: it is root’s alone, says what is served, and goes with the last container', () => {
  using folder = new TemporaryFolder();
  let containers = [containerOf('c1', living)];
  const parts = { socket: folder.at('agent.socket'), log: new KeptLog().logger };
  const file = new ServedFile({ ...parts, containers: () => containers });
  file[Symbol.dispose]();
  expect(statSync(file.file).mode & 0o777).toBe(0o600);
  const agent = { pid: process.pid, startTime: startTimeOf(process.pid) };
  expect(readServed(file.file)).toEqual({ agent, containers });
  containers = [];
  file[Symbol.dispose]();
  expect(readdirSync(folder.path)).toEqual([]);
});

test('served file: a folder that cannot be written to is told of once', () => {
  const log = new KeptLog();
  const file = new ServedFile({
    socket: '/proc/none/agent.socket',
    log: log.logger,
    containers: () => [containerOf('c1', living)],
  });
  file[Symbol.dispose]();
  file[Symbol.dispose]();
  expect(log.lines).toHaveLength(1);
});

test('ended agents: containers that still run are told of, and the file goes', () => {
  using folder = new TemporaryFolder();
  const file = leave(folder, gone);
  using looked = looking(folder);
  expect(looked.told).toEqual(['c1']);
  expect(looked.log.lines).toMatchObject([
    { container: 'c1', namespace: 'shop', pod: 'web', containerName: 'front' },
  ]);
  expect(existsSync(file)).toBe(false);
});

test('ended agents: what cannot be told yet is kept', () => {
  using folder = new TemporaryFolder();
  const file = leave(folder, gone);
  using _looked = looking(folder, false);
  expect(existsSync(file)).toBe(true);
});

test('ended agents: one that lives still answers', () => {
  using folder = new TemporaryFolder();
  const file = leave(folder, living);
  using looked = looking(folder);
  expect(looked.told).toEqual([]);
  expect(existsSync(file)).toBe(true);
});

describe('G7: ended agents: nothing is believed of a file', () => {
  test.for<readonly [string, (file: string) => void]>([
    ['that others may read', (file) => chmodSync(file, 0o644)],
    ['that others may write', (file) => chmodSync(file, 0o620)],
    ['of another user', (file) => chownSync(file, 65_534, 65_534)],
    ['that is no JSON', (file) => writeFileSync(file, '{"agent":')],
    ['that says nothing', (file) => writeFileSync(file, '[]')],
    ['that is larger than any', (file) => writeFileSync(file, ' '.repeat(5 * 1024 * 1024))],
  ])('%s', ([, change]) => {
    using folder = new TemporaryFolder();
    change(leave(folder, gone));
    using looked = looking(folder);
    expect(looked.told).toEqual([]);
    expect(looked.log.lines).toEqual([]);
  });
});
