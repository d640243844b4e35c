// SPDX-License-Identifier: Apache-2.0
// Composed handlers (those in TypeScript, and others made by hand) that never answer, want all
// memory or answer nonsense: bounded like all others, and nobody else feels it.
import { afterAll, beforeAll, expect, test } from 'vitest';

import { AskedCaller } from '../support/asked-caller.ts';
import { composed } from '../support/composed-component.ts';
import {
  crooked,
  crookedAnswers,
  goodValue,
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
import {
  attackWith,
  besideGoodContainer,
  bounded,
  boundedAndBack,
  deadlineMs,
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

/** Asks once, so that the bundle is loaded before anybody's time is taken. */
async function loaded(bundle: string, call: string): Promise<string> {
  await using caller = new AskedCaller({ socket: agent.socket, metadata: bundle });
  return (await caller.ask(call)).answer;
}

test.for([
  { what: 'a loop', bundle: 'ts-loop', bad: 'mkdir /loop', isEndless: true },
  // operations are counted as well
  { what: 'a loop of host calls that log', bundle: 'ts-log', bad: 'mkdir /log', isEndless: false },
  { what: 'a loop of host calls', bundle: 'ts-make', bad: 'mkdir /make/', isEndless: false },
  { what: 'endless recursion', bundle: 'ts-recurse', bad: 'mkdir /recurse', isEndless: false },
  { what: 'an exception', bundle: 'ts-throw', bad: 'mkdir /throw', isEndless: false },
  { what: 'the clock of WASI', bundle: 'ts-clock', bad: 'mkdir /clock', isEndless: false },
  { what: 'an answer that is none', bundle: 'ts-odd', bad: 'mkdir /nonsense', isEndless: false },
  { what: 'endless allocation', bundle: 'ts-allocate', bad: 'mkdir /allocate', isEndless: false },
])(
  'G5: hostile composed handlers: $what in TypeScript is bounded',
  async ({ bundle, bad, isEndless }) => {
    const grants = ['filesystem'];
    agent.bundles.write(bundle, { component: 'hostile-ts', grants, deadline });
    expect(await loaded(bundle, goodMkdir.call)).toBe(goodMkdir.answer);
    expect(await attackWith(agent, { bundle, bad, good: goodMkdir, isEndless })).toEqual(
      boundedAndBack,
    );
  },
);

test.for([
  { what: 'an endless loop', bundle: 'loop', component: looping, isEndless: true },
  { what: 'unreachable', bundle: 'trap', component: trapping, isEndless: false },
])('G5: hostile composed handlers: $what is bounded', async ({ bundle, component, isEndless }) => {
  const bytes = await composed(component());
  agent.bundles.write(bundle, { component: bytes, syscalls: ['getpgid'], deadline });
  expect(await loaded(bundle, good.call)).toBe(good.answer);
  expect(await attackWith(agent, { bundle, bad: 'getpgid 1', good, isEndless })).toEqual(
    boundedAndBack,
  );
});

test.for(stuckPlaces)(
  'G5: hostile composed handlers: an endless loop in %s is ended',
  async (place) => {
    const bundle = `stuck-${place.replaceAll('_', '-')}`.replace('--', '-');
    const bytes = await composed(stuck(place));
    agent.bundles.write(bundle, { component: bytes, syscalls: ['getpgid'], deadline });
    expect(await loaded(bundle, 'getpgid 0')).toBe('EPERM');
    expect(await attackWith(agent, { bundle, bad: 'getpgid 0', isEndless: true })).toEqual(bounded);
  },
);

test('G5, K17: hostile composed handlers: an answer that is none fails the call', async () => {
  const component = await composed(crooked());
  agent.bundles.write('crooked', { component, syscalls: ['getpgid'], deadline });
  expect(await loaded('crooked', 'getpgid 0')).toBe(String(goodValue));
  await besideGoodContainer(agent, async () => {
    for (const [index, what] of crookedAnswers.entries()) {
      await using caller = new AskedCaller({ socket: agent.socket, metadata: 'crooked' });
      const { answer } = await caller.ask(`getpgid ${index + 1}`);
      expect([what, answer]).toEqual([what, 'EPERM']);
      expect((await caller.ask('getpgid 0')).answer).toBe(String(goodValue));
    }
  });
});

test.for(untimelyPlaces)(
  'G5: hostile composed handlers: a host call from %s fails the call and is not made',
  async (place) => {
    const bundle = `untimely-${place.replaceAll('_', '-')}`.replace('--', '-');
    agent.bundles.write(bundle, {
      component: await composed(untimely(place)),
      syscalls: ['getpgid'],
      deadline,
    });
    expect(await loaded(bundle, 'getpgid 0')).toBe('EPERM');
    expect(await attackWith(agent, { bundle, bad: 'getpgid 0', isEndless: false })).toEqual(
      bounded,
    );
    expect(agent.log().filter((line) => line.includes(guestText))).toEqual([]);
  },
);
