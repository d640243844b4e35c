// SPDX-License-Identifier: Apache-2.0
// Tests which bundles make room in the store for others.
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { operatorPays, serializeRoom, StoreRoom } from '../../host/bundles/oci/store-room.ts';
import type { Payer } from '../../host/bundles/oci/store-room.ts';
import { failureOf } from '../support/agent-failure.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const mebibyte = 2 ** 20;
const max = 16 * mebibyte;
const namespace: Payer = { owner: 'namespace shop', isUser: false };
const alice: Payer = { owner: 'user 1', isUser: true };
const bob: Payer = { owner: 'user 2', isUser: true };
const carol: Payer = { owner: 'user 3', isUser: true };

class Store implements Disposable {
  readonly #folder = new TemporaryFolder();
  #count = 0;

  get path(): string {
    return this.#folder.path;
  }

  get names(): readonly string[] {
    return readdirSync(this.path).toSorted();
  }

  /** @param age in seconds */
  add(payer: Payer, mebibytes: number, age = 10_000 - this.#count): string {
    this.#count += 1;
    const name = `sha256-${String(this.#count).padStart(64, '0')}`;
    this.write(name, serializeRoom(payer, mebibytes * mebibyte), age);
    return name;
  }

  write(name: string, room: Uint8Array | undefined, age = 0): void {
    const folder = join(this.path, name);
    mkdirSync(folder);
    if (room !== undefined) writeFileSync(join(folder, 'room.json'), room);
    const seconds = Date.now() / 1000 - age;
    utimesSync(folder, seconds, seconds);
  }

  make(payer: Payer, mebibytes: number): void {
    new StoreRoom(this.path, max).make({ payer, bytes: mebibytes * mebibyte, without: [] });
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

test('A12: store room: those that were used longest ago make room, and no more than it takes', () => {
  using store = new Store();
  const [young, old, oldest] = [100, 200, 300].map((age) => store.add(operatorPays, 5, age * 1000));
  store.make(operatorPays, 1);
  expect(store.names).toHaveLength(3);
  store.make(operatorPays, 2);
  expect(store.names).toEqual([young, old]);
  expect(existsSync(join(store.path, oldest ?? ''))).toBe(false);
});

test('store room: what is used stays, also where that leaves no room', () => {
  using store = new Store();
  const used = store.add(operatorPays, 10, 60);
  const unused = store.add(operatorPays, 5, 10_000);
  store.make(operatorPays, 6);
  expect(store.names).toEqual([used]);
  const other = store.add(operatorPays, 5, 10_000);
  expect(failureOf(() => store.make(operatorPays, 7)).code).toBe('AGENT_STORE');
  // nothing goes in vain
  expect(store.names).toEqual([used, other]);
  expect(existsSync(join(store.path, unused))).toBe(false);
});

test('store room: one that is larger than all of it takes nothing from others', () => {
  using store = new Store();
  store.add(operatorPays, 5);
  expect(failureOf(() => store.make(operatorPays, 17)).message).toContain('limits.store');
  expect(store.names).toHaveLength(1);
});

test.for([
  ['user', alice],
  ['namespace', namespace],
] as const)('G4: store room: a %s that causes many pulls loses its own', ([, payer]) => {
  using store = new Store();
  const others = [
    store.add(operatorPays, 8, 90_000),
    store.add(bob, 2, 90_000),
    store.add({ owner: 'namespace other', isUser: false }, 1, 90_000),
  ];
  for (let pull = 0; pull < 20; pull += 1) {
    store.make(payer, 1);
    store.add(payer, 1);
  }
  expect(store.names.filter((name) => others.includes(name))).toEqual(others);
  expect(store.names).toHaveLength(others.length + 4);
  expect(failureOf(() => store.make(payer, 5)).code).toBe('AGENT_STORE');
  expect(store.names).toHaveLength(others.length + 4);
});

test('G4: store room: all users together have half, of which whoever has most loses', () => {
  using store = new Store();
  const roots = store.add(operatorPays, 8, 90_000);
  const his = store.add(bob, 3, 50_000);
  const hers = [1, 2, 3, 4].map((index) => store.add(alice, 1, 40_000 - index));
  store.make(carol, 2);
  expect(store.names).toEqual([roots, his, ...hers.slice(1)]);
});

test('store room: what comes has its room, and so have bundles of older versions', () => {
  using store = new Store();
  store.write('.incoming-1', serializeRoom(operatorPays, 10 * mebibyte), 10_000);
  const old = `sha256-${'a'.repeat(64)}`;
  store.write(old, undefined);
  writeFileSync(join(store.path, old, 'large.wasm'), new Uint8Array(4 * mebibyte));
  utimesSync(join(store.path, old), 1, 1);
  store.make(operatorPays, 2);
  expect(store.names).toHaveLength(2);
  store.make(operatorPays, 3);
  expect(store.names).toEqual(['.incoming-1']);
  expect(failureOf(() => store.make(operatorPays, 7)).code).toBe('AGENT_STORE');
});

test('store room: however small bundles are, there is an end of them', () => {
  using store = new Store();
  for (let count = 0; count < 70; count += 1) {
    store.make(operatorPays, 0);
    store.add(operatorPays, 0);
  }
  expect(store.names).toHaveLength(64);
});

test('store room: what was being removed when somebody ended goes', () => {
  using store = new Store();
  store.write('.removed-1', undefined);
  writeFileSync(join(store.path, '.removed-1', 'x'), 'x');
  store.make(operatorPays, 1);
  expect(store.names).toEqual([]);
});
