// SPDX-License-Identifier: Apache-2.0
// Tests the files that an agent leaves of its containers, and the trust of the next agent in them.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';

import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';

import { EndedAgents } from '../../host/containers/ended-agents.ts';
import { bootId, readServed, ServedFile, servedPrefix } from '../../host/containers/served-file.ts';
import type { ServedContainer } from '../../host/containers/served-file.ts';
import type { KnownProcess } from '../../host/agent-socket/known-process.ts';
import { loadNative } from '../../host/native.ts';
import { KeptLog } from '../support/kept-log.ts';
import { needsRoot } from '../support/needs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const identityOf = loadNative().processIdentity;
let running: ChildProcess;
let living: KnownProcess;
/** Its number is another's by now. */
const gone: KnownProcess = { pid: process.pid, identity: '1' };

beforeAll(async () => {
  running = spawn('sleep', ['1000']);
  await once(running, 'spawn');
  const pid = running.pid ?? 0;
  living = { pid, identity: identityOf(pid) ?? '' };
});

afterAll(() => {
  running.kill('SIGKILL');
});

function containerOf(containerId: string, firstProcess: KnownProcess): ServedContainer {
  const workload = { namespace: 'shop', pod: 'web', container: 'front', podUid: 'u1' };
  return { containerId, firstProcess, workload };
}

interface Left {
  /** Of the file. */
  readonly name?: string;
  readonly boot?: string | undefined;
}

function leave(
  folder: TemporaryFolder,
  agent: KnownProcess,
  { name = 'left', boot = bootId() }: Left = {},
): string {
  const file = servedPrefix(folder.at('agent.socket')) + name;
  const containers = [containerOf('c1', living), containerOf('c2', gone)];
  writeFileSync(file, JSON.stringify({ boot, agent, containers }), { mode: 0o600 });
  return file;
}

function fakeInterval(): void {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

interface Looked extends Disposable {
  readonly told: readonly string[];
  readonly log: KeptLog;
}

const lookEveryMs = 5000;
const longerThanALookMs = 100;
const aMinuteMs = 60_000;

function looking(
  folder: TemporaryFolder,
  tell: (container: ServedContainer) => boolean = () => true,
): Looked {
  const log = new KeptLog();
  const told: string[] = [];
  const ended = new EndedAgents({
    socket: folder.at('agent.socket'),
    log: log.log,
    identityOf,
    tell: (container) => {
      const isTold = tell(container);
      if (isTold) told.push(container.containerId);
      return isTold;
    },
  });
  return { told, log, [Symbol.dispose]: () => ended[Symbol.dispose]() };
}

test('served file: it is root’s alone, says what is served, and goes with the last container', () => {
  using folder = new TemporaryFolder();
  let containers = [containerOf('c1', living)];
  const parts = { socket: folder.at('agent.socket'), log: new KeptLog().log, identityOf };
  const file = new ServedFile({ ...parts, containers: () => containers });
  file[Symbol.dispose]();
  expect(statSync(file.file).mode & 0o777).toBe(0o600);
  const agent = { pid: process.pid, identity: identityOf(process.pid) };
  expect(readServed(file.file)).toEqual({ boot: bootId(), agent, containers });
  containers = [];
  file[Symbol.dispose]();
  expect(readdirSync(folder.path)).toEqual([]);
});

test('served file: a file of others at its path is not written to', () => {
  using folder = new TemporaryFolder();
  const victim = folder.at('victim');
  writeFileSync(victim, 'precious');
  const parts = { socket: folder.at('agent.socket'), log: new KeptLog().log, identityOf };
  const file = new ServedFile({ ...parts, containers: () => [containerOf('c1', living)] });
  for (const name of [file.file, `${file.file}.new`]) symlinkSync(victim, name);
  file[Symbol.dispose]();
  expect(readFileSync(victim, 'utf8')).toBe('precious');
  expect(lstatSync(file.file).isFile()).toBe(true);
});

test('served file: no more is written than is read, and the first ones are there', () => {
  using folder = new TemporaryFolder();
  const first = containerOf('c1', living);
  // as JSON has them, each of these characters takes six
  const long = Array.from({ length: 1000 }, (_, index) =>
    containerOf(`${index}${'\u0001'.repeat(1000)}`, living),
  );
  const parts = { socket: folder.at('agent.socket'), log: new KeptLog().log, identityOf };
  const file = new ServedFile({ ...parts, containers: () => [first, ...long] });
  file[Symbol.dispose]();
  const read = readServed(file.file)?.containers ?? [];
  expect(read[0]).toEqual(first);
  expect(read.length).toBeGreaterThan(500);
});

test('served file: a folder that cannot be written to is told of once', () => {
  const log = new KeptLog();
  const file = new ServedFile({
    socket: '/proc/none/agent.socket',
    log: log.log,
    identityOf,
    containers: () => [containerOf('c1', living)],
  });
  file[Symbol.dispose]();
  file[Symbol.dispose]();
  expect(log.shown).toEqual(['served-not-kept']);
});

test('ended agents: containers that still run are told of, and the file goes', () => {
  using folder = new TemporaryFolder();
  const file = leave(folder, gone);
  using looked = looking(folder);
  expect(looked.told).toEqual(['c1']);
  expect(looked.log.records).toMatchObject([
    {
      event: 'container-orphaned',
      container: 'c1',
      namespace: 'shop',
      pod: 'web',
      containerName: 'front',
    },
  ]);
  expect(existsSync(file)).toBe(false);
});

test('ended agents: a report that cannot be sent yet is kept, and sent later', () => {
  using folder = new TemporaryFolder();
  const file = leave(folder, gone);
  fakeInterval();
  let mayTell = false;
  using looked = looking(folder, () => mayTell);
  expect(existsSync(file)).toBe(true);
  mayTell = true;
  vi.advanceTimersByTime(lookEveryMs);
  expect(looked.told).toEqual(['c1']);
  expect(looked.log.shown).toEqual(['container-orphaned']);
  expect(existsSync(file)).toBe(false);
});

test('ended agents: one that lives still answers', () => {
  using folder = new TemporaryFolder();
  const file = leave(folder, living);
  using looked = looking(folder);
  expect(looked.told).toEqual([]);
  expect(existsSync(file)).toBe(true);
});

test('ended agents: all are looked at, however many live', () => {
  using folder = new TemporaryFolder();
  // a folder may be listed in either order
  const many = Array.from({ length: 40 }, (_, index) => index);
  for (const index of many) leave(folder, living, { name: `a${index}` });
  for (const index of many) leave(folder, gone, { name: `b${index}` });
  for (const index of many) leave(folder, living, { name: `c${index}` });
  fakeInterval();
  using looked = looking(folder);
  // a look is bounded in time, and this machine may be slow
  for (let look = 0; look < 120 && looked.told.length < 40; look += 1) {
    vi.advanceTimersByTime(lookEveryMs);
  }
  expect(looked.told).toEqual(many.map(() => 'c1'));
  expect(readdirSync(folder.path)).toHaveLength(80);
});

test('ended agents: a look that takes long goes on with the others the next time', () => {
  using folder = new TemporaryFolder();
  for (const name of ['a', 'b', 'c']) leave(folder, gone, { name });
  fakeInterval();
  using looked = looking(folder, () => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, longerThanALookMs);
    return true;
  });
  const left = [readdirSync(folder.path).length];
  for (let look = 0; look < 2; look += 1) {
    vi.advanceTimersByTime(lookEveryMs);
    left.push(readdirSync(folder.path).length);
  }
  expect(left).toEqual([2, 1, 0]);
  expect(looked.told).toEqual(['c1', 'c1', 'c1']);
});

test('ended agents: after a reboot, what is left says nothing', () => {
  using folder = new TemporaryFolder();
  const file = leave(folder, gone, { boot: 'another' });
  // its number and start time are those of another process now
  const lives = leave(folder, living, { name: 'lives', boot: 'another' });
  using looked = looking(folder);
  expect(looked.told).toEqual([]);
  expect(looked.log.records).toEqual([]);
  expect([file, lives].filter((each) => existsSync(each))).toEqual([]);
});

test('ended agents: a file that cannot be removed is told of once', () => {
  using folder = new TemporaryFolder();
  const file = leave(folder, gone);
  // nobody removes a folder in place of a file, not even root
  const replace = (): boolean => {
    rmSync(file);
    mkdirSync(file);
    return true;
  };
  fakeInterval();
  using looked = looking(folder, replace);
  rmdirSync(file);
  leave(folder, gone);
  vi.advanceTimersByTime(lookEveryMs);
  expect(looked.told).toEqual(['c1']);
  const unremoved = looked.log.records.filter(({ event }) => event === 'served-not-removed');
  expect(unremoved).toMatchObject([{ file }]);
});

test('ended agents: a half-written file is removed', (context) => {
  needsRoot(context);
  using folder = new TemporaryFolder();
  const longAgo = (Date.now() - 2 * aMinuteMs) / 1000;
  const old = leave(folder, gone, { name: 'begun.new' });
  utimesSync(old, longAgo, longAgo);
  const foreign = leave(folder, gone, { name: 'foreign.new' });
  utimesSync(foreign, longAgo, longAgo);
  chownSync(foreign, 65_534, 65_534);
  const written = leave(folder, gone, { name: 'written.new' });
  using looked = looking(folder);
  expect(looked.told).toEqual([]);
  expect([old, foreign, written].map((file) => existsSync(file))).toEqual([false, true, true]);
});

describe('G7: ended agents: nothing is believed of a file', () => {
  test.for<readonly [string, (file: string) => void]>([
    ['that others may read', (file) => chmodSync(file, 0o644)],
    ['that others may write', (file) => chmodSync(file, 0o620)],
    ['of another user', (file) => chownSync(file, 65_534, 65_534)],
    ['that is no JSON', (file) => writeFileSync(file, '{"agent":')],
    ['that says nothing', (file) => writeFileSync(file, '[]')],
    ['that is larger than any', (file) => writeFileSync(file, ' '.repeat(5 * 1024 * 1024))],
  ])('%s', ([what, change], context) => {
    if (what === 'of another user') needsRoot(context);
    using folder = new TemporaryFolder();
    change(leave(folder, gone));
    using looked = looking(folder);
    expect(looked.told).toEqual([]);
    expect(looked.log.records).toEqual([]);
  });
});
