// SPDX-License-Identifier: Apache-2.0
// Containers that keep whoever serves them waiting: by memory that never comes, and by file systems
// that never answer. Others are served, and nothing is used up.
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { describe, expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { runCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { shippedComponent } from '../support/handler-harness.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import type { HostileAgent } from '../support/hostile-agent-process.ts';
import { killableBundle } from '../support/oci-bundle.ts';
import { until } from '../support/polling.ts';
import { openFdCount, threadCount, untilChildless } from '../support/process-resources.ts';
import { SlowCaller } from '../support/slow-caller.ts';
import type { SlowFilesystemOptions } from '../support/slow-caller.ts';
import { SteadyCaller } from '../support/steady-caller.ts';
import type { SteadyCall } from '../support/steady-caller.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { trapLines } from '../support/trap-container.ts';

/** Of good containers' calls, on a machine that is busy with all else, too. */
const longestMs = 1000;
/** Until it is known who is slow, they wait: so long after the attack's begin, and no longer. */
const learningMs = { memory: 3000, files: 6000 } as const;
/** For how long memory is attacked: long enough to see what comes after. */
const memoryAttackMs = 7000;
/** A pool of workers that wait for memory, and those that took their places. */
const maxThreads = 30;
/** Of calls on file systems that never answer. */
const longestHungMs = 25_000;
/** Maximal time of the operations of one call together, and the maximal delay of its answer. */
const operationsMs = 9900;
const lateMs = 3000;
const settleMs = 15_000;
/**
 * Workers that have nothing to do may each have the descriptors of the last container, of its
 * listener and its first process, until they meet another one.
 */
const leftFds = 8;

interface Held {
  readonly fds: number;
  readonly threads: number;
}

function heldBy({ pid }: HostileAgent): Held {
  return { fds: openFdCount(pid), threads: threadCount(pid) };
}

/** An agent of which all parts have been in use once. */
async function startAgent(): Promise<HostileAgent> {
  const agent = await startHostileAgent({ log: 'info' });
  agent.bundles.write('answers', {
    component: 'errno',
    syscalls: ['getpgid'],
    settings: { errno: 'EBADMSG' },
  });
  agent.bundles.write('reads', { component: 'hostile' });
  const grants = ['filesystem'];
  agent.bundles.write('acts', { component: 'mkdir-suffix', settings: { suffix: '-s' }, grants });
  agent.bundles.write('mounts', { component: 'mounts', grants: ['descriptors', 'mounts'] });
  agent.bundles.write('acts-on', { component: 'host-loop', grants });
  await actOnce(agent);
  return agent;
}

/** Has the agent act for a container: then it also looks after what it could not end before. */
async function actOnce({ socket }: HostileAgent): Promise<void> {
  await using caller = new AskedCaller({ socket, metadata: 'acts' });
  expect((await caller.ask('mkdir /there/is/none')).answer).toBe('ENOENT');
}

/** Expected state of good containers. */
class GoodContainers implements AsyncDisposable {
  readonly #callers: readonly SteadyCaller[];

  constructor({ socket }: HostileAgent) {
    this.#callers = [
      new SteadyCaller('getpgid 0', { socket, metadata: 'answers' }),
      new SteadyCaller('mkdir /x', { socket, metadata: 'reads' }),
    ];
  }

  /** Resolves once each has been answered. */
  async ready(): Promise<void> {
    await until(
      'the good containers',
      () => this.#callers.every(({ count }) => count > 5) || undefined,
    );
  }

  /** Has them make no further call. @returns those of each */
  async finish(): Promise<readonly (readonly SteadyCall[])[]> {
    return Promise.all(this.#callers.map(async (caller) => caller.finish()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const caller of this.#callers) await caller[Symbol.asyncDispose]();
  }
}

/** Ends them: every call was answered by its handler. @returns all of them */
async function finish(good: GoodContainers): Promise<readonly SteadyCall[]> {
  const calls = await good.finish();
  await good[Symbol.asyncDispose]();
  const answers = calls.map((each) => [...new Set(each.map(({ answer }) => answer))]);
  expect(answers).toEqual([['EBADMSG'], ['EDOM']]);
  return calls.flat();
}

/** Calls that began later than so long after the attack's begin were as quick as ever. */
function expectPrompt(calls: readonly SteadyCall[], beganMs: number, learnedMs: number): void {
  const later = calls.filter((call) => call.beganMs > beganMs + learnedMs);
  expect(longestOf(calls)).toBeLessThan(learnedMs);
  expect(later.length).toBeGreaterThan(20);
  expect(longestOf(later)).toBeLessThan(longestMs);
}

function longestOf(calls: readonly { readonly tookMs: number }[]): number {
  return Math.max(...calls.map(({ tookMs }) => tookMs));
}

function answersOf(callers: readonly SlowCaller[]): readonly string[] {
  const answers = callers.flatMap((caller) => caller.answers.map(({ answer }) => answer));
  return [...new Set(answers)].toSorted();
}

function slowFilesystem(
  { socket }: HostileAgent,
  { path }: TemporaryFolder,
  options: Omit<SlowFilesystemOptions, 'socket' | 'folder'>,
): SlowCaller {
  return SlowCaller.withSlowFilesystem({ ...options, socket, folder: path });
}

/** Resolves once the agent holds no more than before. */
async function untilBack(agent: HostileAgent, before: Held): Promise<void> {
  // what it could not end is looked after when it acts
  await actOnce(agent);
  await untilChildless(agent.pid);
  const isBack = (): true | undefined => {
    const now = heldBy(agent);
    return (now.threads <= before.threads && now.fds <= before.fds + leftFds) || undefined;
  };
  await until('the agent to let go', isBack, settleMs).catch((cause: unknown) => {
    throw new Error(`it held ${JSON.stringify(before)}, now ${JSON.stringify(heldBy(agent))}`, {
      cause,
    });
  });
}

describe('slow callers: memory', () => {
  test('A5, G4: slow callers: paths that never come hold up neither others nor all threads', async () => {
    await using agent = await startAgent();
    await using good = new GoodContainers(agent);
    await good.ready();
    const before = heldBy(agent);
    const began = performance.now();
    {
      await using stack = new AsyncDisposableStack();
      const slow = Array.from({ length: 20 }, () =>
        stack.use(
          SlowCaller.withSlowMemory({ socket: agent.socket, metadata: 'acts', threads: 4 }),
        ),
      );
      await Promise.all(slow.map(async (caller) => caller.ready()));

      await pause(memoryAttackMs);

      expect(heldBy(agent).threads - before.threads).toBeLessThan(maxThreads);
      expect(answersOf(slow)).toEqual(['EPERM']);
    }
    expectPrompt(await finish(good), began, learningMs.memory);
    await untilBack(agent, before);
  });

  test('A5, M4: slow callers: workers that are lost for one container are not taken from others', async () => {
    await using agent = await startAgent();
    agent.bundles.write('writes', { component: 'results', grants: ['memory'] });
    await using slow = SlowCaller.withSlowMemory({
      socket: agent.socket,
      metadata: 'acts',
      threads: 8,
    });
    // each has made its first call by a worker that could not be ended
    await until('its first calls to be given up', () => slow.answers.length >= 8 || undefined);
    using bundle = killableBundle();
    const { stdout } = await runCommand([
      compiled('result-caller'),
      '-s',
      agent.socket,
      '-m',
      'writes',
      '-k',
      '-b',
      bundle.path,
      'sysinfo',
    ]);
    expect(stdout).toBe('sysinfo OK, 112 of 112 bytes\n');
  });
});

const mounts = [
  { what: 'leaves what it is asked unread', isKillable: true },
  { what: 'reads what it is asked', isKillable: false },
] as const;

describe('slow callers: file systems', () => {
  test.for(mounts)(
    'A5, G4: slow callers: a file system that $what holds up no others',
    async ({ isKillable }) => {
      await using agent = await startAgent();
      using folder = new TemporaryFolder();
      await using good = new GoodContainers(agent);
      await good.ready();
      const before = heldBy(agent);
      const began = performance.now();
      {
        await using stack = new AsyncDisposableStack();
        const slow = Array.from({ length: 5 }, () =>
          stack.use(slowFilesystem(agent, folder, { metadata: 'acts', threads: 8, isKillable })),
        );

        await Promise.all(slow.map(async (caller) => caller.asked()));

        expect(slow.flatMap(({ answers }) => answers)).toHaveLength(5 * 8);
        // those that had a worker, and those that waited for one
        expect(answersOf(slow)).toEqual(['EPERM', 'ETIMEDOUT']);
        expect(longestOf(slow.flatMap(({ answers }) => answers))).toBeLessThan(longestHungMs);
      }
      expectPrompt(await finish(good), began, learningMs.files);
      await untilBack(agent, before);
    },
  );

  test.for(mounts)(
    'A5: slow callers: a mount on a file system that $what ends at its deadline',
    async ({ isKillable }) => {
      await using agent = await startAgent();
      using folder = new TemporaryFolder();
      using target = new TemporaryFolder();
      await using good = new GoodContainers(agent);
      await good.ready();
      const before = heldBy(agent);
      {
        await using stack = new AsyncDisposableStack();
        const options = { metadata: 'mounts', threads: 4, isKillable, isMounting: true };
        const slow = Array.from({ length: 2 }, () =>
          stack.use(slowFilesystem(agent, folder, options)),
        );
        await Promise.all(slow.map(async (caller) => caller.ready()));

        // another container has helpers of its own
        const lines = await trapLines({
          socket: agent.socket,
          trapped: ['mount'],
          options: ['-m', 'mounts'],
          wrapper: ['unshare', '-m'],
          operations: [
            `mount:none:${target.path}:tmpfs:0:`,
            `mount:proc:${target.path}:proc:0:`,
            `exists:${target.path}/self/status`,
          ],
        });
        await Promise.all(slow.map(async (caller) => caller.asked()));

        expect(lines).toEqual(['mount 0 OK', 'mount 0 OK', expect.stringMatching(/^exists 0 OK/u)]);
        expect(slow.flatMap(({ answers }) => answers)).toHaveLength(2 * 4);
        const answers = answersOf(slow);
        expect(answers).toContain('ETIMEDOUT');
        // those that waited for a worker
        expect(answers.filter((answer) => answer !== 'EPERM')).toEqual(['ETIMEDOUT']);
        expect(longestOf(slow.flatMap((caller) => caller.answers))).toBeLessThan(longestHungMs);
      }
      expect(longestOf(await finish(good))).toBeLessThan(longestMs);
      // none of those that could not be killed is left either: their pipes are closed
      await untilBack(agent, before);
    },
  );

  test('A5, A7: slow callers: a file system that makes nodes and says nothing of them holds up no others', async () => {
    await using agent = await startAgent();
    agent.bundles.write('nodes', {
      component: readFileSync(shippedComponent('mknod-safe')),
      grants: ['devices', 'filesystem'],
    });
    using folder = new TemporaryFolder();
    await using good = new GoodContainers(agent);
    await good.ready();
    const before = heldBy(agent);
    const threads = 8;
    {
      const options = { metadata: 'nodes', threads, isKillable: false, isMakingNodes: true };
      await using slow = slowFilesystem(agent, folder, options);

      const asked = await slow.asked();

      // somebody has looked at nodes that were made
      expect(asked).toBeGreaterThan(0);
      expect(slow.answers).toHaveLength(threads);
      const answers = answersOf([slow]);
      expect(answers).toContain('ETIMEDOUT');
      // those that waited for a worker
      expect(answers.filter((answer) => answer !== 'EPERM')).toEqual(['ETIMEDOUT']);
      expect(longestOf(slow.answers)).toBeLessThan(longestHungMs);
    }
    expect(longestOf(await finish(good))).toBeLessThan(learningMs.files);
    await untilBack(agent, before);
  });

  test('A5: slow callers: a handler acts no more once a file system took its time', async () => {
    await using agent = await startAgent();
    using folder = new TemporaryFolder();
    await using good = new GoodContainers(agent);
    await good.ready();
    const before = heldBy(agent);
    {
      const options = { metadata: 'acts-on', id: 'acts-on', threads: 1, isKillable: false };
      await using slow = slowFilesystem(agent, folder, options);

      const asked = await slow.asked();

      expect(asked).toBe(1);
      // the first operation is ETIMEDOUT, and the handler, which does not mind, gets no other
      expect(answersOf([slow])).toEqual(['EPERM']);
      expect(longestOf(slow.answers)).toBeGreaterThan(operationsMs);
      expect(longestOf(slow.answers)).toBeLessThan(operationsMs + lateMs);
      const failed = { container: 'acts-on', code: 'AGENT_CALLER', error: /\bETIME\b/u };
      await agent.untilLogged('call-failed', failed);
    }
    expect(longestOf(await finish(good))).toBeLessThan(longestMs);
    await untilBack(agent, before);
  });
});
