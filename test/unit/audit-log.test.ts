// SPDX-License-Identifier: Apache-2.0
// Tests what the audit log keeps when there is no room for all of it.
import { mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';

import { expect, test } from 'vitest';

import { createLog } from '../../host/log/log.ts';
import { AuditLog } from '../../host/observation/audit-log.ts';
import type { ShownDecision, WatchedContainer } from '../../host/observation/decision.ts';
import { defaultBounds } from '../../host/observation/rotated-files.ts';
import { until } from '../support/polling.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const log = createLog({ level: 'fatal', format: 'text', isColored: false });

function containerOf(containerId: string, peerUid = 1000): WatchedContainer {
  return {
    containerId,
    workload: { namespace: 'shop', pod: 'web-1' },
    firstPid: 1,
    filterPid: 1,
    peerUid,
    handlers: [],
    watchers: [],
  };
}

const kilobyte = 1024;

function decisionOf(container: WatchedContainer, answer: ShownDecision['answer']): ShownDecision {
  const bytes = new Uint8Array(64 * kilobyte).fill(0x61);
  return {
    at: Date.now(),
    container,
    tid: 2,
    notificationId: 1n,
    arch: 'x86_64',
    number: 83,
    syscall: 'mkdir',
    handler: undefined,
    answer,
    delayMs: 0,
    failure: 'none',
    acts: [],
    microseconds: 1,
    arguments: [{ name: 'path', value: { kind: 'bytes', bytes } }],
  };
}

function linesOf(file: string): readonly Readonly<Record<string, unknown>>[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

test('M6: audit: control characters are written as their numbers, in JSON that means the same', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('audit.jsonl');
  const path = 'a\u001B[2J\u007F\u009B2J\u202E\u2028\n"\\b';
  const audit = await AuditLog.open({ path: file, withArguments: true }, log);
  const bytes = new TextEncoder().encode(path);
  audit.take({
    ...decisionOf(containerOf('c1'), { kind: 'continue' }),
    arguments: [{ name: 'path', value: { kind: 'bytes', bytes } }],
  });
  await audit[Symbol.asyncDispose]();
  expect(linesOf(file)).toMatchObject([{ arguments: { path } }]);
  const text = readFileSync(file, 'utf8');
  expect(text.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Bidi_Control}\u2028]/u);
  expect(text).toContain(String.raw`\u007f\u009b2J\u202e`);
});

test('audit: a flood of calls that continue leaves room to others, and what is lost is told by container', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('audit.jsonl');
  const audit = await AuditLog.open({ path: file, withArguments: true }, log);
  const [loud, quiet] = [containerOf('loud'), containerOf('quiet')];
  // 32 MiB before anything is written
  for (let call = 0; call < 512; call += 1) audit.take(decisionOf(loud, { kind: 'continue' }));
  audit.take(decisionOf(loud, { kind: 'errno', errno: 'EPERM' }));
  audit.take(decisionOf(quiet, { kind: 'continue' }));
  audit.lost(loud, 1000);
  await audit[Symbol.asyncDispose]();
  const lines = linesOf(file);
  const ofQuiet = lines.filter((line) => line['container'] === 'quiet');
  expect(ofQuiet).toMatchObject([{ answer: 'continue' }]);
  const told = lines.filter((line) => line['answer'] === 'continue').length - 1;
  expect(told).toBeGreaterThan(90);
  expect(lines.filter((line) => line['answer'] === 'errno')).toHaveLength(1);
  const common = { namespace: 'shop', pod: 'web-1', peerUid: 1000 };
  expect(lines.filter((line) => 'decisionsLost' in line)).toMatchObject([
    { ...common, container: 'loud', decisionsLost: 1000 + 512 - told },
  ]);
  expect(audit.counts).toEqual({ written: lines.length, lost: 512 - told });
});

/** Bytes of the lines of each container, and how many it is said to have lost. */
function bytesBy(file: string): ReadonlyMap<string, { bytes: number; told: number; lost: number }> {
  const all = new Map<string, { bytes: number; told: number; lost: number }>();
  for (const line of linesOf(file)) {
    const name = String(line['container']);
    const of = all.get(name) ?? { bytes: 0, told: 0, lost: 0 };
    of.bytes += JSON.stringify(line).length;
    if ('decisionsLost' in line) of.lost += Number(line['decisionsLost']);
    else of.told += 1;
    all.set(name, of);
  }
  return all;
}

test('audit: a container has a rate, what is beyond it is told by container, and others have all theirs', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('audit.jsonl');
  const bounds = { ...defaultBounds, bytesPerSecond: 8 * kilobyte };
  const audit = await AuditLog.open({ path: file, withArguments: true, bounds }, log);
  const [loud, quiet] = [containerOf('loud', 0), containerOf('quiet', 0)];
  const began = performance.now();
  for (let turn = 0; turn < 5; turn += 1) {
    for (let call = 0; call < 20; call += 1) audit.take(decisionOf(loud, { kind: 'continue' }));
    audit.take(decisionOf(quiet, { kind: 'continue' }));
    audit.taken();
    const written = audit.counts.written;
    await until('some to be written', () => audit.counts.written > written || undefined);
  }
  audit.take(decisionOf(loud, { kind: 'errno', errno: 'EPERM' }));
  await audit[Symbol.asyncDispose]();
  const seconds = (performance.now() - began) / 1000;
  const { loud: ofLoud, quiet: ofQuiet } = Object.fromEntries(bytesBy(file));
  expect(ofQuiet).toMatchObject({ told: 5, lost: 0 });
  expect(ofLoud?.bytes).toBeLessThan((128 + seconds) * 8 * kilobyte);
  // its calls that just continue have left a quarter to others
  expect(linesOf(file).filter((line) => line['answer'] === 'errno')).toHaveLength(1);
  expect((ofLoud?.told ?? 0) + (ofLoud?.lost ?? 0)).toBe(101);
});

test('audit: all containers of a user have a rate together', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('audit.jsonl');
  const bounds = { ...defaultBounds, bytesPerSecond: 8 * kilobyte };
  const audit = await AuditLog.open({ path: file, withArguments: true, bounds }, log);
  for (let each = 0; each < 200; each += 1) {
    audit.take(decisionOf(containerOf(`c${each}`, 1000), { kind: 'errno', errno: 'EPERM' }));
  }
  audit.take(decisionOf(containerOf('other', 1001), { kind: 'errno', errno: 'EPERM' }));
  await audit[Symbol.asyncDispose]();
  const lines = linesOf(file).filter((line) => 'answer' in line);
  expect(lines.length).toBeLessThanOrEqual(4 * 16 + 1 + 1);
  expect(lines.at(-1)).toMatchObject({ container: 'other' });
});

test('audit: files are rotated by their size, and the log says what is gone', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('audit.jsonl');
  const rotateBytes = 200 * kilobyte;
  const bounds = { rotateBytes, rotateFiles: 2, bytesPerSecond: undefined };
  const audit = await AuditLog.open({ path: file, withArguments: true, bounds }, log);
  for (let call = 1; call <= 20; call += 1) {
    audit.take(decisionOf(containerOf('c1'), { kind: 'value', value: BigInt(call) }));
    audit.taken();
    await until('it to be written', () => audit.counts.written >= call || undefined);
  }
  await audit[Symbol.asyncDispose]();
  const names = readdirSync(folder.path).toSorted();
  expect(names).toEqual(['audit.jsonl', 'audit.jsonl.1', 'audit.jsonl.2']);
  const all = ['audit.jsonl.2', 'audit.jsonl.1', 'audit.jsonl'].map((name) => folder.at(name));
  for (const name of all) {
    expect(statSync(name).size).toBeLessThanOrEqual(rotateBytes);
    expect(statSync(name).mode & 0o777).toBe(0o600);
  }
  const lines = all.flatMap((name) => linesOf(name));
  const values = lines.flatMap(({ value }) => (value === undefined ? [] : [value]));
  const first = 20 - values.length + 1;
  expect(values).toEqual(Array.from(values, (_, index) => first + index));
  expect(values.length).toBeGreaterThanOrEqual(6);
  const removed = lines.filter((line) => 'bytesRemoved' in line);
  expect(removed.length).toBeGreaterThan(0);
  for (const line of removed) expect(line['bytesRemoved']).toBeGreaterThan(100 * kilobyte);
});

test('audit: where files cannot be rotated, nothing grows beyond its size, and lines are lost', async () => {
  using folder = new TemporaryFolder();
  const file = folder.at('audit.jsonl');
  mkdirSync(folder.at('audit.jsonl.1'));
  const bounds = { rotateBytes: 100 * kilobyte, rotateFiles: 1, bytesPerSecond: undefined };
  const audit = await AuditLog.open({ path: file, withArguments: true, bounds }, log);
  for (let call = 1; call <= 3; call += 1) {
    audit.take(decisionOf(containerOf('c1'), { kind: 'continue' }));
    audit.taken();
  }
  await audit[Symbol.asyncDispose]();
  expect(audit.counts).toEqual({ written: 1, lost: 2 });
  expect(statSync(file).size).toBeLessThanOrEqual(100 * kilobyte);
}, 20_000);
