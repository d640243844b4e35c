// SPDX-License-Identifier: Apache-2.0
// Tests how many threads do something for containers at once, and whose are first.
import { expect, test } from 'vitest';

import { parseContainerProcessState } from '../../host/agent-socket/container-process-state.ts';
import { OwnerTurns } from '../../host/containers/owner-turns.ts';
import type { ContainerIdentity } from '../../host/resolvers/resolver.ts';

function containerOf(peerUid: number, id: string): ContainerIdentity {
  const state = parseContainerProcessState(
    JSON.stringify({
      ociVersion: '1.2.0',
      fds: ['seccompFd'],
      pid: 1,
      state: { ociVersion: '1.2.0', id, status: 'creating', pid: 1, bundle: '/b' },
    }),
  );
  return { state, firstPid: 1, peerUid };
}

class Looks {
  readonly #turns = new OwnerTurns({ root: 8, users: 2, user: 1 });
  readonly #ends: (() => void)[] = [];
  readonly begun: string[] = [];

  async begin(peerUid: number, id: string, isWanted = true): Promise<string | undefined> {
    return this.#turns.take(
      containerOf(peerUid, id),
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
  expect(await looks.begin(0, 'gone', false)).toBeUndefined();
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
