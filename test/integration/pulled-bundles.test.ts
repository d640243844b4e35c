// SPDX-License-Identifier: Apache-2.0
// Bundles of registries as the agent has them: how many are pulled at once, and what is read once.
import { readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { expect, test } from 'vitest';

import type { LoadedComponent } from '../../host/handler/direct.ts';
import type { Bundle } from '../../host/bundles/bundle.ts';
import { BundleStore } from '../../host/bundles/bundle-store.ts';
import type { BundleStoreParts } from '../../host/bundles/bundle-store.ts';
import { codeBytesOf } from '../../host/bundles/code-room.ts';
import { ComponentCache } from '../../host/bundles/component-cache.ts';
import { grantable } from '../../host/bundles/grant-limits.ts';
import type { Grants } from '../../host/registry/grants.ts';
import type { RegistryPolicy } from '../../host/bundles/oci/open-bundle.ts';
import { PulledBundles } from '../../host/bundles/pulled-bundles.ts';
import { failureOf } from '../support/agent-failure.ts';
import { ship, shippedBundle, testKey } from '../support/bundle-shipping.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import { failure } from '../support/failures.ts';
import { HesitantRegistry } from '../support/hesitant-registry.ts';
import { until } from '../support/polling.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const acme = testKey('acme');

function policyFor(folder: TemporaryFolder, host: string): RegistryPolicy {
  const keyFile = folder.at('acme.pub');
  writeFileSync(keyFile, acme.key.export({ format: 'pem', type: 'spki' }));
  const signers = [{ name: 'acme', keyFile }];
  return { registries: [{ host, isPlainHttp: true, signers }], store: folder.at('store') };
}

/** Up to ten bundles. */
function named(host: string, count: number): readonly string[] {
  return Array.from(
    { length: count },
    (_, index) => `oci://${host}/a/b${index}@sha256:${String(index).repeat(64)}`,
  );
}

function componentsOf({ handlers }: Bundle): readonly LoadedComponent[] {
  return handlers.map(({ component }) => component);
}

test('G3: pulled bundles: four are pulled at once, and the others wait', async () => {
  using folder = new TemporaryFolder();
  await using registry = await HesitantRegistry.start();
  const pulled = new PulledBundles(policyFor(folder, registry.host));
  const references = named(registry.host, 10);
  const fetched = Promise.all(references.map(async (reference) => pulled.fetch(reference)));
  for (const count of [4, 8, 10]) {
    await until(`${count} requests`, () => registry.asked.size >= count || undefined);
    // who does not wait would come meanwhile
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(registry.asked.size).toBe(count);
    registry.answer();
  }
  await fetched;
  for (const reference of references) {
    expect(failureOf(() => pulled.open(reference)).code).toBe('AGENT_OCI');
  }
});

test('G3: pulled bundles: a registry that says nothing holds up no other', async () => {
  using folder = new TemporaryFolder();
  await using silent = await HesitantRegistry.start();
  await using other = await HesitantRegistry.start();
  const { registries, ...rest } = policyFor(folder, silent.host);
  const both = [...registries, ...policyFor(folder, other.host).registries];
  const ending = new AbortController();
  const pulled = new PulledBundles({ ...rest, registries: both, signal: ending.signal });
  const held = Promise.all(named(silent.host, 9).map(async (each) => pulled.fetch(each)));
  await until('4 requests', () => silent.asked.size >= 4 || undefined);
  const [wanted = ''] = named(other.host, 1);
  const fetched = pulled.fetch(wanted);
  await until('a request', () => other.asked.size === 1 || undefined);
  other.answer();
  await fetched;
  expect(() => pulled.open(wanted)).toThrow(
    failure('AGENT_OCI', other.host, `sha256:${'0'.repeat(64)}`),
  );
  expect(silent.asked.size).toBe(4);
  ending.abort();
  await held;
});

test('G3: pulled bundles: keys are read once, and the same digest is one bundle', async () => {
  using folder = new TemporaryFolder();
  await using registry = await DockerRegistry.start();
  const { digest } = await ship(`${registry.host}/acme/mkdir`, {
    bundle: shippedBundle('mkdir-suffix'),
    key: acme.privateKey,
  });
  const policy = policyFor(folder, registry.host);
  const pulled = new PulledBundles(policy);
  const everything: Grants = {
    capabilities: Object.fromEntries(grantable.map((capability) => [capability, {}])),
  };
  const store = new BundleStore({ folders: [], pulled, allowedToSigned: () => everything });
  const reference = `oci://${registry.host}/acme/mkdir@${digest}`;
  await store.prepare([reference]);
  const bundle = store.named(reference);
  const others = [
    `oci://${registry.host}/other/name@${digest}`,
    `oci://${registry.host}/acme/mkdir:tag@${digest}`,
  ];
  expect(store.prepare(others)).toBeUndefined();
  for (const other of others) expect(store.named(other)).toBe(bundle);

  rmSync(folder.at('acme.pub'));
  expect(pulled.open(reference).signers).toEqual(['acme']);
  expect(failureOf(() => new PulledBundles(policy).open(reference)).code).toBe('AGENT_KEY');
});

test('A14: pulled bundles: pulls of one user delay neither root nor other users', async () => {
  using folder = new TemporaryFolder();
  await using registry = await HesitantRegistry.start();
  const ending = new AbortController();
  const policy = { ...policyFor(folder, registry.host), signal: ending.signal };
  const pulled = new PulledBundles(policy);
  const [ofRoot = '', ofOther = '', ...ofUser] = named(registry.host, 8);
  const asksFor = (reference: string): boolean =>
    [...registry.asked].some((url) => url.includes(reference.split('/')[4]?.split('@')[0] ?? '-'));
  const held = ofUser.map(async (each) => pulled.fetch(each, { who: ['user 1000'], uid: 1000 }));
  await until('2 requests', () => registry.asked.size >= 2 || undefined);
  held.push(
    pulled.fetch(ofOther, { who: ['user 1001'], uid: 1001 }),
    pulled.fetch(ofRoot, { who: [], uid: 0 }),
  );
  await until('the one of root', () => asksFor(ofRoot) || undefined);
  expect(registry.asked.size).toBe(3);
  registry.answer();
  await until('that of the other user', () => asksFor(ofOther) || undefined);
  ending.abort();
  await Promise.all(held);
});

interface Stored {
  readonly store: BundleStore;
  readonly components: ComponentCache;
  readonly pulled: PulledBundles;
  readonly reference: string;
}

/** One that was pulled. */
async function stored(folder: TemporaryFolder): Promise<Stored> {
  await using registry = await DockerRegistry.start();
  const repository = `${registry.host}/acme/mkdir`;
  const bundle = shippedBundle('mkdir-suffix');
  const { digest } = await ship(repository, { bundle, key: acme.privateKey });
  const pulled = new PulledBundles(policyFor(folder, registry.host));
  const components = new ComponentCache({ waits: false });
  const everything: Grants = {
    capabilities: Object.fromEntries(grantable.map((capability) => [capability, {}])),
  };
  const store = new BundleStore(
    { folders: [], pulled, allowedToSigned: () => everything, awaitedForMs: 0 },
    components,
  );
  const reference = `oci://${repository}@${digest}`;
  await store.prepare([reference]);
  await sleep(10);
  return { store, components, pulled, reference };
}

test('A9: pulled bundles: one is opened once, until one of its files changes', async () => {
  using folder = new TemporaryFolder();
  const { pulled, reference } = await stored(folder);
  expect(pulled.isOpen(reference)).toBe(true);
  const opened = pulled.open(reference);
  expect(pulled.open(reference)).toBe(opened);
  writeFileSync(join(opened.folder, 'mkdir-suffix.wasm'), 'another');
  expect(pulled.isOpen(reference)).toBe(false);
  expect(failureOf(() => pulled.open(reference)).code).toBe('AGENT_STORE');
});

test('A14: pulled bundles: one that no container has is forgotten, with its components', async () => {
  using folder = new TemporaryFolder();
  const { store, components, reference } = await stored(folder);
  const bundle = store.named(reference);
  components.used = () => componentsOf(bundle);
  store.forgetUnused();
  expect(store.named(reference)).toBe(bundle);
  expect(components.size).toBeGreaterThan(0);

  components.used = () => [];
  // a container may wait for others of its own
  store.forgetUnused(60_000);
  expect(store.named(reference)).toBe(bundle);
  store.forgetUnused();
  expect(components.size).toBe(0);
  await store.prepare([reference]);
  expect(store.named(reference)).not.toBe(bundle);
});

test('A14: pulled bundles: one that the command line names is never forgotten', async () => {
  using folder = new TemporaryFolder();
  const { store, reference } = await stored(folder);
  await store.prepareReferred([reference]);
  const bundle = store.referred(reference);
  store.forgetUnused();
  expect(store.referred(reference)).toBe(bundle);
  // nobody prepares it before it is asked for
  const next = await store.retried(() => undefined);
  expect(next.referred(reference)).toBe(bundle);
});

test('A6: pulled bundles: one that no container has makes room for another one', async () => {
  using folder = new TemporaryFolder();
  await using registry = await DockerRegistry.start();
  const references: string[] = [];
  for (const name of ['mkdir-suffix', 'errno', 'sysinfo']) {
    const repository = `${registry.host}/acme/${name}`;
    const bundle = shippedBundle(name);
    const { digest } = await ship(repository, { bundle, key: acme.privateKey });
    references.push(`oci://${repository}@${digest}`);
  }
  const components = new ComponentCache();
  const everything: Grants = {
    capabilities: Object.fromEntries(grantable.map((capability) => [capability, {}])),
  };
  const partsWith = (maxCodeBytes: number): Partial<BundleStoreParts> => ({
    folders: [],
    pulled: new PulledBundles(policyFor(folder, registry.host)),
    allowedToSigned: () => everything,
    maxCodeBytes,
  });
  const bundles = await Promise.all(
    references.map(async (reference) => {
      const store = new BundleStore(partsWith(Infinity));
      await store.prepare([reference]);
      return store.named(reference);
    }),
  );
  const sizes = bundles.map((bundle) => codeBytesOf(componentsOf(bundle)));
  // any two, and not three
  const store = new BundleStore(partsWith(sizes.reduce((sum, size) => sum + size) - 1), components);
  const [first = '', second = '', third = ''] = references;
  const used = store.named(first);
  components.used = () => componentsOf(used);
  const unused = store.named(second);
  expect(store.named(second)).toBe(unused);

  store.named(third);
  const folders = readdirSync(folder.at('store')).map((name) => join(folder.at('store'), name));
  for (const path of folders) utimesSync(path, 1_000_000, 1_000_000);
  components.used = () => [...componentsOf(used)];
  store.noteUse();
  const noted = folders.filter((path) => statSync(path).mtimeMs > 1e12);
  expect(noted).toEqual([dirname(used.handlers[0]?.file ?? '')]);

  expect(store.named(first)).toBe(used);
  components.used = () => bundles.flatMap((bundle) => componentsOf(bundle));
  expect(() => store.named(second)).toThrow(failure('AGENT_BUNDLE_ROOM', '"errno"'));
});

test('A10: registries: nothing is kept of those that are not allowed, whatever containers name', async () => {
  using folder = new TemporaryFolder();
  const pulled = new PulledBundles(policyFor(folder, 'registry.example'));
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const digest = '0'.repeat(64);
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < 30_000; index += 1)
    await pulled.prepare(`oci://host-${index}.example/a@sha256:${digest}`, {
      who: ['user 1000'],
      uid: 1000,
    });
  collect();

  expect(process.memoryUsage().heapUsed - before).toBeLessThan(4 * 2 ** 20);
  expect(() => pulled.open(`oci://host-1.example/a@sha256:${digest}`)).toThrow(
    failure('AGENT_GRANT_MISSING', 'host-1.example'),
  );
});
