// SPDX-License-Identifier: Apache-2.0
// Tests what the audit log keeps when there is no room for all of it.
import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { createLog } from '../../host/log/log.ts';
import { AuditLog } from '../../host/observation/audit-log.ts';
import type { ShownDecision, WatchedContainer } from '../../host/observation/decision.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const log = createLog({ level: 'fatal', format: 'text', isColored: false });

function containerOf(containerId: string): WatchedContainer {
  return {
    containerId,
    workload: { namespace: 'shop', pod: 'web-1' },
    firstPid: 1,
    filterPid: 1,
    peerUid: 1000,
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
