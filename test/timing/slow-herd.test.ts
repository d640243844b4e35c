// SPDX-License-Identifier: Apache-2.0
// Many containers that each keep a worker waiting now and then leave some to others.
import { setTimeout as sleep } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { poolSize } from '../../host/worker/pool-size.ts';
import { AskedCaller } from '../support/asked-caller.ts';
import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { makeFolder } from '../support/folder-contents.ts';
import { SteadyCaller } from '../support/steady-caller.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';
import { testBundle } from '../support/test-bundles.ts';
import { startWatchedAgent } from '../support/watched-agent.ts';

interface Herd {
  readonly containers: number;
  readonly lookUpMs: number;
  readonly seconds: number;
  /** As slow-herd.c has them. */
  readonly options?: readonly string[];
}

/** Containers on a file system that takes its time. */
function startHerd(socket: string, folder: string, herd: Herd): RunningCommand {
  const { containers, lookUpMs, seconds, options = [] } = herd;
  const numbers = [containers, lookUpMs * 1000, seconds].map(String);
  return new RunningCommand(
    [compiled('slow-herd'), '-s', socket, ...options, ...numbers, makeFolder(folder, 'slow')],
    { deadlineMs: (seconds + 90) * 1000 },
  );
}

/** Number of each answer. */
async function answersOf(herd: RunningCommand): Promise<ReadonlyMap<string, number>> {
  const { code, stdout, stderr } = await herd.ended;
  if (code !== 0) throw new Error(`slow-herd: ${stderr}`);
  const lines = [...stdout.matchAll(/^([A-Z]+) (\d+)$/gmu)];
  return new Map(lines.map(([, answer = '', count]) => [answer, Number(count)]));
}

const quickCall = 'mkdir /there/is/none';
/** Of calls that keep nobody waiting, on a machine that is not ours alone. */
const maxMs = 1000;

async function firstCallsMs(options: { socket: string; namespace?: string }): Promise<number[]> {
  const { socket, namespace } = options;
  const workload = namespace === undefined ? {} : { namespace };
  await using caller = new AskedCaller({ socket, workload });
  const tookMs: number[] = [];
  for (let call = 0; call < 10; call += 1) tookMs.push((await caller.ask(quickCall)).tookMs);
  return tookMs;
}

test('G4: fairness: containers that are slow now and then, more than there are workers for, keep nobody waiting', async () => {
  await using agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
  using folder = new TemporaryFolder();
  const { socket } = agent;
  // each is slow in so small a part of the time that it is not by itself
  const herd = { containers: 16 * poolSize().max, lookUpMs: 300, seconds: 30 };
  await using quiet = new SteadyCaller(quickCall, { socket });
  await using slow = startHerd(socket, folder.path, { ...herd, options: ['-p', '4000000'] });
  await slow.printed(/^ready$/mu);
  // all have called, so it is known of each
  await sleep(15_000);
  const learnedMs = performance.now();
  const ofNew: number[] = [];
  for (let index = 0; index < 4; index += 1) {
    ofNew.push(...(await firstCallsMs({ socket })));
    await sleep(2000);
  }
  const calls = (await quiet.finish()).filter(({ beganMs }) => beganMs > learnedMs);
  const answers = await answersOf(slow);

  expect(Math.max(...calls.map(({ tookMs }) => tookMs))).toBeLessThan(maxMs);
  expect(calls.length).toBeGreaterThan(100);
  expect(Math.max(...ofNew)).toBeLessThan(maxMs);
  // they have what others leave, which is not enough for all of them
  expect(answers.get('ENOENT')).toBeGreaterThan(50);
});

test('G4: fairness: new containers that each keep a worker once keep those of others from nothing', async () => {
  await using agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
  using folder = new TemporaryFolder();
  const { socket } = agent;
  const herd = { containers: 12 * poolSize().max, lookUpMs: 900, seconds: 15 };
  await using slow = startHerd(socket, folder.path, { ...herd, options: ['-o'] });
  await slow.printed(/^ready$/mu);
  await sleep(3000);
  const tookMs: number[] = [];
  for (let index = 0; index < 4; index += 1) {
    tookMs.push(...(await firstCallsMs({ socket, namespace: `other-${index}` })));
    await sleep(1000);
  }

  expect(Math.max(...tookMs)).toBeLessThan(maxMs);
});

test('G4: fairness: a container with many threads on a slow file system is served while nobody else calls', async () => {
  await using agent = await startWatchedAgent({ bundle: testBundle('perform'), log: 'warn' });
  using folder = new TemporaryFolder();
  const herd = { containers: 1, lookUpMs: 600, seconds: 5, options: ['-t', '32'] };
  await using slow = startHerd(agent.socket, folder.path, herd);

  const answers = await answersOf(slow);

  // each waits for others of its container, all together longer than calls wait for a worker
  expect([...answers.keys()]).toEqual(['ENOENT']);
});
