// SPDX-License-Identifier: Apache-2.0
// Callers that die, that are many, that are not the first thread of their process.
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';

import { describe, expect, test } from 'vitest';

import { compiled } from '../support/compile.ts';
import { contentsOf } from '../support/folder-contents.ts';
import { plainMkdir } from '../support/plain-mkdir.ts';
import { until } from '../support/polling.ts';
import {
  cpuTicks,
  settledFdCount,
  threadCount,
  untilChildless,
  untilFdCountIs,
} from '../support/process-resources.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { runTrap, startTrap, trapLines } from '../support/trap-container.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';
import type { WatchedAgent } from '../support/watched-agent.ts';

const run = promisify(execFile);

const trapped = ['mkdir', 'mkdirat'];

/** Resolves once a whole second has passed in which the process used next to no time. */
async function untilIdle(pid: number): Promise<void> {
  let ticks = cpuTicks(pid);
  let since = performance.now();
  await until(
    'an idle second of the agent',
    () => {
      const now = cpuTicks(pid);
      if (now - ticks > 1) {
        ticks = now;
        since = performance.now();
      }
      return performance.now() - since >= 1000 || undefined;
    },
    10_000,
  );
}

async function serveOne(agent: WatchedAgent, folder: TemporaryFolder): Promise<void> {
  const lines = await trapLines({
    socket: agent.socket,
    trapped,
    operations: [`mkdir:${folder.at('one')}:755`, `exists:${folder.at('one')}`],
  });
  expect(lines[1]).toBe('exists 0 OK 40755 0 0');
}

describe('callers: killed', () => {
  test('K5: callers: one that is killed while it is answered is forgotten without a word', async () => {
    await using agent = await startWatchedAgent({ ...plainMkdir, log: 'info' });
    using folder = new TemporaryFolder();
    const fdCount = await settledFdCount(agent.pid);

    const results = await Promise.all(
      Array.from({ length: 40 }, async (_, index) =>
        runTrap({
          socket: agent.socket,
          trapped,
          // calls without a pause until the kill, 20 ms later
          options: ['-T', '100000', ...(index % 2 === 0 ? ['-k'] : [])],
          operations: ['kill-me', `mkdir:${folder.at(`killed-${index}`)}:755`],
        }),
      ),
    );

    expect(new Set(results.map(({ signal }) => signal))).toEqual(new Set(['SIGKILL']));
    const calls = results.flatMap(({ lines }) => lines.filter((line) => line.startsWith('mkdir')));
    expect(calls.length).toBeGreaterThan(0);
    expect(['mkdir 0 OK', 'mkdir -1 EEXIST']).toEqual(expect.arrayContaining([...new Set(calls)]));
    await serveOne(agent, folder);
    await untilFdCountIs(agent.pid, fdCount);
    await untilChildless(agent.pid);
    expect(agent.log().filter((line) => !line.includes(' INFO '))).toEqual([]);
  });

  test('K5: callers: one that is killed during a slow operation holds nobody up', async () => {
    await using agent = await startWatchedAgent({ resolver: 'demo-basic', log: 'info' });
    using folder = new TemporaryFolder();
    await using others = startTrap({
      socket: agent.socket,
      trapped,
      options: ['-T', '300'],
      operations: [`mkdir:${folder.at('other')}:755`],
    });
    // proc of a new pid namespace is the slowest operation there is
    const lines = await Promise.all(
      Array.from({ length: 16 }, async (_, index) => {
        await using killed = startTrap({
          socket: agent.socket,
          trapped: ['mount'],
          wrapper: ['unshare', '-m', '-p', '-f'],
          options: ['-T', '100000'],
          operations: [`mount:proc:${folder.path}:proc:0:`],
        });
        await killed.untilLines(index % 4);
        return killed.lines();
      }),
    );

    expect(new Set(lines.flat())).toEqual(new Set(['mount 0 OK']));
    const { status, lines: othersLines } = await others.ended;
    expect(status).toBe(0);
    expect(othersLines).toEqual([
      'mkdir 0 OK',
      ...Array.from({ length: 299 }, () => 'mkdir -1 EEXIST'),
    ]);
    await untilChildless(agent.pid);
    expect(agent.log().filter((line) => !line.includes(' INFO '))).toEqual([]);
  });
});

test('K5, K13: callers: a thousand containers leave no descriptor, no thread and an idle agent', async () => {
  await using agent = await startWatchedAgent({ ...plainMkdir, log: 'warn' });
  using folder = new TemporaryFolder();
  const fdCount = await settledFdCount(agent.pid);
  await serveOne(agent, folder);
  await untilIdle(agent.pid);
  const threads = threadCount(agent.pid);

  // eight at a time; a shell starts programs faster than we do
  const loop =
    'for i in $(seq 125); do "$0" -s "$1" -n mkdir -- "mkdir:$2/container-$3-$i:755"; done';
  const outputs = await Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      const args = [compiled('trap'), agent.socket, folder.path, String(index)];
      const { stdout } = await run('sh', ['-c', loop, ...args]);
      return stdout;
    }),
  );

  expect(outputs.join('')).toBe('mkdir 0 OK\n'.repeat(1000));
  expect(readdirSync(folder.path)).toHaveLength(1001);
  await untilFdCountIs(agent.pid, fdCount);
  await until('no more threads than before', () =>
    threadCount(agent.pid) <= threads ? true : undefined,
  );
  await untilIdle(agent.pid);
  await untilChildless(agent.pid);
  expect(agent.log()).toEqual([]);
});

describe('callers: threads', () => {
  test('K3: callers: a thread that is not the first is answered', async () => {
    await using agent = await startWatchedAgent({ ...plainMkdir, log: 'warn' });
    using folder = new TemporaryFolder();

    const lines = await trapLines({
      socket: agent.socket,
      trapped,
      options: ['-t', '-u', '1000', '-g', '1000,2000'],
      operations: [`mkdir:${folder.at('refused')}:755`, 'mkdir-null', 'mkdir:/tmp:755'],
    });

    expect(lines).toEqual(['mkdir -1 EACCES', 'mkdir-null -1 EFAULT', 'mkdir -1 EEXIST']);
  });

  test('K3: callers: a thread is answered by its own cwd, descriptors and umask', async () => {
    await using agent = await startWatchedAgent({ ...plainMkdir, log: 'warn' });
    using folder = new TemporaryFolder();

    const lines = await trapLines({
      socket: agent.socket,
      trapped,
      folder: folder.path,
      operations: [`exec:${compiled('thread-caller')}:unshared`],
    });

    expect(lines).toEqual(['relative 0 OK', 'by-dirfd 0 OK', 'exec 0 OK']);
    expect(contentsOf(folder.path)).toEqual([
      'by-dirfd 40700 0 0',
      'threads-own 40755 0 0',
      'threads-own/relative 40700 0 0',
    ]);
  });

  test('K3: callers: a thread whose first thread has exited is answered', async () => {
    await using agent = await startWatchedAgent({ ...plainMkdir, log: 'warn' });
    using folder = new TemporaryFolder();

    const lines = await trapLines({
      socket: agent.socket,
      trapped,
      folder: folder.path,
      operations: [`exec:${compiled('thread-caller')}:orphan`],
    });

    expect(lines).toEqual(['orphan 0 OK', 'again -1 EEXIST', 'exec 0 OK']);
    expect(agent.log()).toEqual([]);
  });

  test('K3: callers: 32 threads at once each get their own answers', async () => {
    await using agent = await startWatchedAgent({ ...plainMkdir, log: 'warn' });
    using folder = new TemporaryFolder();

    const lines = await trapLines({
      socket: agent.socket,
      trapped,
      folder: folder.path,
      operations: [`exec:${compiled('thread-caller')}:crowd`],
    });

    expect(lines).toEqual(['crowd 1024 0', 'exec 0 OK']);
    expect(readdirSync(folder.path)).toHaveLength(512);
  });

  test('K3: callers: 32 containers at once each get their own answers', async () => {
    await using agent = await startWatchedAgent({ resolver: 'demo-basic', log: 'warn' });
    using folder = new TemporaryFolder();
    const pids: number[] = [];

    const all = await Promise.all(
      Array.from({ length: 32 }, async (_, index) => {
        await using trap = startTrap({
          socket: agent.socket,
          trapped: [...trapped, 'chmod'],
          options: ['-T', '8'],
          operations: [`mkdir:${folder.at(`of-${index}`)}:755`, 'chmod:/tmp:700', 'mkdir-null'],
        });
        pids[index] = trap.pid;
        return await trap.ended;
      }),
    );

    const again = ['mkdir -1 EEXIST', 'chmod -1 EBADMSG', 'mkdir-null -1 EFAULT'];
    const expected = ['mkdir 0 OK', ...again.slice(1), ...Array.from({ length: 7 }, () => again)];
    for (const { lines } of all) expect(lines).toEqual(expected.flat());
    // each under its own process's id
    expect(readdirSync(folder.path).toSorted()).toEqual(
      pids.map((pid, index) => `of-${index}-pid-${pid}`).toSorted(),
    );
  });
});
