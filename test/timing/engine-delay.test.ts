// SPDX-License-Identifier: Apache-2.0
// Late answers: they come when they should, however many there are, and cost no thread.
import { describe, expect, test } from 'vitest';

import { poolSize } from '../../host/worker/pool-size.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import type { HostileAgent } from '../support/hostile-agent-process.ts';
import { cpuTicks, threadCount } from '../support/process-resources.ts';
import { makeRootfs } from '../support/rootfs.ts';
import { runInRunc } from '../support/runc-command.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { TimedCalls } from '../support/timed-calls.ts';
import type { TimedCallsOptions, TimedCallsResult } from '../support/timed-calls.ts';

const delay = 'delay';
/** How much later than its time an answer may be. */
const lateMs = 500;

interface Delay {
  readonly milliseconds: number;
  /** `continue` or an errno. */
  readonly answer: string;
  readonly syscalls: readonly string[];
}

async function startDelayAgent({ milliseconds, answer, syscalls }: Delay): Promise<HostileAgent> {
  const agent = await startHostileAgent({ log: 'warn' });
  const settings = { milliseconds: String(milliseconds), answer };
  agent.bundles.write(delay, { component: delay, syscalls, settings });
  return agent;
}

async function runCalls(options: TimedCallsOptions): Promise<TimedCallsResult> {
  await using calls = new TimedCalls(options);
  await calls.ready();
  calls.begin();
  return await calls.result();
}

describe('late answers', () => {
  test('late answers: each comes after its time, and soon after', async () => {
    const milliseconds = 150;
    await using agent = await startDelayAgent({
      milliseconds,
      answer: 'EBADMSG',
      syscalls: ['getpgid'],
    });
    const call = { socket: agent.socket, metadata: delay, call: 'getpgid:0' };
    // the first one also waits for the container to be taken
    await runCalls(call);

    const { answers, eachMs } = await runCalls({ ...call, threads: 10, calls: 5 });

    expect(answers).toEqual({ EBADMSG: 50 });
    for (const ms of eachMs) expect(ms).toBeGreaterThanOrEqual(milliseconds);
    // of the first call of each thread, the container's way to the agent is a part
    const sorted = eachMs.toSorted((left, right) => left - right);
    expect(sorted[39]).toBeLessThan(milliseconds + lateMs);
  });

  test('late answers: they are the kernel’s own with continue', async () => {
    await using agent = await startDelayAgent({
      milliseconds: 100,
      answer: 'continue',
      syscalls: ['mkdir'],
    });
    using folder = new TemporaryFolder();

    const { answers, eachMs } = await runCalls({
      socket: agent.socket,
      metadata: delay,
      call: `mkdir:${folder.at('made')}`,
      threads: 4,
      calls: 3,
    });

    expect(answers).toEqual({ OK: 12 });
    expect(Math.min(...eachMs)).toBeGreaterThanOrEqual(100);
  });

  test('late answers: two thousand at once need no thread, and no time while they wait', async () => {
    const milliseconds = 8000;
    await using agent = await startDelayAgent({
      milliseconds,
      answer: 'EBADMSG',
      syscalls: ['getpgid'],
    });
    // a container may have 1024 that wait
    const call = { socket: agent.socket, metadata: delay, call: 'getpgid:0', threads: 1000 };
    // so many calls at once, late or not, may ask for more workers
    const { min, max } = poolSize();
    agent.bundles.write('soon', {
      component: delay,
      syscalls: ['getpgid'],
      settings: { milliseconds: '1', answer: 'EBADMSG' },
    });
    await runCalls({ ...call, metadata: 'soon' });
    const threads = threadCount(agent.pid);
    await using one = new TimedCalls(call);
    await using other = new TimedCalls(call);
    await Promise.all([one.ready(), other.ready()]);

    one.begin();
    other.begin();
    // two thousand threads have to call first
    await new Promise((resolve) => setTimeout(resolve, milliseconds / 2));
    const during = threadCount(agent.pid);
    // of half a second of 100 Hz, in which a worker that was asked for may still start
    const maxTicks = 15;
    let used = Infinity;
    for (let window = 0; window < 6 && used >= maxTicks; window += 1) {
      const ticks = cpuTicks(agent.pid);
      await new Promise((resolve) => setTimeout(resolve, 500));
      used = cpuTicks(agent.pid) - ticks;
    }
    const results = await Promise.all([one.result(), other.result()]);

    for (const { answers } of results) expect(answers).toEqual({ EBADMSG: 1000 });
    expect(during).toBeLessThanOrEqual(threads + max - min);
    expect(used).toBeLessThan(maxTicks);
    for (const { eachMs, maxMs } of results) {
      expect(Math.min(...eachMs)).toBeGreaterThanOrEqual(milliseconds);
      // two thousand threads have to be run in the end
      expect(maxMs).toBeLessThan(milliseconds + 6000);
    }
  });

  test('K7, K10: late answers: a signal each millisecond makes none of them later', async () => {
    const milliseconds = 300;
    await using agent = await startDelayAgent({
      milliseconds,
      answer: 'EBADMSG',
      syscalls: ['getpgid'],
    });
    const call = { socket: agent.socket, metadata: delay, call: 'getpgid:0' };
    await runCalls(call);

    const { answers, eachMs, signals } = await runCalls({
      ...call,
      threads: 4,
      calls: 3,
      signalUs: 1000,
    });

    expect(answers).toEqual({ EBADMSG: 12 });
    expect(signals).toBeGreaterThan(100);
    for (const ms of eachMs) expect(ms).toBeGreaterThanOrEqual(milliseconds);
    const sorted = eachMs.toSorted((left, right) => left - right);
    expect(sorted[8]).toBeLessThan(milliseconds + lateMs);
  });

  test('G11: late answers: at the end of the agent they come early, and hold nobody up', async () => {
    await using agent = await startDelayAgent({
      milliseconds: 60_000,
      answer: 'EBADMSG',
      syscalls: ['getpgid'],
    });
    await using calls = new TimedCalls({
      socket: agent.socket,
      metadata: delay,
      call: 'getpgid:0',
      threads: 50,
    });
    await calls.ready();
    calls.begin();
    await new Promise((resolve) => setTimeout(resolve, 500));

    const end = await agent.stop();

    expect(end).toMatchObject({ code: 0, signal: null });
    expect(end.tookMs).toBeLessThan(10_000);
    const { answers } = await calls.result();
    // what the handler has decided, rather than ENOSYS
    expect(answers).toEqual({ EBADMSG: 50 });
  });

  test('K5: late answers: callers that die while they wait are forgotten', async () => {
    await using agent = await startDelayAgent({
      milliseconds: 1000,
      answer: 'EBADMSG',
      syscalls: ['getpgid'],
    });
    const call = { socket: agent.socket, metadata: delay, call: 'getpgid:0' };
    {
      await using dying = new TimedCalls({ ...call, threads: 100 });
      await dying.ready();
      dying.begin();
      await new Promise((resolve) => setTimeout(resolve, 300));
    }

    expect((await runCalls(call)).answers).toEqual({ EBADMSG: 1 });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(agent.log()).toEqual([]);
  });
});

describe('late answers: of runc', () => {
  test('K7: late answers: the container’s first command starts two seconds later, and does start', async () => {
    await using agent = await startDelayAgent({
      milliseconds: 2000,
      answer: 'continue',
      syscalls: ['execve'],
    });
    using folder = new TemporaryFolder();
    const rootfs = folder.at('rootfs');
    makeRootfs(rootfs);

    const { stdout, code, tookMs } = await runInRunc({
      folder: folder.path,
      rootfs,
      listenerPath: agent.socket,
      metadata: delay,
      trapped: ['execve'],
      args: ['/bin/echo', 'started'],
    });

    expect(stdout).toBe('started\n');
    expect(code).toBe(0);
    expect(tookMs).toBeGreaterThan(2000);
    expect(tookMs).toBeLessThan(3900);
    expect(agent.log()).toEqual([]);
  });
});
