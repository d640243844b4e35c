// SPDX-License-Identifier: Apache-2.0
// Reading and compiling components takes seconds, and holds nobody up.
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

import { expect, test } from 'vitest';

import { Askers, operator } from '../../host/scheduling/asker.ts';
import { defaultLimits } from '../../host/handler/outline.ts';
import { BundleStore } from '../../host/bundles/bundle-store.ts';
import { ComponentCache } from '../../host/bundles/component-cache.ts';
import { BundleFolder } from '../support/bundle-folder.ts';
import { failure } from '../support/failures.ts';
import { muchMachineCode } from '../support/hostile-components.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

const nsPerMs = 1e6;

test('A9: loading: large components take no time of the main thread', async () => {
  using folder = new TemporaryFolder();
  const wanted = Array.from({ length: 3 }, (_, index) => {
    const file = folder.at(`${index}.wasm`);
    writeFileSync(file, muchMachineCode(index));
    // no child is asked about those of the package
    return { file, limits: defaultLimits, trust: 'own' } as const;
  });
  const components = new ComponentCache({ waits: false });

  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  await Promise.all(wanted.map(async (each) => components.prepare(each, new Askers(operator))));
  delay.disable();

  expect(delay.max / nsPerMs).toBeLessThan(200);
  for (const each of wanted) expect(components.load(each).answers).toEqual(['any']);
});

test('loading: bundles of many handlers with one large component take no time of the main thread', async () => {
  using folder = new BundleFolder();
  const handlers = 32;
  const names = ['a', 'b', 'c', 'd'];
  // it ends too early, which is seen once its sections are read
  const component = muchMachineCode(9).slice(0, -1);
  for (const name of names) {
    folder.write(name, { component, handlers, syscalls: ['getpgid'] });
  }
  const components = new ComponentCache({ waits: false });
  const store = new BundleStore({ folders: [folder.path] }, components);

  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  await store.prepare(names);
  expect(store.prepare(names)).toBeUndefined();
  delay.disable();

  expect(delay.max / nsPerMs).toBeLessThan(200);
  expect(components.size).toBe(names.length);
  for (const name of names) {
    expect(() => store.named(name)).toThrow(failure('AGENT_BUNDLE_INVALID', `/${name}/`));
  }
});
