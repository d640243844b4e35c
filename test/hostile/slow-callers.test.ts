// SPDX-License-Identifier: Apache-2.0
// Containers that keep whoever serves them waiting: by memory that never comes, and by file systems
// that never answer. Others are served, and nothing is used up.
import { setTimeout as pause } from 'node:timers/promises';

import { describe, expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import type { HostileAgent } from '../support/hostile-agent-process.ts';
import { until } from '../support/polling.ts';
import { openFdCount, threadCount, untilChildless } from '../support/process-resources.ts';
import { SlowCaller } from '../support/slow-caller.ts';
import { SteadyCaller } from '../support/steady-caller.ts';
import type { SteadyCall } from '../support/steady-caller.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const settleMs = 15_000;

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
  agent.bundles.write('acts-on', { component: 'host-loop', grants: [...grants, 'log'] });
  await actOnce(agent);
  return agent;
}

/** Has the agent act for a container: then it also looks after what it could not end before. */
async function actOnce({ socket }: HostileAgent): Promise<void> {
  await using caller = new AskedCaller({ socket, metadata: 'acts' });
  expect((await caller.ask('mkdir /there/is/none')).answer).toBe('ENOENT');
}

/** What is to be seen of good containers. */
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
    await until('the good containers', () => this.#callers.every(({ count }) => count > 5) || undefined);
  }

  /** Ends them. @returns their calls, each of which must have been answered by its handler */
  async finish(): Promise<readonly SteadyCall[]> {
    const calls = await Promise.all(this.#callers.map(async (caller) => caller.finish()));
    const answers = calls.map((each) => [...new Set(each.map(({ answer }) => answer))]);
    expect(answers).toEqual([['EBADMSG'], ['EDOM']]);
    return calls.flat();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const caller of this.#callers) await caller[Symbol.asyncDispose]();
  }
}

function longestOf(calls: readonly { readonly tookMs: number }[]): number {
  return Math.max(...calls.map(({ tookMs }) => tookMs));
}

/** Resolves once the agent holds no more than before. */
async function untilBack(agent: HostileAgent, before: Held): Promise<void> {
  // what it could not end is looked after when it acts
  await actOnce(agent);
  await untilChildless(agent.pid);
  const isBack = (): true | undefined => {
    const now = heldBy(agent);
    return (now.threads <= before.threads && now.fds <= before.fds) || undefined;
  };
  await until('the agent to let go', isBack, settleMs).catch((cause: unknown) => {
    throw new Error(`it held ${JSON.stringify(before)}, now ${JSON.stringify(heldBy(agent))}`, {
      cause,
    });
  });
}

describe('slow callers: memory', () => {
  test('A5: slow callers: paths that never come hold up neither others nor all threads', async () => {
    await using agent = await startAgent();
    await using good = new GoodContainers(agent);
    await good.ready();
    const before = heldBy(agent);

    let most = 0;
    {
      await using stack = new AsyncDisposableStack();
      const attackers = Array.from({ length: 20 }, () =>
        stack.use(
          SlowCaller.withSlowMemory({ socket: agent.socket, metadata: 'acts', threads: 4 }),
        ),
      );
      await Promise.all(attackers.map(async (attacker) => attacker.ready()));
      const end = performance.now() + 6000;
      while (performance.now() < end) { await pause(50); most = Math.max(most, heldBy(agent).threads); }
      console.log('before', before, 'most', most, 'end', heldBy(agent));
      const tally: Record<string, number> = {};
      for (const { answer } of attackers.flatMap((a) => a.answers)) tally[answer] = (tally[answer] ?? 0) + 1;
      console.log(tally, longestOf(attackers.flatMap((a) => a.answers)));
    }
    const calls = await good.finish();
    console.log('good', calls.length, longestOf(calls), calls.filter((c) => c.tookMs > 300).map((c) => `${c.answer} ${c.beganMs.toFixed(0)} ${c.tookMs.toFixed(0)}`).join('; '));
    await untilBack(agent, before);
    console.log('after', heldBy(agent));
    console.log(agent.log().filter((l) => !l.includes(' INFO ')).slice(0, 3).join('\n'));
  });
});

describe('slow callers: file systems', () => {
  test.for([true, false])('G4: slow callers: fs killable %s', async (isKillable) => {
    await using agent = await startAgent();
    using folder = new TemporaryFolder();
    await using good = new GoodContainers(agent);
    await good.ready();
    const before = heldBy(agent);
    let most = 0;
    {
      await using stack = new AsyncDisposableStack();
      const attackers = Array.from({ length: 5 }, () =>
        stack.use(
          SlowCaller.withSlowFilesystem({ socket: agent.socket, metadata: 'acts', threads: 8, folder: folder.path, isKillable }),
        ),
      );
      await Promise.all(attackers.map(async (attacker) => attacker.ready()));
      const began = performance.now();
      const all = Promise.all(attackers.map(async (attacker) => attacker.asked()));
      let over = false;
      void all.then(() => { over = true; });
      while (!over) { await pause(50); most = Math.max(most, heldBy(agent).threads); }
      console.log('took', performance.now() - began, 'asked', await all);
      console.log('before', before, 'most', most, 'end', heldBy(agent));
      const tally: Record<string, number> = {};
      for (const { answer } of attackers.flatMap((a) => a.answers)) tally[answer] = (tally[answer] ?? 0) + 1;
      console.log(tally, longestOf(attackers.flatMap((a) => a.answers)), attackers.flatMap((a) => a.answers).map((a) => a.tookMs.toFixed(0)).join(' '));
    }
    const calls = await good.finish();
    console.log('good', calls.length, longestOf(calls), calls.filter((c) => c.tookMs > 100).map((c) => `${c.answer} ${c.beganMs.toFixed(0)} ${c.tookMs.toFixed(0)}`).join('; '));
    await untilBack(agent, before);
    console.log('after', heldBy(agent));
    console.log(agent.log().filter((l) => !l.includes(' INFO ')).slice(0, 3).join('\n'));
  });

  test.for([true, false])('A5: slow callers: operations of one call, killable %s', async (isKillable) => {
    await using agent = await startAgent();
    using folder = new TemporaryFolder();
    await using good = new GoodContainers(agent);
    await good.ready();
    const before = heldBy(agent);
    {
      await using attacker = SlowCaller.withSlowFilesystem({ socket: agent.socket, metadata: 'acts-on', id: 'act-on', threads: 2, folder: folder.path, isKillable });
      console.log('asked', await attacker.asked(), attacker.answers);
    }
    const calls = await good.finish();
    console.log('good', calls.length, longestOf(calls), calls.filter((c) => c.tookMs > 100).map((c) => `${c.answer} ${c.beganMs.toFixed(0)} ${c.tookMs.toFixed(0)}`).join('; '));
    await untilBack(agent, before);
    console.log(agent.log().filter((l) => !l.includes(' INFO ')).slice(0, 3).join('\n'));
  });
});
