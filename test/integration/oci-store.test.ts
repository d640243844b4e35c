// SPDX-License-Identifier: Apache-2.0
// The store of pulled bundles, and bundles that are opened by reference: nothing in it is believed.
import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { AgentError, messageOf } from '../../host/errors.ts';
import type { AgentErrorCode } from '../../host/errors.ts';
import { openBundle } from '../../host/bundles/oci/open-bundle.ts';
import type { RegistryPolicy } from '../../host/bundles/oci/open-bundle.ts';
import { BundleStore } from '../../host/bundles/oci/store.ts';
import { PulledBundles } from '../../host/bundles/pulled-bundles.ts';
import { pullInto, ship, shippedBundle, snapshotOf, testKey } from '../support/bundle-shipping.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import { failure } from '../support/failures.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const acme = testKey('signer-of-acme');
const other = testKey('stranger');
let registry: DockerRegistry;
let keys: TemporaryFolder;
let reference: string;

beforeAll(async () => {
  registry = await DockerRegistry.start();
  keys = new TemporaryFolder();
  for (const { name, key } of [acme, other]) {
    writeFileSync(keys.at(`${name}.pub`), key.export({ format: 'pem', type: 'spki' }));
  }
  const { digest } = await ship(`${registry.host}/acme/demo`, { key: acme.privateKey });
  reference = `oci://${registry.host}/acme/demo@${digest}`;
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  keys[Symbol.dispose]();
});

function policy(
  store: TemporaryFolder,
  signers: readonly string[] = ['signer-of-acme'],
  isPlainHttp = true,
): RegistryPolicy {
  const known = signers.map((name) => ({ name, keyFile: keys.at(`${name}.pub`) }));
  const registries = [{ host: registry.host, isPlainHttp, signers: known }];
  return { registries, store: store.path, pullMs: 10_000 };
}

/** A policy under which nothing can be fetched. */
function offline(store: TemporaryFolder, signers?: readonly string[]): RegistryPolicy {
  return policy(store, signers, false);
}

/** How many signatures there are, and no part of an address. */
const one = /(?<![\w.:])1(?!\w|\.\d)/u;

interface Refusal {
  readonly code: AgentErrorCode | undefined;
  /** With those of its causes. */
  readonly message: string;
}

async function refusalOf(work: Promise<unknown>): Promise<Refusal> {
  return work.then(
    () => ({ code: undefined, message: 'nothing was refused' }),
    (thrown: unknown) => ({
      code: thrown instanceof AgentError ? thrown.code : undefined,
      message: messageOf(thrown),
    }),
  );
}

test('openBundle: it is pulled once, and then read from the store without any network', async () => {
  using store = new TemporaryFolder();
  const pulled = await openBundle(reference, policy(store));
  expect(pulled.signers).toEqual(['signer-of-acme']);
  const stored = await openBundle(reference, offline(store));
  expect(stored).toEqual(pulled);
  expect(stored.outline.name).toBe('demo-basic');
  const component = readFileSync(join(shippedBundle('demo-basic'), 'mount.wasm'));
  expect(readFileSync(join(stored.folder, 'mount.wasm'))).toEqual(component);
});

test('openBundle: only registries that are allowed are asked', async () => {
  using store = new TemporaryFolder();
  const refusal = await refusalOf(openBundle(reference, { ...policy(store), registries: [] }));
  expect(refusal).toEqual(failure('AGENT_GRANT_MISSING', registry.host));
});

test('openBundle: a tag is not enough', async () => {
  using store = new TemporaryFolder();
  const refusal = await refusalOf(openBundle(`oci://${registry.host}/a:1`, policy(store)));
  expect(refusal).toEqual(failure('AGENT_REFERENCE', `oci://${registry.host}/a:1`, '@sha256:'));
});

test('openBundle: the signer must be one of the registry', async () => {
  using store = new TemporaryFolder();
  const refusal = await refusalOf(openBundle(reference, policy(store, ['stranger'])));
  expect(refusal).toEqual(
    failure('AGENT_SIGNATURE', reference.replace('oci://', ''), one, 'stranger'),
  );
  expect(snapshotOf(store.path)).toEqual([]);
});

test('openBundle: a key that is not there is an error', async () => {
  using store = new TemporaryFolder();
  const refusal = await refusalOf(openBundle(reference, policy(store, ['nobody'])));
  expect(refusal).toEqual(failure('AGENT_KEY', keys.at('nobody.pub'), 'ENOENT'));
});

test('openBundle: a pulled bundle is refused once its signer is', async () => {
  using store = new TemporaryFolder();
  await openBundle(reference, policy(store));
  const refusal = await refusalOf(openBundle(reference, offline(store, ['stranger'])));
  // why what is there is of no use, and why there is nothing else
  expect(refusal).toEqual(failure('AGENT_STORE', 'stranger', `GET https://${registry.host}/`));
});

test('openBundle: a bundle pulled without a check of signatures must have them', async () => {
  using store = new TemporaryFolder();
  const { digest } = await ship(`${registry.host}/acme/unsigned`, {
    bundle: shippedBundle('errno'),
  });
  const name = `${registry.host}/acme/unsigned@${digest}`;
  await pullInto(store.path, name);
  expect(await refusalOf(openBundle(`oci://${name}`, policy(store)))).toEqual(
    failure('AGENT_STORE', name, 'signer-of-acme'),
  );
});

test.for(['mount.wasm', 'bundle.json', 'manifest.json'] as const)(
  'store: %s that was changed is not loaded; with a registry it is mended',
  async (name) => {
    using store = new TemporaryFolder();
    const { folder } = await openBundle(reference, policy(store));
    const file = join(folder, name);
    const good = readFileSync(file);
    writeFileSync(file, Buffer.concat([good, Buffer.from(' ')]));
    expect(await refusalOf(openBundle(reference, offline(store)))).toEqual(
      failure('AGENT_STORE', file),
    );
    const mended = await openBundle(reference, policy(store));
    expect(mended.repaired).toContain(file);
    expect(readFileSync(file)).toEqual(good);
    expect((await openBundle(reference, offline(store))).repaired).toBeUndefined();
  },
);

test('store: a file that is missing is an error, and so is a signature that was changed', async () => {
  using store = new TemporaryFolder();
  const { folder } = await openBundle(reference, policy(store));
  const origin = readFileSync(join(folder, 'origin.json'), 'utf8');
  writeFileSync(
    join(folder, 'origin.json'),
    origin.replace(/"signature": "..../u, '"signature": "AAAA'),
  );
  expect(await refusalOf(openBundle(reference, offline(store)))).toEqual(
    failure('AGENT_STORE', one, 'signer-of-acme'),
  );
  writeFileSync(join(folder, 'origin.json'), 'nonsense');
  expect(await refusalOf(openBundle(reference, offline(store)))).toEqual(
    failure('AGENT_STORE', reference.replace('oci://', ''), 'signer-of-acme'),
  );
  rmSync(join(folder, 'mount.wasm'));
  expect(await refusalOf(openBundle(reference, offline(store)))).toEqual(
    failure('AGENT_STORE', join(folder, 'mount.wasm'), 'ENOENT'),
  );
});

test('store: files abandoned long ago are cleared away, and no younger ones', async () => {
  using store = new TemporaryFolder();
  for (const name of ['.incoming-old', '.incoming-new']) {
    mkdirSync(store.at(name));
    writeFileSync(join(store.at(name), 'bundle.json'), '{}');
  }
  utimesSync(store.at('.incoming-old'), 1, 1);
  await openBundle(reference, policy(store));
  expect(existsSync(store.at('.incoming-old'))).toBe(false);
  expect(existsSync(store.at('.incoming-new'))).toBe(true);
  expect(new BundleStore(store.path).digests()).toHaveLength(1);
});

test('store: an agent that starts clears away what was being removed', () => {
  using store = new TemporaryFolder();
  mkdirSync(join(store.at('.removed-1'), `sha256-${'a'.repeat(64)}`), { recursive: true });
  const pulled = new PulledBundles(policy(store));
  expect(pulled.isOpen(reference)).toBe(false);
  expect(snapshotOf(store.path)).toEqual([]);
});

test('store: two that pull the same at once both get it', async () => {
  using store = new TemporaryFolder();
  const both = await Promise.all([1, 2].map(async () => openBundle(reference, policy(store))));
  expect(both.map(({ signers }) => signers)).toEqual([['signer-of-acme'], ['signer-of-acme']]);
  expect(snapshotOf(store.path).some((name) => name.startsWith('.incoming'))).toBe(false);
});

test('store: a folder that is not there has no bundles', () => {
  using folder = new TemporaryFolder();
  const store = new BundleStore(folder.at('none'));
  expect(store.digests()).toEqual([]);
});

function small(store: TemporaryFolder, storeBytes: number): RegistryPolicy {
  return { ...policy(store), storeBytes };
}

describe('limit', () => {
  const longAgo = 1_000_000;
  let second: string;

  beforeAll(async () => {
    const { digest } = await ship(`${registry.host}/acme/second`, {
      bundle: shippedBundle('errno'),
      key: acme.privateKey,
    });
    second = `oci://${registry.host}/acme/second@${digest}`;
  });

  test('A12: store: one that was used long ago makes room for another one, and comes again', async () => {
    using store = new TemporaryFolder();
    const first = await openBundle(reference, policy(store));
    // each counts for at least 256 KiB
    const storeBytes = 400_000;
    const refusal = await refusalOf(openBundle(second, small(store, storeBytes)));
    expect(refusal).toEqual(failure('AGENT_STORE', 'limits.store'));
    expect(snapshotOf(store.path).some((name) => name.startsWith('.'))).toBe(false);
    expect(existsSync(first.folder)).toBe(true);

    utimesSync(first.folder, longAgo, longAgo);
    await openBundle(second, small(store, storeBytes));
    expect(existsSync(first.folder)).toBe(false);
    expect(snapshotOf(store.path).some((name) => name.startsWith('.'))).toBe(false);
    expect((await openBundle(second, offline(store))).signers).toEqual(['signer-of-acme']);
  });

  test('A12: store: whoever causes a pull has a part of it', async () => {
    using store = new TemporaryFolder();
    const user = { owner: 'user 1000', isUser: true };
    const refusal = await refusalOf(openBundle(second, small(store, 1_000_000), user));
    expect(refusal).toEqual(failure('AGENT_STORE', 'limits.store', 'user 1000'));
    await openBundle(second, small(store, 1_100_000), user);
  });

  test('store: one that is pulled again because it was changed needs no more room', async () => {
    using store = new TemporaryFolder();
    const { folder } = await openBundle(second, small(store, 300_000));
    rmSync(join(folder, 'errno.wasm'));
    const mended = await openBundle(second, small(store, 300_000));
    expect(mended.repaired).toBeDefined();
  });

  test('store: a bundle that is opened or in use says so', async () => {
    using store = new TemporaryFolder();
    const pulled = new PulledBundles(policy(store));
    await pulled.prepare(second);
    const { folder } = pulled.open(second);
    const isUsed = (): boolean => Date.now() - statSync(folder).mtimeMs < 60_000;
    for (const use of [() => pulled.open(second), () => pulled.noteUse(second)]) {
      utimesSync(folder, longAgo, longAgo);
      use();
      expect(isUsed()).toBe(true);
    }
    expect(pulled.isOpen(second)).toBe(true);
  });
});
