// SPDX-License-Identifier: Apache-2.0
// Descriptors that callers are given while signals come and callers are killed.
import { chownSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { RunningCommand, runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { until } from '../support/polling.ts';
import { openFdCount, settledFdCount } from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

describe('added descriptors', () => {
  let agent: WatchedAgent;
  beforeAll(async () => {
    agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });

  /** More than a worker and a helper have come and gone meanwhile there must not be. */
  async function untilFewFds(before: number): Promise<void> {
    await until(
      'descriptors to be closed',
      () => openFdCount(agent.pid) < before + 20 || undefined,
    );
  }

  /** The lines of open-caller.c, by their first words. */
  async function openCalls(...words: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { code, signal, stdout, stderr } = await runCommand([
      compiled('open-caller'),
      agent.socket,
      ...words,
    ]);
    if (code !== 0) throw new Error(`open-caller: ${signal ?? code} ${stdout} ${stderr}`);
    const lines = stdout.trimEnd().split('\n');
    return new Map(lines.map((line) => [line.split(' ')[0] ?? '', Number(line.split(' ')[1])]));
  }

  test('K8, K23: added descriptors: calls that signals take back are done once, and none is left', async () => {
    using folder = new TemporaryFolder();
    await openCalls(folder.at('first'), '10');
    const before = await settledFdCount(agent.pid);

    const answers = await openCalls(folder.at('made'), '3000');

    expect(Object.fromEntries(answers)).toEqual({ OK: 3000, left: 0 });
    await untilFewFds(before);
  });

  test('K23: added descriptors: of callers that are killed at most the last one is left', async () => {
    const path = import.meta.filename;
    await openCalls(path, '2', 'kill');
    const before = await settledFdCount(agent.pid);

    const answers = await openCalls(path, '200', 'kill');

    // whoever is killed after its call and before it closes leaves one, whoever answers
    expect(answers.get('OK')).toBe(200);
    expect(answers.get('left')).toBeLessThanOrEqual(200);
    await untilFewFds(before);
    expect(agent.log()).toEqual([]);
  });
});

// The handler opens the file, and gives what it has: a helper has it first.
test('A4: added descriptors: a caller in a user namespace gets them, however many its user has in flight', async () => {
  const user = 60_200;
  const maxFiles = 4096;
  const asUser = ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'] as const;
  using folder = new TemporaryFolder();
  chownSync(folder.path, user, user);
  await using agent = await startWatchedAgent({
    bundle: testBundle('files'),
    allowedUids: [user],
    // of its helpers, too: so many more than these may not be in flight
    wrapper: ['prlimit', `--nofile=${maxFiles}:${maxFiles}`],
    log: 'warn',
  });
  await using caller = new RunningCommand([
    ...asUser,
    'unshare',
    '--user',
    '--map-root-user',
    compiled('open-caller'),
    agent.socket,
    folder.at('made'),
    '10',
    'wait',
  ]);
  await caller.printed(/ready/u);
  await using sender = new RunningCommand([
    ...asUser,
    compiled('files-in-flight'),
    String(2 * maxFiles),
  ]);
  await sender.printed(/in flight/u);
  caller.write('\n');

  const { stdout, stderr } = await caller.ended;

  expect({ stdout, stderr, log: agent.log() }).toEqual({
    stdout: 'ready\nOK 10\nleft 0\n',
    stderr: '',
    log: [],
  });
});
