// SPDX-License-Identifier: Apache-2.0
// Tests that wirings are kept from one start to the next, and that only our own are read.
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { loadComponent } from '../../host/handler/direct.ts';
import type { LoadedComponent } from '../../host/handler/direct.ts';
import { trustedCode } from '../../host/handler/compiling/verdicts.ts';
import { DigestCache, cacheFolder } from '../../host/handler/digest-cache.ts';
import { Wirings } from '../../host/handler/jco/wirings.ts';
import { composed } from '../support/composed-component.ts';
import { trapping } from '../support/hostile-components.ts';
import { needsRoot } from '../support/needs.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const digest = 'd'.repeat(64);
const version = '1.2.3';
const text = '{"instances": []}';
const nobody = 65_534;

interface Kept extends Disposable {
  readonly cache: DigestCache;
  /** The cache's folder. */
  readonly folder: string;
  /** The only file in it. */
  readonly file: string;
}

/** A cache that has one wiring. */
function kept(): Kept {
  const temporary = new TemporaryFolder();
  const folder = temporary.at('wirings');
  const cache = new DigestCache('wirings', folder);
  cache.write(digest, version, text);
  const [name = 'none'] = readdirSync(folder);
  return {
    cache,
    folder,
    file: join(folder, name),
    [Symbol.dispose]: () => {
      temporary[Symbol.dispose]();
    },
  };
}

test('digest cache: written findings are read', () => {
  using given = kept();
  expect(given.cache.read(digest, version)).toBe(text);
  expect(statSync(given.folder).mode & 0o777).toBe(0o700);
  expect(statSync(given.file).mode & 0o777).toBe(0o600);
});

test('digest cache: another component and another jco have others', () => {
  using given = kept();
  expect(given.cache.read('e'.repeat(64), version)).toBeUndefined();
  expect(given.cache.read(digest, '1.2.4')).toBeUndefined();
});

test('digest cache: one that was renamed is not read', () => {
  using given = kept();
  using other = kept();
  other.cache.write('e'.repeat(64), version, text);
  const [name = 'none'] = readdirSync(other.folder).filter((file) => !given.file.endsWith(file));
  renameSync(given.file, join(given.folder, name));
  expect(given.cache.read('e'.repeat(64), version)).toBeUndefined();
});

test.for<readonly [string, (given: Kept) => void]>([
  [
    'that was changed',
    ({ file }) => writeFileSync(file, readFileSync(file, 'utf8').replace('[]', '[1]')),
  ],
  ['that was cut', ({ file }) => truncateSync(file, 150)],
  ['that is empty', ({ file }) => truncateSync(file, 0)],
  ['of another user', ({ file }) => chownSync(file, nobody, nobody)],
  ['that others may write', ({ file }) => chmodSync(file, 0o602)],
  ['in a folder of another user', ({ folder }) => chownSync(folder, nobody, nobody)],
  ['in a folder that others may write', ({ folder }) => chmodSync(folder, 0o770)],
  [
    'behind a link',
    ({ file }) => {
      renameSync(file, `${file}-moved`);
      symlinkSync(`${file}-moved`, file);
    },
  ],
  [
    'behind a link of its folder',
    ({ folder }) => {
      renameSync(folder, `${folder}-moved`);
      symlinkSync(`${folder}-moved`, folder);
    },
  ],
  [
    'that is a folder',
    ({ file }) => {
      renameSync(file, `${file}-moved`);
      mkdirSync(file);
    },
  ],
])('digest cache: one %s is not read', ([who, spoil], context) => {
  if (who.includes('another user')) needsRoot(context);
  using given = kept();
  spoil(given);
  expect(given.cache.read(digest, version)).toBeUndefined();
});

test('digest cache: nothing is written where others may write', () => {
  using given = kept();
  chmodSync(given.folder, 0o777);
  given.cache.write('e'.repeat(64), version, text);
  expect(readdirSync(given.folder)).toHaveLength(1);
});

test('digest cache: where nothing can be written, it does without', () => {
  const cache = new DigestCache('wirings', '/proc/wirings');
  cache.write(digest, version, text);
  expect(cache.read(digest, version)).toBeUndefined();
});

test('digest cache: the oldest go when there are too many', () => {
  using given = kept();
  for (let index = 0; index < 300; index += 1) given.cache.write(`${index}`, version, text);
  expect(readdirSync(given.folder)).toHaveLength(256);
  expect(given.cache.read('299', version)).toBe(text);
});

test('A13: digest cache: used findings stay, however many others come', () => {
  using given = kept();
  const long = new Date(Date.now() - 24 * 3_600_000);
  utimesSync(given.file, long, long);
  expect(given.cache.read(digest, version)).toBe(text);
  for (let index = 0; index < 255; index += 1) given.cache.write(`${index}`, version, text);
  const others = readdirSync(given.folder).map((name) => join(given.folder, name));
  for (const file of others.filter((each) => each !== given.file)) utimesSync(file, long, long);
  given.cache.write('255', version, text);
  expect(given.cache.read(digest, version)).toBe(text);
});

test('A13: digest cache: there is room for verdicts of many bundles', () => {
  using folder = new TemporaryFolder();
  const cache = new DigestCache('verdicts', folder.at('verdicts'));
  for (let index = 0; index < 300; index += 1) cache.write(`${index}`, version, text);
  expect(cache.read('0', version)).toBe(text);
});

test('digest cache: it is where systemd says, else where caches are', (context) => {
  needsRoot(context);
  expect(cacheFolder('wirings', { CACHE_DIRECTORY: '/var/cache/a:/b' })).toBe(
    '/var/cache/a/wirings',
  );
  expect(cacheFolder('wirings', { CACHE_DIRECTORY: 'relative' })).toBe(
    '/var/cache/seccompagent/wirings',
  );
  expect(cacheFolder('wirings', {})).toBe('/var/cache/seccompagent/wirings');
});

test('digest cache: a component is linked without jco when its wiring is there', async () => {
  using folder = new TemporaryFolder();
  const bytes = await composed(trapping());
  const cache = new DigestCache('wirings', folder.at('wirings'));
  const load = (): LoadedComponent =>
    loadComponent(bytes, undefined, { checkCode: trustedCode, wirings: new Wirings(cache).find });
  load();
  const [name = ''] = readdirSync(folder.at('wirings'));
  const { ino } = statSync(join(folder.at('wirings'), name));

  expect(load().answers).toEqual(['any']);

  // what jco finds is written anew
  expect(statSync(join(folder.at('wirings'), name)).ino).toBe(ino);
});
