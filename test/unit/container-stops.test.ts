// SPDX-License-Identifier: Apache-2.0
// Tests that a container whose calls fail is stopped once at a time, however many they are.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { ContainerStops } from '../../host/containers/container-stops.ts';
import { turnMs } from '../../host/containers/owner-turns.ts';
import { UserLines } from '../../host/log/user-lines.ts';
import { stopPauseMs } from '../../host/worker/container-stop.ts';
import { defaultFailure } from '../../host/registry/policy.ts';
import type { ContainerStop } from '../../host/registry/policy.ts';
import { errnoNumber } from '../../host/syscalls/errno.ts';
import { KeptLog } from '../support/kept-log.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function containerOf(
  containerId: string,
  owner: { readonly peerUid?: number } = {},
): Parameters<ContainerStops['stop']>[2] {
  const state = {
    fds: ['seccompFd'],
    processPid: 4321,
    metadata: '',
    containerId,
    containerPid: 1234,
    status: 'running',
    ociBundle: '',
    annotations: new Map<string, string>(),
  };
  const rest = { handlers: [], defaultAction: 'continue', failure: defaultFailure } as const;
  return { identity: { state, firstPid: 77, ...owner }, registry: { containerId, ...rest } };
}

const lastMs = 10_000;

/** Containers that take a while to stop. */
class Slow {
  readonly asked: number[] = [];
  readonly log = new KeptLog();
  readonly notes: unknown[] = [];
  /** Whose first processes were killed. */
  readonly killed: number[] = [];
  readonly stops: ContainerStops;
  readonly #answers: ((errno: number) => void)[] = [];

  constructor() {
    this.stops = new ContainerStops({
      act: async (_, token) => {
        this.asked.push(token);
        return new Promise((resolve) => {
          this.#answers.push(resolve);
        });
      },
      killFirst: (token) => this.killed.push(token),
      lines: new UserLines(this.log.log),
      onNote: (note) => this.notes.push(note),
    });
  }

  async answer(errno: number): Promise<void> {
    for (const resolve of this.#answers.splice(0)) resolve(errno);
    await vi.advanceTimersByTimeAsync(0);
  }
}

const kinds: readonly ContainerStop[] = ['kill-container', 'freeze-container'];

test.for(kinds)('A5: stops: calls that fail meanwhile stop nothing again: %s', async (kind) => {
  const slow = new Slow();
  for (let call = 0; call < 100; call += 1) slow.stops.stop(kind, 1, containerOf('a'));
  slow.stops.stop(kind, 2, containerOf('b'));
  expect(slow.asked).toEqual([1, 2]);

  // nor after a refusal, for a while
  await slow.answer(errnoNumber('EPERM'));
  for (let call = 0; call < 100; call += 1) slow.stops.stop(kind, 1, containerOf('a'));
  expect(slow.asked).toEqual([1, 2]);
  await vi.advanceTimersByTimeAsync(stopPauseMs);
  slow.stops.stop(kind, 1, containerOf('a'));
  expect(slow.asked).toEqual([1, 2, 1]);
  expect(slow.log.records.map(({ container }) => container)).toEqual(['a', 'b']);
  expect(slow.notes).toEqual([]);
});

test('stops: a container that was frozen and thawed is frozen at its next failure, and each is told', async () => {
  const slow = new Slow();
  for (let round = 0; round < 3; round += 1) {
    slow.stops.stop('freeze-container', 1, containerOf('a'));
    await slow.answer(0);
  }
  expect(slow.asked).toEqual([1, 1, 1]);
  expect(slow.log.records.map(({ event }) => event)).toEqual(
    Array.from({ length: 3 }, () => 'container-frozen'),
  );
  expect(slow.notes).toHaveLength(3);
});

test('G1: stops: two users’ containers are stopped at once, one of each, and root’s beside them', async () => {
  const slow = new Slow();
  const stop = (user: number, container: number): void => {
    const token = user + container;
    slow.stops.stop('kill-container', token, containerOf(`c${token}`, { peerUid: user }));
  };
  for (const user of [1000, 2000, 3000]) for (const place of [0, 1, 2]) stop(user, place);
  expect(slow.asked).toEqual([1000, 2000]);
  for (let token = 0; token < 6; token += 1) {
    slow.stops.stop('kill-container', token, containerOf(`root-${token}`));
  }
  expect(slow.asked).toEqual([1000, 2000, 0, 1, 2, 3]);
  const seen: number[] = [];
  while (slow.asked.length > 0) {
    const users = slow.asked.splice(0).filter((token) => token >= 1000);
    const from = users.map((token) => Math.floor(token / 1000));
    expect(new Set(from).size).toBe(users.length);
    expect(users.length).toBeLessThanOrEqual(2);
    seen.push(...users);
    await slow.answer(0);
  }
  expect(seen.toSorted((one, other) => one - other)).toEqual([
    1000, 1001, 1002, 2000, 2001, 2002, 3000, 3001, 3002,
  ]);
});

test.for(kinds)('A5: stops: one that does not end leaves its turn to others: %s', async (kind) => {
  const slow = new Slow();
  for (let token = 0; token < 5; token += 1) slow.stops.stop(kind, token, containerOf(`c${token}`));
  expect(slow.asked).toEqual([0, 1, 2, 3]);
  await vi.advanceTimersByTimeAsync(turnMs);
  expect(slow.asked).toEqual([0, 1, 2, 3, 4]);

  await vi.advanceTimersByTimeAsync(lastMs);
  expect(slow.log.records).toHaveLength(5);
  for (const record of slow.log.records) {
    expect(record).toMatchObject({
      event: kind === 'kill-container' ? 'container-not-killed' : 'container-not-frozen',
      errno: 'ETIMEDOUT',
    });
  }
  expect(slow.killed).toEqual(kind === 'kill-container' ? [0, 1, 2, 3, 4] : []);
  expect(slow.notes).toEqual([]);
});

test('A5: stops: a container of which two hang is refused, and its first process is killed all the same', async () => {
  const slow = new Slow();
  const stop = (): void => {
    slow.stops.stop('kill-container', 1, containerOf('a'));
  };
  for (let time = 0; time < 2; time += 1) {
    stop();
    await vi.advanceTimersByTimeAsync(lastMs + stopPauseMs);
  }
  expect(slow.asked).toEqual([1, 1]);
  expect(slow.killed).toEqual([1, 1]);
  stop();
  await vi.advanceTimersByTimeAsync(0);
  expect(slow.asked).toEqual([1, 1]);
  expect(slow.killed).toEqual([1, 1, 1]);
  // they count until they end
  await slow.answer(0);
  await vi.advanceTimersByTimeAsync(stopPauseMs);
  stop();
  expect(slow.asked).toEqual([1, 1, 1]);
});

test('G1: stops: of the containers of a user, no more are told than a user may have lines', async () => {
  const slow = new Slow();
  for (let container = 0; container < 500; container += 1) {
    slow.stops.stop('freeze-container', container, containerOf(`c${container}`, { peerUid: 1000 }));
  }
  for (let answer = 0; answer < 500; answer += 1) await slow.answer(errnoNumber('EPERM'));
  expect(slow.asked).toHaveLength(500);
  expect(slow.log.records).toHaveLength(200);
});
