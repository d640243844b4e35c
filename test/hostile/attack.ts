// SPDX-License-Identifier: Apache-2.0
// A hostile handler at work: one container asks it, while another one with a good handler goes on.
import { setTimeout as pause } from 'node:timers/promises';

import { expect } from 'vitest';

import { resourcesOf, untilRecovered } from '../support/agent-resources.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import type { Asked } from '../support/asked-caller.ts';
import type { HostileAgent } from '../support/hostile-agent-process.ts';
import { until } from '../support/polling.ts';
import { TimedCalls } from '../support/timed-calls.ts';

export const deadlineMs = 100;
/** From the deadline to the answer. */
const lateMs = 1000;
/** An answer that waits for no deadline. */
const quickMs = 50;
/** Of the good container's calls, on a machine that is busy with the attack and with all else. */
const goodP99Ms = 25;
/** A handler must have failed often enough for a quarantine by then. */
const maxFailures = 30;
const comebackMs = 20_000;
const aMomentMs = 50;

/** The bundle of well-behaved containers, which every agent of these tests has. */
const goodBundle = 'good';

export function writeGoodBundle(agent: HostileAgent): void {
  agent.bundles.write(goodBundle, {
    component: 'errno',
    syscalls: ['getpgid'],
    settings: { errno: 'EBADMSG' },
  });
}

/** Runs `work` beside a container that calls without an end, and must be answered all through it. */
export async function besideGoodContainer<T>(
  agent: HostileAgent,
  work: () => Promise<T>,
): Promise<T> {
  await using good = new TimedCalls({
    socket: agent.socket,
    metadata: goodBundle,
    call: 'getpgid:0',
    calls: 0,
    pauseUs: 1000,
  });
  await good.ready();
  good.begin();
  // so that there are calls before, while and after
  await pause(aMomentMs);
  const outcome = await work();
  await pause(aMomentMs);
  good.finish();
  const { answers, p99Ms } = await good.result();
  expect(Object.keys(answers)).toEqual(['EBADMSG']);
  expect(answers['EBADMSG']).toBeGreaterThan(10);
  expect(p99Ms).toBeLessThan(goodP99Ms);
  return outcome;
}

export interface Attack {
  /** The bundle's name, and the container's. */
  readonly bundle: string;
  /** A call that the handler does not answer. */
  readonly bad: string;
  /** A call that it answers, and the answer; absent: there is none. */
  readonly good?: { readonly call: string; readonly answer: string };
  /** Whether only the deadline ends it. */
  readonly isEndless: boolean;
}

function expectFailed({ answer, tookMs }: Asked, { isEndless }: Attack): void {
  expect(answer).toBe('EPERM');
  if (isEndless) expect(tookMs).toBeGreaterThan(deadlineMs * 0.8);
  expect(tookMs).toBeLessThan((isEndless ? deadlineMs : 0) + lateMs);
}

/** Lets the handler fail until it is asked no more. @returns the answers */
async function untilQuarantined(caller: AskedCaller, attack: Attack): Promise<readonly Asked[]> {
  const asked: Asked[] = [];
  while (asked.length < maxFailures) {
    asked.push(await caller.ask(attack.bad));
    const isQuick = asked.length > 1 && (asked.at(-1)?.tookMs ?? 0) < quickMs;
    if (attack.isEndless && isQuick) break;
  }
  return asked;
}

export interface Outcome {
  /** Everything that the calls got while the handler failed, and after that in quarantine. */
  readonly answers: readonly string[];
  /** Whether it was asked again, where it has a good answer. */
  readonly isBack: boolean;
}

/** Outcome of a handler without a good answer, and of one with it. */
export const bounded: Outcome = { answers: ['EPERM'], isBack: false };
export const boundedAndBack: Outcome = { answers: ['EPERM'], isBack: true };

/**
 * The whole story of one: its calls fail in time, it is asked no more, and is asked again later;
 * meanwhile others are answered, and in the end the agent is as it was.
 */
export async function attackWith(agent: HostileAgent, attack: Attack): Promise<Outcome> {
  const { bundle, good } = attack;
  const before = resourcesOf(agent);
  const from = agent.log().length;
  const outcome = await besideGoodContainer(agent, async () => {
    await using caller = new AskedCaller({ socket: agent.socket, metadata: bundle, id: bundle });
    if (good !== undefined) expect((await caller.ask(good.call)).answer).toBe(good.answer);

    const first = await caller.ask(attack.bad);
    expectFailed(first, attack);

    const failures = await untilQuarantined(caller, attack);
    const answers = [...new Set([first, ...failures].map(({ answer }) => answer))];
    expect(failures.at(-1)?.tookMs).toBeLessThan(quickMs);
    const event = attack.isEndless ? 'handler-timeout' : 'handler-quarantined';
    await agent.untilLogged(event, { container: bundle }, from);

    if (good === undefined) return { answers, isBack: false };
    await until(
      'the handler to be asked again',
      async () => {
        const { answer } = await caller.ask(good.call);
        if (answer === good.answer) return true;
        expect(answer).toBe('EPERM');
        return undefined;
      },
      comebackMs,
    );
    return { answers, isBack: true };
  });
  await untilRecovered(agent, before);
  return outcome;
}
