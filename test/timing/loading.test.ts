// SPDX-License-Identifier: Apache-2.0
// Reading and compiling components takes seconds, and holds nobody up.
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

import { expect, test } from 'vitest';

import { operator } from '../../host/handler/asker.ts';
import { defaultLimits } from '../../host/handler/outline.ts';
import { ComponentCache } from '../../host/registry/component-cache.ts';
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
  await Promise.all(wanted.map(async (each) => components.prepare(each, operator)));
  delay.disable();

  expect(delay.max / nsPerMs).toBeLessThan(200);
  for (const each of wanted) expect(components.load(each).answers).toEqual(['any']);
});
