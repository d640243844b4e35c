// SPDX-License-Identifier: Apache-2.0
// Tests what is said of components whose files cannot be read.
import { readFileSync, writeFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { isPassing, messageOf } from '../../host/errors.ts';
import { KnownTypes } from '../../host/handler/known-types.ts';
import { defaultLimits } from '../../host/handler/outline.ts';
import { ComponentLoader } from '../../host/bundles/component-loader.ts';
import type { ComponentFile } from '../../host/bundles/component-loader.ts';
import { failureOf } from '../support/agent-failure.ts';
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
    const failure = failureOf(() => loader.load(wanted));
    expect(isPassing(failure)).toBe(true);
    expect(messageOf(failure)).toContain(code);
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
