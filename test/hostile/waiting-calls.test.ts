// SPDX-License-Identifier: Apache-2.0
// Calls that wait for late answers: the kernel goes through all of a listener's at each of ours.
import { setTimeout as pause } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import { until } from '../support/polling.ts';
import { SteadyCaller } from '../support/steady-caller.ts';

const syscalls = ['getpgid'];
const waiting = 8000;
const opening = 16;
/** Until all of them wait, or have failed. */
const startMs = 4000;
const attackMs = 6000;
/** Of every other call, and of nine of ten, on a machine that has no processor left. */
const medianMs = 20;
const mostMs = 100;

test('G4: late answers: thousands that wait for them delay nobody else', async () => {
  await using agent = await startHostileAgent({ log: 'warn' });
  const { socket, bundles } = agent;
  bundles.write('good', { component: 'errno', syscalls, settings: { errno: 'EBADMSG' } });
  const settings = { milliseconds: '30000', answer: 'EBADMSG' };
  bundles.write('late', { component: 'delay', syscalls, settings });
  bundles.write('acts', { component: 'perform' });
  await using good = new SteadyCaller('getpgid 0', { socket, metadata: 'good' });
  await until('the good container', () => good.count > 5 || undefined);
  const args = [socket, 'late,acts', String(waiting), String(opening)];
  await using _crowd = new RunningCommand([compiled('waiting-crowd'), ...args]);
  await pause(startMs);
  const began = performance.now();
  await pause(attackMs);

  const calls = await good.finish();
  expect([...new Set(calls.map(({ answer }) => answer))]).toEqual(['EBADMSG']);
  const later = calls.filter(({ beganMs }) => beganMs > began);
  const times = later.map(({ tookMs }) => tookMs).toSorted((one, other) => one - other);
  expect(times.at(Math.floor(times.length * 0.5))).toBeLessThan(medianMs);
  expect(times.at(Math.floor(times.length * 0.9))).toBeLessThan(mostMs);
});
