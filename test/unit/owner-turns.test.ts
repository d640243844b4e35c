// SPDX-License-Identifier: Apache-2.0
// Tests how many threads do something for containers at once, and whose are first.
import { expect, onTestFinished, test, vi } from 'vitest';

import { parseContainerProcessState } from '../../host/agent-socket/container-process-state.ts';
import { OwnerTurns, TurnRefusal, turnMs } from '../../host/containers/owner-turns.ts';
import type { ContainerIdentity } from '../../host/resolvers/resolver.ts';

function containerOf(peerUid: number, id: string, namespace?: string): ContainerIdentity {
  const state = parseContainerProcessState(
    JSON.stringify({
      ociVersion: '1.2.0',
      fds: ['seccompFd'],
      pid: 1,
      state: { ociVersion: '1.2.0', id, status: 'creating', pid: 1, bundle: '/b' },
    }),
  );
  const workload = namespace === undefined ? {} : { workload: { namespace } };
  return { state, firstPid: 1, peerUid, ...workload };
}

const lastMs = 60_000;

class Looks {
  readonly #turns = new OwnerTurns({ root: 8, users: 2, user: 1, lastMs });
  readonly #ends: (() => void)[] = [];
  readonly begun: string[] = [];

  async begin(
    peerUid: number,
    id: string,
    { isWanted = true, namespace }: { isWanted?: boolean; namespace?: string } = {},
  ): Promise<string | undefined> {
    return this.#turns.take(
      containerOf(peerUid, id, namespace),
      () => isWanted,
      async () => {
        this.begun.push(id);
        await new Promise<void>((resolve) => this.#ends.push(resolve));
        return id;
      },
    );
  }

  endFirst(): void {
    this.#ends.shift()?.();
  }
}

/** All that can go on has gone on. */
async function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('A2: owner turns: a user has one at once, all users together two, and root waits for none', async () => {
  const looks = new Looks();
  const all = ['a', 'b'].map(async (id) => looks.begin(1000, id));
  all.push(looks.begin(1001, 'c'), looks.begin(1002, 'd'));
  await settled();
  expect(looks.begun).toEqual(['a', 'c']);
  all.push(looks.begin(0, 'root'));
  await settled();
  expect(looks.begun).toEqual(['a', 'c', 'root']);
  // others are before a user who has had one
  looks.endFirst();
  await settled();
  expect(looks.begun.slice(3)).toEqual(['d']);
  for (let index = 0; index < 4; index += 1) {
    looks.endFirst();
    await settled();
  }
  expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd', 'root']);
});

test('owner turns: nothing is done for whom nobody waits', async () => {
  const looks = new Looks();
  expect(await looks.begin(0, 'gone', { isWanted: false })).toBeUndefined();
  expect(looks.begun).toEqual([]);
});

test('A2: owner turns: root’s are bounded, too', async () => {
  const looks = new Looks();
  const all = Array.from({ length: 20 }, async (_, index) => looks.begin(0, `c${index}`));
  await settled();
  expect(looks.begun).toHaveLength(8);
  for (let index = 0; index < 20; index += 1) {
    looks.endFirst();
    await settled();
  }
  expect(await Promise.all(all)).toHaveLength(20);
});

function fakeTime(): void {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

/** What has come of each so far: its result, or that it was refused. */
function watched(all: readonly Promise<unknown>[]): readonly unknown[] {
  const ends: unknown[] = all.map(() => 'open');
  for (const [index, each] of all.entries()) {
    each.then(
      (end) => (ends[index] = end),
      (thrown: unknown) => (ends[index] = thrown instanceof TurnRefusal ? 'refused' : thrown),
    );
  }
  return ends;
}

/** So many that hang, of whom this says. */
async function hang(
  looks: Looks,
  count: number,
  of: (index: number) => Promise<unknown>,
): Promise<readonly unknown[]> {
  const begun = looks.begun.length;
  const ends = watched(Array.from({ length: count }, async (_, index) => of(index)));
  // each turn takes its time, and users have two
  for (let turn = 0; turn < count; turn += 1) await vi.advanceTimersByTimeAsync(turnMs);
  expect(looks.begun.length - begun).toBe(count);
  return ends;
}

test('A5: owner turns: what hangs gives its turn to others, and is waited for', async () => {
  fakeTime();
  const looks = new Looks();
  const ends = watched([looks.begin(1000, 'a'), looks.begin(1000, 'b'), looks.begin(1001, 'c')]);
  await vi.advanceTimersByTimeAsync(turnMs - 1);
  expect(looks.begun).toEqual(['a', 'c']);
  await vi.advanceTimersByTimeAsync(1);
  expect(looks.begun).toEqual(['a', 'c', 'b']);
  looks.endFirst();
  await vi.advanceTimersByTimeAsync(0);
  expect(ends).toEqual(['a', 'open', 'open']);
  await vi.advanceTimersByTimeAsync(lastMs);
  expect(ends).toEqual(['a', 'refused', 'refused']);
});

test('A5: owner turns: time in which the main thread stood still is no turn’s', async () => {
  fakeTime();
  const looks = new Looks();
  const ends = watched(['a', 'b'].map(async (id) => looks.begin(1000, id)));
  await vi.advanceTimersByTimeAsync(turnMs / 2);
  // the clock goes on, and no timer fires
  const now = performance.now.bind(performance);
  const spy = vi.spyOn(performance, 'now').mockImplementation(() => now() + 10 * turnMs);
  onTestFinished(() => {
    spy.mockRestore();
  });
  await vi.advanceTimersByTimeAsync(turnMs / 2);
  expect(looks.begun).toEqual(['a']);
  await vi.advanceTimersByTimeAsync(turnMs);
  expect(looks.begun).toEqual(['a', 'b']);
  expect(ends).toEqual(['open', 'open']);
});

test('A5: owner turns: a container of which two hang is refused until one ends, and others are not', async () => {
  fakeTime();
  const looks = new Looks();
  await hang(looks, 2, async () => looks.begin(0, 'stuck'));
  const ends = watched([looks.begin(0, 'stuck'), looks.begin(0, 'other')]);
  await vi.advanceTimersByTimeAsync(0);
  expect(ends).toEqual(['refused', 'open']);
  looks.endFirst();
  await vi.advanceTimersByTimeAsync(0);
  const later = watched([looks.begin(0, 'stuck')]);
  await vi.advanceTimersByTimeAsync(0);
  expect(later).toEqual(['open']);
});

test('A5: owner turns: who waits while others of the same come to hang is refused, too', async () => {
  fakeTime();
  const looks = new Looks();
  const ends = watched(Array.from({ length: 3 }, async () => looks.begin(1000, 'stuck')));
  await vi.advanceTimersByTimeAsync(3 * turnMs);
  expect(looks.begun).toHaveLength(2);
  expect(ends).toEqual(['open', 'open', 'refused']);
});

test('A5: owner turns: four of a user hang, eight of a namespace, and other users’ go on', async () => {
  fakeTime();
  const looks = new Looks();
  await hang(looks, 4, async (index) => looks.begin(1000, `u${index}`));
  const namespace = 'shop';
  await hang(looks, 8, async (index) => looks.begin(0, `n${index}`, { namespace }));
  const ends = watched([
    looks.begin(1000, 'u4'),
    looks.begin(1001, 'other'),
    looks.begin(0, 'n8', { namespace }),
    looks.begin(0, 'n9', { namespace: 'inn' }),
    looks.begin(0, 'plain'),
  ]);
  await vi.advanceTimersByTimeAsync(0);
  expect(ends).toEqual(['refused', 'open', 'refused', 'open', 'open']);
});

/** What has come of it at once. */
async function endOf(asked: Promise<unknown>): Promise<unknown> {
  const ends = watched([asked]);
  await vi.advanceTimersByTimeAsync(0);
  return ends[0];
}

test('A5: owner turns: where many hang, who has one gets no other, and who has none gets one', async () => {
  fakeTime();
  const looks = new Looks();
  await hang(looks, 16, async (index) => looks.begin(1000 + (index % 8), `u${index}`));
  expect(await endOf(looks.begin(1000, 'another'))).toBe('refused');
  // for root's there are as many again
  await hang(looks, 16, async (index) => looks.begin(0, `r${index}`));
  expect(await endOf(looks.begin(0, 'r0'))).toBe('refused');
  await hang(looks, 1, async () => looks.begin(2000, 'late'));
  expect(await endOf(looks.begin(2000, 'later'))).toBe('refused');
  await hang(looks, 1, async () => looks.begin(0, 'late'));
});

test('A5: owner turns: there are only so many that hang, whosever they are', async () => {
  fakeTime();
  const looks = new Looks();
  await hang(looks, 128, async (index) => looks.begin(0, `r${index}`));
  const ends = watched([looks.begin(0, 'late'), looks.begin(1000, 'late')]);
  await vi.advanceTimersByTimeAsync(0);
  expect(ends).toEqual(['refused', 'refused']);
});
