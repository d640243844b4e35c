// SPDX-License-Identifier: Apache-2.0
// Files that never answer, opened and changed by helpers: they are given up in time, and nobody else
// notices.
import { chmodSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { isOfHangingCall } from '../support/hanging-lines.ts';
import { until } from '../support/polling.ts';
import { killedChildren, untilChildless } from '../support/process-resources.ts';
import { SteadyCaller } from '../support/steady-caller.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

/** Maximal time of a call's operations, and where others have waited for a second. */
const operationsMs = 10_000;
const leastMs = 240;
/** Maximal time of all calls that go on, however busy the machine is. */
const quickMs = 2900;
/** Until a helper is killed and the call answered; others use this machine too. */
const lateMs = 3000;
/** Until all threads are known that others may not wait for. */
const learningMs = 6000;
const nsPerMs = 1e6;
/** Longer than any call may wait for a worker, but for those of slow containers. */
const turnsMs = 14_000;
/** Several times as many as there are workers. */
const hangingContainers = 40;
/** Helpers that hang: as many as one container may have, and all before each may have one only. */
const helpersOfOne = 8;
const helpersOfAll = 128;
/** Containers that could have far more together. */
const crowd = 24;
const user = 1000;

/** The calls of stuck-caller.c that never end: those that only helpers do, and others. */
const ofHelpers = ['fuse-open', 'fuse-create'];
const ofAnybody = ['fuse-symlink', 'fuse-rename', 'fuse-unlink', 'fuse-chmod'];

/** How many copies of stuck-caller's file an agent has open. */
function copiesIn(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((fd) => linkIn(folder, fd).endsWith('/clinging')).length;
}

/** Where it leads; empty: it is closed meanwhile. */
function linkIn(folder: string, fd: string): string {
  try {
    return readlinkSync(join(folder, fd));
  } catch {
    return '';
  }
}

describe('stuck files', () => {
  let agent: WatchedAgent;
  beforeAll(async () => {
    agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });

  interface Answered {
    readonly call: string;
    readonly answer: string;
    readonly tookMs: number;
  }

  /** Makes each of the calls in a thread of one container. */
  async function answersTo(
    calls: readonly string[],
    { socket } = agent,
  ): Promise<readonly Answered[]> {
    using folder = new TemporaryFolder();
    const path = makeFolder(folder.path, 'root');
    await using container = new RunningCommand(
      [compiled('stuck-caller'), '-s', socket, path, ...calls],
      { deadlineMs: operationsMs * 3 },
    );
    const { code, signal, stdout, stderr } = await container.ended;
    if (code !== 0) throw new Error(`stuck-caller: ${signal ?? code} ${stdout} ${stderr}`);
    const lines = stdout.matchAll(/^(\S+) (\S+) (\d+)$/gmu);
    return [...lines].map(([, call = '', answer = '', ns]) => ({
      call,
      answer,
      tookMs: Number(ns) / nsPerMs,
    }));
  }

  test('A5: stuck files: each kind of call is given up at its deadline, and others go on', async () => {
    await using bystander = new SteadyCaller('mkdir /there/is/none', { socket: agent.socket });

    const [theirs = [], others = []] = await Promise.all(
      [ofHelpers, ofAnybody].map(async (kinds) =>
        (await Promise.all(kinds.map((call) => answersTo([call])))).flat(),
      ),
    );

    const calls = await bystander.finish();
    const all = [...theirs, ...others];
    expect(all.map(({ call, answer }) => `${call} ${answer}`)).toEqual(
      [...ofHelpers, ...ofAnybody].map((call) => `${call} ETIMEDOUT`),
    );
    const longest = Math.max(...all.map(({ tookMs }) => tookMs));
    expect(longest).toBeLessThan(operationsMs + lateMs);
    expect(Math.min(...all.map(({ tookMs }) => tookMs))).toBeGreaterThan(leastMs);
    expect([...new Set(calls.map(({ answer }) => answer))]).toEqual(['ENOENT']);
    expect(calls.length).toBeGreaterThan(50);
    expect(Math.max(...calls.map(({ tookMs }) => tookMs))).toBeLessThan(learningMs);
  });

  test('A5: stuck files: a descriptor whose fdinfo is locked holds nobody up', async () => {
    const all = await answersTo(['epoll-fchmod', 'epoll-fchmod']);
    expect(all).toHaveLength(2);
    expect(all.map(({ answer }) => answer)).not.toContain('ETIMEDOUT');
    expect(Math.max(...all.map(({ tookMs }) => tookMs))).toBeLessThan(quickMs);
  });

  test('A5: stuck files: many containers that begin to hang at once hold others up only until they are known', async () => {
    using folder = new TemporaryFolder();
    await using hanging = new AsyncDisposableStack();
    for (let index = 0; index < hangingContainers; index += 1) {
      const path = makeFolder(folder.path, `hanging-${index}`);
      const command = ['-s', agent.socket, '-l', path, 'fuse-open', 'fuse-create'];
      hanging.use(
        new RunningCommand([compiled('stuck-caller'), ...command], {
          deadlineMs: operationsMs * 3,
        }),
      );
    }
    await using bystander = new SteadyCaller('mkdir /there/is/none', { socket: agent.socket });
    await pause(operationsMs);

    const calls = await bystander.finish();
    expect([...new Set(calls.map(({ answer }) => answer))]).toEqual(['ENOENT']);
    expect(Math.max(...calls.map(({ tookMs }) => tookMs))).toBeLessThan(operationsMs);
  });

  test('A5: stuck files: however many containers hang, the helpers that do are bounded, and others have theirs', async () => {
    // of its own, since so many calls that fail are told of in many lines
    await using own = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
    using folder = new TemporaryFolder();
    await using hanging = new AsyncDisposableStack();
    const calls = Array.from({ length: helpersOfOne }, () => 'fuse-open');
    for (let index = 0; index < crowd; index += 1) {
      const path = makeFolder(folder.path, `hanging-${index}`);
      hanging.use(
        new RunningCommand([compiled('stuck-caller'), '-s', own.socket, '-l', path, ...calls], {
          deadlineMs: operationsMs * 10,
        }),
      );
    }
    await until(
      'many helpers to hang',
      () => killedChildren(own.pid) >= helpersOfAll || undefined,
      operationsMs * 8,
    );
    // enough for as many again
    await pause(operationsMs);

    // one for each container, and some that have been killed just now
    expect(killedChildren(own.pid)).toBeLessThan(helpersOfAll + crowd + helpersOfOne);
    const [other] = await answersTo(['socket-open'], own);
    expect(other?.answer).toBe('ENXIO');
    await hanging.disposeAsync();
    await untilChildless(own.pid);
    expect(own.log().filter((line) => !isOfHangingCall(line))).toEqual([]);
  });

  test('A10: stuck files: all containers of a user may have as many helpers that hang as one', async () => {
    await using own = await startWatchedAgent({
      bundle: testBundle('perform'),
      log: 'warn',
      allowedUids: [user],
    });
    using folder = new TemporaryFolder();
    chmodSync(folder.path, 0o755);
    await using hanging = new AsyncDisposableStack();
    const calls = Array.from({ length: helpersOfOne }, () => 'fuse-open');
    const options = ['-s', own.socket, '-u', String(user), '-l'];
    for (let index = 0; index < crowd; index += 1) {
      const path = makeFolder(folder.path, `hanging-${index}`);
      hanging.use(
        new RunningCommand([compiled('stuck-caller'), ...options, path, ...calls], {
          deadlineMs: operationsMs * 10,
        }),
      );
    }
    await until(
      'some helpers to hang',
      () => killedChildren(own.pid) >= helpersOfOne || undefined,
      operationsMs * 8,
    );
    await pause(operationsMs * 2);

    // those that were at it when the first ones were killed hang, too
    expect(killedChildren(own.pid)).toBeLessThan(helpersOfOne * 5);
    const [other] = await answersTo(['socket-open'], own);
    expect(other?.answer).toBe('ENXIO');
    await hanging.disposeAsync();
    await untilChildless(own.pid);
    expect(own.log().filter((line) => !isOfHangingCall(line))).toEqual([]);
  });

  test('A5: stuck files: files that cannot be closed hold up the helpers of nobody else', async () => {
    await using own = await startWatchedAgent({ bundle: testBundle('give'), log: 'warn' });
    using folder = new TemporaryFolder();
    // each call has the agent copy the file; the copies that it cannot close any more stay open
    const calls = Array.from({ length: helpersOfOne * 16 }, () => 'fuse-fchmod');
    const path = makeFolder(folder.path, 'hangs');
    await using hanging = new RunningCommand(
      [compiled('stuck-caller'), '-s', own.socket, '-l', path, ...calls],
      { deadlineMs: operationsMs * 3 },
    );
    await until('a copy to be left open', () => copiesIn(own.pid) > 0 || undefined);
    await pause(leastMs * 4);

    const all: Answered[] = [];
    // each container's first call starts a helper
    for (let round = 0; round < 5; round += 1) all.push(...(await answersTo(['socket-open'], own)));

    expect(all.map(({ answer }) => answer)).toEqual(Array.from({ length: 5 }, () => 'ENOENT'));
    expect(Math.max(...all.map(({ tookMs }) => tookMs))).toBeLessThan(operationsMs);
    await until('a copy to be left open still', () => copiesIn(own.pid) > 0 || undefined);
    hanging.kill('SIGKILL');
    await untilChildless(own.pid);
    expect(own.log().filter((line) => !isOfHangingCall(line))).toEqual([]);
  });

  test('A5: stuck files: a container that is only slow gets its turns beside others that hang', async () => {
    using folder = new TemporaryFolder();
    await using running = new AsyncDisposableStack();
    const start = (name: string, words: readonly string[]): RunningCommand => {
      const command = ['-s', agent.socket, '-l', ...words.slice(0, -4)];
      const path = makeFolder(folder.path, name);
      return running.use(
        new RunningCommand([compiled('stuck-caller'), ...command, path, ...words.slice(-4)], {
          deadlineMs: turnsMs * 3,
        }),
      );
    };
    const calls = ['fuse-open', 'fuse-open', 'fuse-open', 'fuse-open'];
    for (let index = 0; index < 3; index += 1) start(`hanging-${index}`, calls);
    await pause(operationsMs / 4);
    const slow = start('slow', ['-a', '150000', ...calls]);
    await pause(turnsMs);

    const answers = [...slow.stdout.matchAll(/^fuse-open (\S+) \d+$/gmu)].map(([, name]) => name);
    expect([...new Set(answers)]).toEqual(['ENOENT']);
    expect(answers.length).toBeGreaterThan(5);
  });

  test('A9: stuck files: full sockets and FIFOs of the container’s hold nobody up', async () => {
    const all = await answersTo(['fifo-that-is-full', 'socket-open', 'socket-chmod']);

    expect(all.map(({ call, answer }) => `${call} ${answer}`).toSorted()).toEqual([
      'fifo-that-is-full OK',
      'socket-chmod OK',
      'socket-open ENXIO',
    ]);
    expect(Math.max(...all.map(({ tookMs }) => tookMs))).toBeLessThan(quickMs);
  });

  test('A5: stuck files: a hung helper is gone once its container is', async () => {
    // helpers that are of use are kept for half a minute, and end with their container
    await untilChildless(agent.pid);

    expect(agent.log().filter((line) => !isOfHangingCall(line))).toEqual([]);
    // what containers bring about in each of their calls is not told of each
    expect(agent.log().length).toBeLessThan(10_000);
  });
});
