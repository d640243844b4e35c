// SPDX-License-Identifier: Apache-2.0
// Calls that the kernel takes back and makes again: for signals, for the freezer. What a handler
// has done for such a call, it has done once.
import { readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { describe, expect, test } from 'vitest';

import { runCommand } from '../support/command.ts';
import { Freezer } from '../support/freezer.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import type { HostileAgent } from '../support/hostile-agent-process.ts';
import { plainMkdir } from '../support/plain-mkdir.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { TimedCalls } from '../support/timed-calls.ts';
import type { TimedCallsOptions, TimedCallsResult } from '../support/timed-calls.ts';
import { trapLines } from '../support/trap-container.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

const slow = 'slow-mkdir';
const slowLook = 'slow-look';
/** Without WAIT_KILLABLE_RECV, where the kernel makes the calls again, see `expectEachMadeOnce`. */
const maxLostOfThousand = 3;

/** An agent whose bundle `slow-mkdir` computes for so long, then makes the directory. */
async function startSlowAgent(milliseconds: number): Promise<HostileAgent> {
  const agent = await startHostileAgent({ log: 'warn' });
  agent.bundles.write(slow, {
    component: slow,
    settings: { milliseconds: String(milliseconds) },
    grants: ['filesystem'],
    deadline: '20s',
  });
  return agent;
}

async function runCalls(options: TimedCallsOptions): Promise<TimedCallsResult> {
  await using calls = new TimedCalls(options);
  await calls.ready();
  calls.begin();
  return await calls.result();
}

/**
 * Without WAIT_KILLABLE_RECV the kernel takes an answer and loses it when a signal comes in the same
 * microsecond: the call comes again, and finds its directory there. That can be made rare only.
 */
function expectEachMadeOnce(
  answers: Readonly<Record<string, number>>,
  calls: number,
  maxLost: number,
): void {
  const { OK = 0, EEXIST = 0, ...others } = answers;
  expect(others).toEqual({});
  expect(OK + EEXIST).toBe(calls);
  expect(EEXIST).toBeLessThanOrEqual(maxLost);
}

describe('restarts: for signals', () => {
  test('K7, K8: restarts: without WAIT_KILLABLE each directory is made once, with a signal each millisecond', async () => {
    await using agent = await startWatchedAgent({ ...plainMkdir, log: 'warn' });
    using folder = new TemporaryFolder();

    const all = await Promise.all(
      Array.from({ length: 4 }, async (_, index) =>
        runCalls({
          socket: agent.socket,
          call: `mkdir:${folder.at(`made-${index}`)}`,
          calls: 1000,
          signalUs: 1000,
        }),
      ),
    );

    for (const { answers, signals } of all) {
      expectEachMadeOnce(answers, 1000, maxLostOfThousand);
      expect(signals).toBeGreaterThan(10);
    }
    expect(readdirSync(folder.path)).toHaveLength(4000);
    expect(agent.log()).toEqual([]);
  });

  // who asks for no restarts sees EINTR; what it calls then is a call of its own, and finds the
  // directory there that the first one has made
  test.for([
    { name: 'restarts, no flag', repeatsItself: false, isWaitKillable: false },
    { name: 'restarts, the flag', repeatsItself: false, isWaitKillable: true },
    { name: 'repeats itself, no flag', repeatsItself: true, isWaitKillable: false },
    { name: 'repeats itself, the flag', repeatsItself: true, isWaitKillable: true },
  ])(
    'K8: restarts: EEXIST is for who repeats EINTR itself without WAIT_KILLABLE alone: $name',
    async ({ repeatsItself, isWaitKillable }) => {
      await using agent = await startWatchedAgent({ ...plainMkdir, log: 'warn' });
      using folder = new TemporaryFolder();
      const calls = 1000;

      const { answers, signals, repeats } = await runCalls({
        socket: agent.socket,
        call: `mkdir:${folder.at('made')}`,
        calls,
        signalUs: 1000,
        repeatsItself,
        isWaitKillable,
      });

      const { OK = 0, EEXIST = 0, ...others } = answers;
      expect(others).toEqual({});
      expect(OK + EEXIST).toBe(calls);
      const maxWithoutFlag = repeatsItself ? repeats : maxLostOfThousand;
      expect(EEXIST).toBeLessThanOrEqual(isWaitKillable ? 0 : maxWithoutFlag);
      // never another effect, whatever the answers were
      expect(readdirSync(folder.path)).toHaveLength(calls);
      expect(signals).toBeGreaterThan(10);
      expect(agent.log()).toEqual([]);
    },
  );

  test('K7, K8, K10: restarts: a slow handler makes each directory once, with signals like Go’s', async () => {
    await using agent = await startSlowAgent(100);
    using folder = new TemporaryFolder();
    const containers = 4;
    const threads = 5;
    const calls = 3;

    const all = await Promise.all(
      Array.from({ length: containers }, async (_, index) =>
        runCalls({
          socket: agent.socket,
          metadata: slow,
          call: `mkdir:${folder.at(`made-${index}`)}`,
          threads,
          calls,
          signalUs: 10_000,
        }),
      ),
    );

    for (const { answers, signals } of all) {
      expect(answers).toEqual({ OK: threads * calls });
      expect(signals).toBeGreaterThan(threads * calls);
    }
    expect(readdirSync(folder.path)).toHaveLength(containers * threads * calls);
    expect(agent.log()).toEqual([]);
  });

  test('K10: restarts: a thousand calls of twenty threads, taken back while handlers run, each have one effect', async () => {
    await using agent = await startSlowAgent(5);
    using folder = new TemporaryFolder();

    const { answers, signals } = await runCalls({
      socket: agent.socket,
      metadata: slow,
      call: `mkdir:${folder.at('made')}`,
      threads: 20,
      calls: 50,
      signalUs: 2000,
    });

    expectEachMadeOnce(answers, 1000, 1);
    expect(signals).toBeGreaterThan(1000);
    expect(readdirSync(folder.path)).toHaveLength(1000);
    expect(agent.log()).toEqual([]);
  });

  test('K10: restarts: a handler sees the caller of a call that was taken back while it ran', async () => {
    await using agent = await startHostileAgent({ log: 'warn' });
    agent.bundles.write(slowLook, {
      component: slowLook,
      settings: { milliseconds: '2' },
      grants: ['caller'],
      deadline: '20s',
    });
    const calls = 100;
    const { answers, signals } = await runCalls({
      socket: agent.socket,
      metadata: slowLook,
      call: 'mkdir:/never-made',
      calls,
      threads: 4,
      signalUs: 200,
    });
    expect(answers).toEqual({ OK: 4 * calls });
    expect(signals).toBeGreaterThan(calls);
  });

  test('K10: restarts: a call that is really made again is answered again', async () => {
    await using agent = await startSlowAgent(50);
    using folder = new TemporaryFolder();
    const operation = `mkdir:${folder.at('made')}:755`;

    const lines = await trapLines({
      socket: agent.socket,
      trapped: ['mkdir'],
      options: ['-m', slow],
      operations: [operation, operation, operation],
    });

    expect(lines).toEqual(['mkdir 0 OK', 'mkdir -1 EEXIST', 'mkdir -1 EEXIST']);
  });

  test('K7: restarts: the pipelines of a shell, whose children end all the time, are all right', async () => {
    await using agent = await startWatchedAgent({ ...plainMkdir, log: 'warn' });
    using folder = new TemporaryFolder();
    const script = [
      'i=0',
      'while [ $i -lt 20 ]; do',
      '  mkdir "p$i" | cat | cat & mkdir "q$i" && echo made | cat | cat; mkdir "r$i" | true; wait',
      '  i=$((i + 1))',
      'done',
    ].join('\n');
    const program = folder.at('script');
    await runCommand([
      'sh',
      '-c',
      'printf "%s\\n" "#!/bin/dash" "$1" >"$0"; chmod +x "$0"',
      program,
      script,
    ]);

    const lines = await trapLines({
      socket: agent.socket,
      trapped: ['mkdir', 'mkdirat'],
      folder: folder.path,
      operations: [`exec:${program}:`],
    });

    expect(lines).toEqual([...Array<string>(20).fill('made'), 'exec 0 OK']);
    expect(readdirSync(folder.path)).toHaveLength(61);
    expect(agent.log()).toEqual([]);
  });
});

describe('restarts: for the freezer', () => {
  test('K11: restarts: a container that is frozen and thawed again and again makes each directory once', async () => {
    await using agent = await startSlowAgent(3);
    using folder = new TemporaryFolder();
    await using freezer = new Freezer();
    await using calls = new TimedCalls({
      socket: agent.socket,
      metadata: slow,
      call: `mkdir:${folder.at('made')}`,
      threads: 4,
      calls: 50,
    });
    await calls.ready();
    freezer.take(calls.pid);

    calls.begin();
    const over = new AbortController();
    const result = calls.result().finally(() => {
      over.abort();
    });
    let rounds = 0;
    while (!over.signal.aborted && rounds < 60) {
      await freezer.freeze();
      await pause(10);
      freezer.thaw();
      await pause(10);
      rounds += 1;
    }

    expect((await result).answers).toEqual({ OK: 200 });
    expect(rounds).toBeGreaterThan(5);
    expect(readdirSync(folder.path)).toHaveLength(200);
    expect(agent.log()).toEqual([]);
  });

  test('K11: restarts: quick calls under a freezer are all answered', async () => {
    await using agent = await startWatchedAgent({ ...plainMkdir, log: 'warn' });
    using folder = new TemporaryFolder();
    await using freezer = new Freezer();
    await using calls = new TimedCalls({
      socket: agent.socket,
      call: `mkdir:${folder.at('made')}`,
      threads: 4,
      calls: 0,
      pauseUs: 100,
    });
    await calls.ready();
    freezer.take(calls.pid);

    calls.begin();
    for (let round = 0; round < 40; round += 1) {
      await freezer.freeze();
      await pause(3);
      freezer.thaw();
      await pause(7);
    }
    calls.finish();

    const { answers, calls: count } = await calls.result();
    expect(answers).toEqual({ OK: count });
    expect(readdirSync(folder.path)).toHaveLength(count);
    expect(agent.log()).toEqual([]);
  });
});
