// SPDX-License-Identifier: Apache-2.0
// A6: bundles that no container has make room for those that containers want.
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { isPassing, messageOf, passingCodeOf } from '../../host/errors.ts';
import { Askers } from '../../host/scheduling/asker.ts';
import type { LoadedComponent } from '../../host/handler/direct.ts';
import { defaultLimits } from '../../host/handler/outline.ts';
import type { Bundle } from '../../host/bundles/bundle.ts';
import { BundleStore } from '../../host/bundles/bundle-store.ts';
import { checkPart, codeBytesOf } from '../../host/bundles/code-room.ts';
import type { CodeSize } from '../../host/bundles/code-room.ts';
import { ComponentCache } from '../../host/bundles/component-cache.ts';
import { ContainerRefusal } from '../../host/resolvers/container-refusal.ts';
import type { ContainerIdentity } from '../../host/resolvers/resolver.ts';
import { noneResolver } from '../../host/resolvers/none.ts';
import { failureOf } from '../support/agent-failure.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { failure, naming } from '../support/failures.ts';
import { dear, manyStates } from '../support/hostile-components.ts';

/** Of a refusal: how much there would be. */
const size = /\d+\.\d MiB/u;

function componentsOf({ handlers }: Bundle): readonly LoadedComponent[] {
  return handlers.map(({ component }) => component);
}

/** Bundles of about the same size, each with two components. */
class Bundles implements Disposable {
  readonly folder = new BundleFolder();
  #written = 0;

  write(...names: readonly string[]): void {
    for (const name of names) {
      const components = [0, 1].map(() => {
        this.#written += 1;
        return dear(manyStates(20 + this.#written, 20));
      });
      this.folder.writeMany(name, components);
    }
  }

  /** Where there is room for the first of them, and for a bit more. */
  async store(
    names: readonly string[],
    components = new ComponentCache({ waits: false }),
    awaitedForMs = 0,
  ): Promise<BundleStore> {
    const folders = [this.folder.path];
    const all = new BundleStore({ folders }, new ComponentCache({ waits: false }));
    await all.prepare(names);
    const sizes = names.flatMap((name) => componentsOf(all.named(name)));
    const maxCodeBytes = Math.floor(codeBytesOf(sizes) * (1 + 0.5 / names.length));
    return new BundleStore({ folders, maxCodeBytes, awaitedForMs }, components);
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }
}

function identityOf(metadata: string): ContainerIdentity {
  const state = {
    fds: ['seccompFd'],
    processPid: 1,
    metadata,
    containerId: 'c1',
    containerPid: 1,
    status: 'creating',
    ociBundle: '',
    annotations: new Map<string, string>(),
  };
  return { state, firstPid: 1 };
}

/** As a container has it. */
async function prepared(store: BundleStore, name: string): Promise<Bundle> {
  await store.prepare([name]);
  const bundle = store.named(name);
  await sleep(10);
  return bundle;
}

test('A6: bundle room: of two bundles that fit only one by one, one makes room for the other', async () => {
  using bundles = new Bundles();
  bundles.write('one', 'two');
  const components = new ComponentCache({ waits: false });
  const store = await bundles.store(['one'], components);
  const one = await prepared(store, 'one');
  expect((await prepared(store, 'two')).name).toBe('two');
  // nobody has its code any more
  expect(components.size).toBe(2);
  const again = await prepared(store, 'one');
  expect(again).not.toBe(one);
  expect(again.handlers).toHaveLength(2);
});

test('A6: bundle room: one for which there is none is refused with the numbers until something is given back', async () => {
  using bundles = new Bundles();
  bundles.write('one', 'two');
  const components = new ComponentCache({ waits: false });
  const store = await bundles.store(['one'], components);
  const one = await prepared(store, 'one');
  components.used = () => componentsOf(one);

  await store.prepare(['two']);
  const refused = failureOf(() => store.named('two'));
  expect(refused).toEqual(failure('AGENT_BUNDLE_ROOM', '"two"', size));
  expect(isPassing(refused)).toBe(true);
  // it is not compiled again, and nothing of it is kept
  expect(store.prepare(['two'])).toBeUndefined();
  expect(failureOf(() => store.named('two'))).toBe(refused);
  expect(components.size).toBe(2);
  expect(store.named('one')).toBe(one);

  components.used = () => [];
  await sleep(10);
  expect((await prepared(store, 'two')).handlers).toHaveLength(2);
});

test('A6: bundle room: bundles kept only for later use are given back', async () => {
  using bundles = new Bundles();
  bundles.write('one', 'two');
  const components = new ComponentCache({ waits: false });
  const store = await bundles.store(['one'], components);
  const one = await prepared(store, 'one');
  components.used = () => componentsOf(one);
  components.giveBack = () => {
    components.used = () => [];
  };
  expect((await prepared(store, 'two')).handlers).toHaveLength(2);
});

test('A6: bundle room: of several bundles of a container, the one for which there is none is what it hears', async () => {
  using bundles = new Bundles();
  const names = ['a', 'b', 'c', 'd'];
  bundles.write('before', ...names);
  const store = await bundles.store(names.slice(0, 3));
  await prepared(store, 'before');
  const policies = {
    defaultAction: 'continue',
    failure: { kind: 'errno', errno: 'EACCES' },
  } as const;
  const resolver = noneResolver({ store, policies, selection: [] });
  const identity = identityOf(`BUNDLE=${names.join(',')}`);

  await resolver.prepare?.(identity);
  const thrown = failureOf(() => resolver.resolve(identity));
  expect(thrown).toBeInstanceOf(ContainerRefusal);
  expect(thrown).toEqual(failure('AGENT_BUNDLE_ROOM', /"[abcd]"/u, size));
  // the others are at hand
  const found = names.filter((name) => store.prepare([name]) === undefined);
  expect(found).toEqual(names);
});

test('A6: bundle room: making room leaves what others wait for, and what is prepared', async () => {
  using bundles = new Bundles();
  bundles.write('old', 'a', 'b');
  // one may be there long before the other
  const patienceMs = 4000;
  const store = await bundles.store(['a', 'b'], undefined, patienceMs);
  await prepared(store, 'old');
  // nobody waits for it any more
  await sleep(patienceMs + 10);

  const others = ['a', 'b'].map(async (name) => store.prepare([name], { who: [name] }));
  await Promise.all(others);

  expect(['a', 'b'].map((name) => store.named(name).handlers.length)).toEqual([2, 2]);
});

test('A6: bundle room: where the agent has no memory left, nothing is compiled until it has', async () => {
  using bundles = new Bundles();
  bundles.write('one');
  let isShort = true;
  const components = new ComponentCache({ waits: false, isShort: () => isShort });
  const store = await bundles.store(['one'], components);
  await store.prepare(['one']);
  const refused = failureOf(() => store.named('one'));
  expect(passingCodeOf(refused)).toBe('AGENT_COMPONENT_UNTRIED');
  expect(components.size).toBe(0);

  isShort = false;
  await store.prepare(['one']);
  expect(store.named('one').handlers).toHaveLength(2);
});

test('A6: bundle room: bundles of the command line stay loaded', async () => {
  using bundles = new Bundles();
  bundles.write('chosen', 'one', 'two');
  const store = await bundles.store(['chosen', 'one']);
  await store.prepareReferred(['chosen']);
  const chosen = store.referred('chosen');
  await prepared(store, 'one');
  await prepared(store, 'two');
  expect(store.referred('chosen')).toBe(chosen);
});

test('A6: bundle room: a reload does not read again what no container has, where both would be too much', async () => {
  using bundles = new Bundles();
  bundles.write('idle', 'used');
  const components = new ComponentCache({ waits: false });
  const store = await bundles.store(['idle', 'used'], components);
  await prepared(store, 'idle');
  const used = await prepared(store, 'used');
  components.used = () => componentsOf(used);
  bundles.write('idle', 'used');

  const failures: string[] = [];
  const next = await store.renewed(({ message }) => failures.push(message));

  expect(failures).toEqual([]);
  expect(next.prepare(['used'])).toBeUndefined();
  expect(next.named('used')).not.toBe(used);
  // it may be read once somebody names it
  expect(next.prepare(['idle'])).toBeDefined();
});

test('bundle room: unused bundles count together with those of containers', async () => {
  using bundles = new Bundles();
  const names = ['b', 'c', 'd'];
  bundles.write('a', ...names);
  const components = new ComponentCache({ waits: false });
  const store = await bundles.store(['a', 'b'], components);
  const only = await prepared(store, 'a');
  components.used = () => componentsOf(only);
  const max = 2.6 * codeBytesOf(componentsOf(only));
  for (const { file } of only.handlers) {
    for (const name of names) {
      const wanted = file.replace('/a/', `/${name}/`);
      const askers = new Askers({ who: [name] });
      await components.prepare({ file: wanted, limits: defaultLimits, trust: 'foreign' }, askers);
      const loaded = components.loaded.map(({ component }) => component);
      expect(codeBytesOf([...componentsOf(only), ...loaded])).toBeLessThan(max);
      // what was read last is there
      expect(components.loaded.at(-1)?.file).toBe(wanted);
    }
  }
  expect(store.named('a')).toBe(only);
});

test('bundle room: nothing stays of a bundle that is refused', async () => {
  using bundles = new Bundles();
  bundles.write('bad');
  const components = new ComponentCache({ waits: false });
  const store = await bundles.store(['bad'], components);
  const file = bundles.folder.at('bad/bundle.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  const wrong = `sha256:${'0'.repeat(64)}`;
  manifest.handlers.at(-1).digest = wrong;
  writeFileSync(file, JSON.stringify(manifest));

  await store.prepare(['bad']);

  const refused = failureOf(() => store.named('bad'));
  expect(refused.code).toBe('AGENT_BUNDLE_INVALID');
  expect(messageOf(refused)).toEqual(naming(bundles.folder.at('bad'), wrong));
  expect(components.loaded).toEqual([]);
  expect(store.prepare(['bad'])).toBeUndefined();
});

const mebibyte = 2 ** 20;

function sized(id: string, mebibytes: number): CodeSize {
  return { id, codeBytes: mebibytes * mebibyte };
}

test('A6: bundle room: whoever has much of it leaves some for others', () => {
  const max = 256 * mebibyte;
  const [one, two, three] = [sized('1', 61), sized('2', 61), sized('3', 61)];
  checkPart({ used: [one], own: [one], wanted: [two], max });
  const used = [one, two];
  const refused = failureOf(() => {
    checkPart({ used, own: used, wanted: [three], max });
  });
  expect(isPassing(refused)).toBe(true);
  expect(refused).toEqual(failure('AGENT_BUNDLE_ROOM', '183.0 MiB', '44.7 MiB'));
  // also by another container that is in no namespace
  expect(failureOf(() => checkPart({ used, own: [], wanted: [three], max })).code).toBe(
    'AGENT_BUNDLE_ROOM',
  );
  // what somebody has already takes nothing
  checkPart({ used, own: [], wanted: [two], max });
  // one after the other
  const others = [sized('a', 44), sized('b', 30), sized('c', 20), sized('d', 13)];
  for (const [at, other] of others.entries()) {
    checkPart({ used: [...used, ...others.slice(0, at)], own: [], wanted: [other], max });
  }
});

test('A6: bundle room: a container that has its bundles has them after a reload, whatever others have', async () => {
  using bundles = new Bundles();
  bundles.write('one', 'two', 'three');
  const components = new ComponentCache({ waits: false });
  const store = await bundles.store(['one', 'two'], components);
  const policies = {
    defaultAction: 'continue',
    failure: { kind: 'errno', errno: 'EACCES' },
  } as const;
  const resolver = noneResolver({ store, policies, selection: [] });
  const one = await prepared(store, 'one');
  components.used = () => componentsOf(one);
  const identity = identityOf('BUNDLE=two');
  await resolver.prepare?.(identity);
  expect(failureOf(() => resolver.resolve(identity)).code).toBe('AGENT_BUNDLE_ROOM');
  const had = { components: componentsOf(one) };
  expect(resolver.resolve(identity, had).bundles).toHaveLength(1);
});
