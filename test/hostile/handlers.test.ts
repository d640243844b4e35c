// SPDX-License-Identifier: Apache-2.0
// Handlers that never answer, want all memory or answer nonsense: each is bounded, and nobody else
// feels it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import {
  crooked,
  crookedAnswers,
  goodValue,
  growing,
  guestText,
  looping,
  stuck,
  stuckPlaces,
  trapping,
  untimely,
  untimelyPlaces,
} from '../support/hostile-components.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import type { HostileAgent } from '../support/hostile-agent-process.ts';
import { untilChildless } from '../support/process-resources.ts';
import {
  besideGoodContainer,
  deadlineMs,
  attackWith,
  bounded,
  boundedAndBack,
  writeGoodBundle,
} from './attack.ts';

const deadline = `${deadlineMs}ms`;
const good = { call: 'getpgid 0', answer: String(goodValue) } as const;
const goodMkdir = { call: 'mkdir /x', answer: 'EDOM' } as const;

let agent: HostileAgent;

beforeAll(async () => {
  agent = await startHostileAgent({ log: 'warn' });
  writeGoodBundle(agent);
});

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
});

describe('hostile handlers: those that never answer', () => {
  test('G5: hostile handlers: an endless loop is ended at its deadline', async () => {
    agent.bundles.write('loop', { component: looping(), syscalls: ['getpgid'], deadline });
    expect(
      await attackWith(agent, { bundle: 'loop', bad: 'getpgid 1', good, isEndless: true }),
    ).toEqual(boundedAndBack);
  });

  test('G5: hostile handlers: without a deadline of its own, one that computes has a second', async () => {
    agent.bundles.write('long-loop', { component: looping(), syscalls: ['getpgid'] });
    await using caller = new AskedCaller({ socket: agent.socket, metadata: 'long-loop' });

    const { answer, tookMs } = await besideGoodContainer(agent, async () =>
      caller.ask('getpgid 1'),
    );

    expect(answer).toBe('EPERM');
    expect(tookMs).toBeGreaterThan(900);
    expect(tookMs).toBeLessThan(5000);
  });

  test('G5: hostile handlers: one that has the host act again and again is ended by the count', async () => {
    const grants = ['filesystem'];
    agent.bundles.write('long-host-loop', { component: 'host-loop', grants });
    await using caller = new AskedCaller({ socket: agent.socket, metadata: 'long-host-loop' });

    const { answer, tookMs } = await besideGoodContainer(agent, async () =>
      caller.ask('mkdir /make/'),
    );

    expect(answer).toBe('EPERM');
    expect(tookMs).toBeLessThan(5000);
  });

  test('G5: hostile handlers: taking more and more memory is ended at the deadline', async () => {
    agent.bundles.write('grow', { component: growing(), syscalls: ['getpgid'], deadline });
    expect(
      await attackWith(agent, { bundle: 'grow', bad: 'getpgid 1', good, isEndless: true }),
    ).toEqual(boundedAndBack);
  });

  test.for(stuckPlaces)('G5: hostile handlers: an endless loop in %s is ended', async (place) => {
    const bundle = `stuck-${place.replaceAll('_', '-')}`.replace('--', '-');
    agent.bundles.write(bundle, { component: stuck(place), syscalls: ['getpgid'], deadline });
    expect(await attackWith(agent, { bundle, bad: 'getpgid 0', isEndless: true })).toEqual(bounded);
  });

  test.for([
    { what: 'a loop of a compiled handler', bad: 'mkdir /loop', bundle: 'compiled-loop' },
    { what: 'a loop of host calls that log', bad: 'mkdir /log', bundle: 'log-loop' },
    { what: 'a loop of host calls that act', bad: 'mkdir /make/', bundle: 'act-loop' },
  ])('G5: hostile handlers: $what is ended', async ({ bad, bundle }) => {
    const isCompiled = bundle === 'compiled-loop';
    agent.bundles.write(bundle, {
      component: isCompiled ? 'hostile' : 'host-loop',
      grants: isCompiled ? [] : ['filesystem'],
      deadline,
    });
    // operations are counted as well, and a thousand may take less than the deadline
    const isEndless = isCompiled;
    expect(await attackWith(agent, { bundle, bad, good: goodMkdir, isEndless })).toEqual(
      boundedAndBack,
    );
    await untilChildless(agent.pid);
  });
});

describe('hostile handlers: those that fail', () => {
  test.for([
    { what: 'unreachable', bundle: 'trap', bad: 'getpgid 1' },
    { what: 'endless recursion', bundle: 'recurse', bad: 'mkdir /recurse' },
    { what: 'allocation without an end', bundle: 'allocate', bad: 'mkdir /allocate' },
  ])('G5: hostile handlers: $what fails the call', async ({ bundle, bad }) => {
    const isTrap = bundle === 'trap';
    agent.bundles.write(
      bundle,
      isTrap
        ? { component: trapping(), syscalls: ['getpgid'], deadline }
        : { component: 'hostile', deadline },
    );
    expect(
      await attackWith(agent, { bundle, bad, good: isTrap ? good : goodMkdir, isEndless: false }),
    ).toEqual(boundedAndBack);
  });

  test('G5, K17: hostile handlers: an answer that is none fails the call', async () => {
    agent.bundles.write('crooked', { component: crooked(), syscalls: ['getpgid'], deadline });
    await besideGoodContainer(agent, async () => {
      const answers: { readonly what: string; readonly answers: readonly string[] }[] = [];
      for (const [index, what] of crookedAnswers.entries()) {
        await using caller = new AskedCaller({ socket: agent.socket, metadata: 'crooked' });
        const before = await caller.ask('getpgid 0');
        const { answer, tookMs } = await caller.ask(`getpgid ${index + 1}`);
        // one failure is no quarantine
        const after = await caller.ask('getpgid 0');
        expect(tookMs).toBeLessThan(5000);
        answers.push({ what, answers: [before.answer, answer, after.answer] });
      }
      const expected = [String(goodValue), 'EPERM', String(goodValue)];
      expect(answers).toEqual(crookedAnswers.map((what) => ({ what, answers: expected })));
    });
  });

  test.for(untimelyPlaces)(
    'G5: hostile handlers: a host call from %s fails the call and is not made',
    async (place) => {
      const bundle = `untimely-${place.replaceAll('_', '-')}`.replace('--', '-');
      agent.bundles.write(bundle, {
        component: untimely(place),
        syscalls: ['getpgid'],
        deadline,
      });
      expect(await attackWith(agent, { bundle, bad: 'getpgid 0', isEndless: false })).toEqual(
        bounded,
      );
      expect(agent.log().filter((line) => line.includes(guestText))).toEqual([]);
    },
  );
});
