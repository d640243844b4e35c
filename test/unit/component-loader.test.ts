// SPDX-License-Identifier: Apache-2.0
// Tests what is said of components whose files cannot be read.
import { hash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { isPassing, messageOf } from '../../host/errors.ts';
import { KnownTypes } from '../../host/handler/known-types.ts';
import { defaultLimits } from '../../host/handler/outline.ts';
import { ComponentCache } from '../../host/bundles/component-cache.ts';
import { ComponentLoader } from '../../host/bundles/component-loader.ts';
import type { ComponentFile } from '../../host/bundles/component-loader.ts';
import { failureOf } from '../support/agent-failure.ts';
import { failure } from '../support/failures.ts';
import { trapping } from '../support/hostile-components.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** As Node throws it. */
function systemError(code: string, errno: number): Error {
  return Object.assign(new Error(`${code}: it cannot be opened`), { code, errno });
}

test('component loader: a file that cannot be read for a moment may be read later', () => {
  using folder = new TemporaryFolder();
  const wanted: ComponentFile = {
    file: folder.at('handler.wasm'),
    limits: defaultLimits,
    trust: 'own',
  };
  writeFileSync(wanted.file, trapping());
  for (const [code, errno] of [
    ['EAGAIN', -11],
    ['EMFILE', -24],
    ['EIO', -5],
    ['ESTALE', -116],
  ] as const) {
    let isFirst = true;
    const loader = new ComponentLoader(new KnownTypes(), (file) => {
      if (!isFirst) return readFileSync(file);
      isFirst = false;
      throw systemError(code, errno);
    });
    const found = failureOf(() => loader.load(wanted));
    expect(isPassing(found)).toBe(true);
    expect(messageOf(found)).toContain(code);
    expect(loader.load(wanted).component.answers).toEqual(['any']);
  }
});

function thrownBy(work: () => unknown): unknown {
  try {
    return work();
  } catch (thrown) {
    return thrown;
  }
}

test('component loader: the file at the path stays so', () => {
  using folder = new TemporaryFolder();
  const loader = new ComponentLoader(new KnownTypes());
  const file = folder.at('none.wasm');
  const thrown = thrownBy(() => loader.load({ file, limits: defaultLimits, trust: 'own' }));
  expect(messageOf(thrown)).toContain('ENOENT');
  expect(isPassing(thrown)).toBe(false);
});

test('component loader: a file with another digest than bundle.json says is not looked into', async () => {
  using folder = new TemporaryFolder();
  const loader = new ComponentLoader(new KnownTypes());
  const digest = 'ab'.repeat(32);
  const wanted: ComponentFile = {
    file: folder.at('handler.wasm'),
    limits: defaultLimits,
    trust: 'foreign',
    digest,
  };
  writeFileSync(wanted.file, 'no component');
  const refused = failure('AGENT_COMPONENT_REFUSED', digest);
  expect(() => loader.load(wanted)).toThrow(refused);
  expect(() => loader.look(wanted)).toThrow(refused);
  await expect(loader.findOut(wanted)).rejects.toEqual(refused);
});

test('component cache: a digest that was wrong is wrong for those alone who say it', () => {
  using folder = new TemporaryFolder();
  const bytes = trapping();
  const wanted: ComponentFile = {
    file: folder.at('handler.wasm'),
    limits: defaultLimits,
    trust: 'own',
  };
  writeFileSync(wanted.file, bytes);
  const cache = new ComponentCache();
  const right = hash('sha256', bytes, 'hex');
  const wrong = failureOf(() => cache.load({ ...wanted, digest: 'ab'.repeat(32) }));
  expect(wrong.code).toBe('AGENT_COMPONENT_REFUSED');
  const component = cache.load({ ...wanted, digest: right });
  expect(component.digest).toBe(right);
  expect(cache.load(wanted)).toBe(component);
  expect(() => cache.load({ ...wanted, digest: 'ab'.repeat(32) })).toThrow(wrong);
});
