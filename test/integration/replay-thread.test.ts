// SPDX-License-Identifier: Apache-2.0
// The thread that asks shadows, for many containers: what one of them does, or that it ends, holds up
// neither the main thread nor the shadows of others.
import { monitorEventLoopDelay } from 'node:perf_hooks';

import { expect, test } from 'vitest';

import { trustedCode } from '../../host/handler/compiling/verdicts.ts';
import { loadComponent } from '../../host/handler/direct.ts';
import type { LoadedComponent } from '../../host/handler/direct.ts';
import { encodeCall } from '../../host/recording/recorded-call.ts';
import { ReplayThread } from '../../host/replay/replay-thread.ts';
import type { ReplayOutcome } from '../../host/replay/replay-thread.ts';
import type { ReplayChain } from '../../host/replay/replay-worker.ts';
import { looping, passing } from '../support/hostile-components.ts';

const patienceMs = 60_000;
const quick = loadComponent(passing(), undefined, { checkCode: trustedCode });
/** Some 50 ms. */
const slow = loadComponent(passing(100_000_000), undefined, { checkCode: trustedCode });
const endless = loadComponent(looping(), undefined, { checkCode: trustedCode });

function encodedCall(argument = 0n): Uint8Array {
  return encodeCall({
    arch: 'x86_64',
    number: 121,
    syscall: 'getpgid',
    family: 'getpgid',
    names: ['pid'],
    registers: [argument, 0n, 0n, 0n, 0n, 0n],
    pointers: [],
    at: 0,
    asks: [],
    decision: { kind: 'left-alone' },
  });
}

function chainOf(component: LoadedComponent, handlers = 1, deadlineMs = 60_000): ReplayChain {
  const handler = {
    name: 'h'.repeat(60),
    bundle: 'b',
    component: component.id,
    answers: component.answers,
    readsPointers: false,
    deadlineMs,
    settings: [],
  };
  return {
    registry: {
      containerId: 'c1',
      handlers: Array.from({ length: handlers }, () => ({ ...handler })),
      defaultAction: 'continue',
      failure: { kind: 'errno', errno: 'EPERM' },
    },
    components: [component],
    redaction: 'whole',
  };
}

test('replay thread: many chains that end while their calls wait hold nobody up', async () => {
  await using thread = new ReplayThread(patienceMs);
  const chains = Array.from({ length: 240 }, (_, index) => index);
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  for (const chain of chains) thread.begin(chain, chainOf(quick, 512), 'many');
  const asked = chains.flatMap((chain) => [
    thread.ask(chain, encodedCall()),
    thread.ask(chain, encodedCall()),
  ]);
  await asked[8];
  for (const chain of chains) thread.end(chain);
  const kinds = (await Promise.all(asked)).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === 'ended').length).toBeGreaterThan(0);
  // the next one finds a thread that works
  thread.begin(1000, chainOf(quick), 'other');
  expect(await thread.ask(1000, encodedCall())).toMatchObject({ kind: 'replayed' });
  delay.disable();
  expect(delay.max / 1e6).toBeLessThan(1000);
});

test('replay thread: a chain that takes long has others asked in between', async () => {
  await using thread = new ReplayThread(patienceMs);
  thread.begin(1, chainOf(slow), 'slow');
  thread.begin(2, chainOf(quick), 'quick');
  let slowAnswers = 0;
  const count = async (outcome: Promise<ReplayOutcome>): Promise<void> => {
    await outcome;
    slowAnswers += 1;
  };
  const slowOnes = Array.from({ length: 40 }, async () => count(thread.ask(1, encodedCall())));
  await slowOnes[0];
  for (let call = 0; call < 200; call += 1) await thread.ask(2, encodedCall());
  expect(slowAnswers).toBeLessThan(40);
  thread.end(1);
  await Promise.all(slowOnes);
});

test('replay thread: a call beyond the deadline of its handlers is a failure', async () => {
  await using thread = new ReplayThread(patienceMs);
  thread.begin(1, chainOf(slow, 1, 1), 'a');
  thread.begin(2, chainOf(slow), 'a');
  expect(await thread.ask(1, encodedCall())).toMatchObject({
    kind: 'replayed',
    failure: expect.stringMatching(/\b1 ms\b/u),
  });
  expect(await thread.ask(2, encodedCall())).not.toHaveProperty('failure');
});

test('replay thread: one that never ends is given up, and the calls behind it are asked', async () => {
  await using thread = new ReplayThread(4000);
  thread.begin(1, chainOf(endless), 'a');
  const outcomes = [0n, 1n, 0n, 0n].map(async (number) => thread.ask(1, encodedCall(number)));
  const kinds = (await Promise.all(outcomes)).map(({ kind }) => kind);
  expect(kinds).toEqual(['replayed', 'ended', 'replayed', 'replayed']);
});
