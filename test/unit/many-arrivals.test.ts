// SPDX-License-Identifier: Apache-2.0
// Whoever starts many containers has their bundles read once.
import { readFileSync, writeFileSync } from 'node:fs';

import { expect, onTestFinished, test, vi } from 'vitest';

import { Manifests } from '../../host/bundles/bundle-folder.ts';
import { BundleStore } from '../../host/bundles/bundle-store.ts';
import { ComponentCache } from '../../host/bundles/component-cache.ts';
import { failureOf } from '../support/agent-failure.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { failure } from '../support/failures.ts';

const names = Array.from({ length: 16 }, (_, index) => `b${index}`);
const arrivals = 50;

/** Such bundles, whose components are none. */
function writeAll(folder: BundleFolder): void {
  for (const name of names) {
    folder.write(name, { component: new Uint8Array(100), handlers: 32, syscalls: ['getpgid'] });
  }
}

/** @returns how often a text of these was parsed */
function parsedOf(folder: BundleFolder): () => number {
  const texts = new Set(
    names.map((name) => readFileSync(folder.at(`${name}/bundle.json`), 'utf8')),
  );
  const parse = vi.spyOn(JSON, 'parse');
  onTestFinished(() => {
    parse.mockRestore();
  });
  return () => parse.mock.calls.filter(([text]) => texts.has(text)).length;
}

function storeOf(folder: BundleFolder): BundleStore {
  return new BundleStore({ folders: [folder.path] }, new ComponentCache({ waits: false }));
}

/** All come at once, and ask for all of them. */
async function comeTo(store: BundleStore): Promise<void> {
  const come = async (index: number): Promise<void> =>
    store.prepare(names, { who: [`container ${index % 2}`] });
  await Promise.all(Array.from({ length: arrivals }, async (_, index) => come(index)));
}

test('many arrivals: each bundle.json is parsed once, also after a reload', async () => {
  using folder = new BundleFolder();
  writeAll(folder);
  const parsed = parsedOf(folder);
  const store = storeOf(folder);

  await comeTo(store);
  for (const name of names) {
    expect(() => store.named(name)).toThrow(
      failure('AGENT_BUNDLE_INVALID', `${name}/handler.wasm`),
    );
  }
  await comeTo(store);
  const next = await store.renewed(() => undefined);
  await comeTo(next);
  for (const name of names) failureOf(() => next.named(name));

  expect(parsed()).toBe(names.length);
});

test('many arrivals: an invalid bundle.json is not parsed again', async () => {
  using folder = new BundleFolder();
  writeAll(folder);
  for (const name of names)
    writeFileSync(folder.at(`${name}/bundle.json`), `{ "name": "${name}" }`);
  const parsed = parsedOf(folder);
  const store = storeOf(folder);

  await comeTo(store);
  await comeTo(store);

  expect(parsed()).toBe(names.length);
  expect(() => store.named('b3')).toThrow(failure('AGENT_BUNDLE_INVALID'));
});

test('many arrivals: a bundle.json is parsed again once it is another one', () => {
  using folder = new BundleFolder();
  writeAll(folder);
  const manifests = new Manifests();
  const of = folder.at('b0');
  const before = manifests.read(of);
  expect(manifests.read(of)).toBe(before);
  expect(manifests.filesOf(of)).toEqual(
    ['bundle.json', 'handler.wasm'].map((file) => `${of}/${file}`),
  );

  folder.write('b0', { component: new Uint8Array(100), handlers: 1 });
  expect(manifests.read(of).handlers).toHaveLength(1);
  writeFileSync(`${of}/bundle.json`, '{');
  const refused = failureOf(() => manifests.read(of));
  expect(failureOf(() => manifests.read(of))).toBe(refused);
  expect(manifests.filesOf(of)).toEqual([`${of}/bundle.json`]);
  // what was compared with a digest counts before what is there
  expect(
    manifests.read(
      of,
      JSON.stringify({ ...before, settings: {}, grants: {}, handlers: [{ component: 'x.wasm' }] }),
    ).handlers[0]?.component,
  ).toBe('x.wasm');
});

test('many arrivals: kept texts are limited', () => {
  using folder = new BundleFolder();
  const manifests = new Manifests();
  const description = 'd'.repeat(60_000);
  const text = (at: number): string =>
    JSON.stringify({
      name: `n${at}`,
      version: '0.1.0',
      description,
      handlers: [{ component: 'x.wasm' }],
    });
  const first = manifests.read(folder.at('n0'), text(0));
  expect(manifests.read(folder.at('n0'), text(0))).toBe(first);
  for (let at = 1; at < 40; at += 1) manifests.read(folder.at(`n${at}`), text(at));
  expect(manifests.read(folder.at('n0'), text(0))).not.toBe(first);
});
