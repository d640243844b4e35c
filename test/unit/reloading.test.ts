// SPDX-License-Identifier: Apache-2.0
// A reload has much to do for many containers, and keeps nobody waiting.
import { setImmediate as nextTurn } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { prepareAll } from '../../host/containers/reloading.ts';
import type { Listener } from '../../host/containers/reloading.ts';
import type { IsWanted } from '../../host/scheduling/asker.ts';
import type { ContainerIdentity } from '../../host/resolvers/resolver.ts';
import { busyFor } from '../support/busy.ts';

function identityOf(containerId: string, metadata: string): ContainerIdentity {
  const state = {
    fds: ['seccompFd'],
    processPid: 1,
    metadata,
    containerId,
    containerPid: 1,
    status: 'running',
    ociBundle: '',
    annotations: new Map<string, string>(),
  };
  return { state, firstPid: 1 };
}

class Listeners {
  readonly #all: Map<number, ContainerIdentity> = new Map();

  add(count: number, identity: ContainerIdentity): void {
    for (let left = count; left > 0; left -= 1) this.#all.set(this.#all.size, identity);
  }

  end(...tokens: readonly number[]): void {
    for (const token of tokens) this.#all.delete(token);
  }

  readonly all = (): readonly Listener[] =>
    [...this.#all].map(([token, identity]) => [token, { identity }]);

  readonly get = (token: number): unknown => this.#all.get(token);
}

test('reloading: the listeners of a container that has many are prepared for once', async () => {
  const listeners = new Listeners();
  listeners.add(240, identityOf('a', 'BUNDLE=one'));
  listeners.add(1, identityOf('a', 'BUNDLE=two'));
  listeners.add(240, identityOf('b', 'BUNDLE=one'));
  const prepared: string[] = [];
  const prepare = async ({ state }: ContainerIdentity): Promise<void> => {
    prepared.push(`${state.containerId} ${state.metadata}`);
    await nextTurn();
  };
  await prepareAll(listeners, { prepare });
  expect(prepared).toEqual(['a BUNDLE=one', 'a BUNDLE=two', 'b BUNDLE=one']);
});

test('reloading: containers are wanted as long as one of their listeners lives', async () => {
  const listeners = new Listeners();
  listeners.add(3, identityOf('a', ''));
  const asked: IsWanted[] = [];
  const prepare = async (_: ContainerIdentity, isWanted?: IsWanted): Promise<void> => {
    asked.push(isWanted ?? (() => false));
  };
  await prepareAll(listeners, { prepare });
  const areWanted = (): readonly boolean[] => asked.map((isWanted) => isWanted());
  listeners.end(0, 1);
  expect(areWanted()).toEqual([true]);
  listeners.end(2);
  expect(areWanted()).toEqual([false]);
});

test('reloading: between containers the main thread turns to others', async () => {
  const listeners = new Listeners();
  for (const id of ['a', 'b', 'c', 'd']) listeners.add(1, identityOf(id, ''));
  const prepared: string[] = [];
  const prepare = ({ state }: ContainerIdentity): undefined => {
    busyFor(10);
    prepared.push(state.containerId);
  };
  const all = prepareAll(listeners, { prepare });
  await nextTurn();
  expect(prepared.length).toBeLessThan(4);
  await all;
  expect(prepared).toHaveLength(4);
});
