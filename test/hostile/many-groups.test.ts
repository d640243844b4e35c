// SPDX-License-Identifier: Apache-2.0
// Callers in so many groups that the kernel takes milliseconds to tell of one of them: the time that
// this takes is their containers'.
import { setTimeout as pause } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { RunningCommand } from '../support/command.ts';
import { compiled } from '../support/compile.ts';
import { startHostileAgent } from '../support/hostile-agent-process.ts';
import { until } from '../support/polling.ts';
import { SteadyCaller } from '../support/steady-caller.ts';

const syscalls = ['getpgid'];
const groups = 65_536;
const processes = 100;
const attackMs = 8000;
/** Until it is known who is slow. */
const learningMs = 1000;
/** Of every other call, and of nine of ten, on a machine that has no processor left. */
const medianMs = 20;
const mostMs = 100;

test('A2, G4: many groups: late answers to such callers delay nobody else', async () => {
  await using agent = await startHostileAgent({ log: 'warn' });
  const { socket, bundles } = agent;
  bundles.write('good', { component: 'errno', syscalls, settings: { errno: 'EBADMSG' } });
  const settings = { milliseconds: '100', answer: 'EBADMSG' };
  bundles.write('late', { component: 'delay', syscalls, settings });
  await using good = new SteadyCaller('getpgid 0', { socket, metadata: 'good' });
  await until('the good container', () => good.count > 5 || undefined);
  const args = [socket, 'late', String(groups), String(processes)];
  await using _crowd = new RunningCommand([compiled('group-crowd'), ...args]);
  const began = performance.now();
  await pause(attackMs);

  const calls = await good.finish();
  expect([...new Set(calls.map(({ answer }) => answer))]).toEqual(['EBADMSG']);
  const later = calls.filter(({ beganMs }) => beganMs > began + learningMs);
  const times = later.map(({ tookMs }) => tookMs).toSorted((one, other) => one - other);
  expect(times.at(Math.floor(times.length * 0.5))).toBeLessThan(medianMs);
  expect(times.at(Math.floor(times.length * 0.9))).toBeLessThan(mostMs);
});
